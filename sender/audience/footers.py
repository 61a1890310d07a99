"""When a number last read a program's way out: for programs that say it in the first text and then every N days."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Facts, Policy
from guards.opt_out_footer import footer_for, is_said
from sender.audience.ledger import CHUNK
from sender.crypto import unseal
from sender.models import Attempt, Message
from sender.states import Status

ARRIVED = (Status.SENT.value, Status.DELIVERED.value)
Earlier = Mapping[tuple[int, int], list[tuple[datetime, bytes]]]
"""Texts by number and program, newest first: when they passed the gate, and the sealed words."""


def earlier_texts(session: Session, policies: Iterable[Policy], number_ids: Collection[int], now: datetime) -> Earlier:
    """Read what the programs that ask for it sent to these numbers and may have arrived; others cost no query."""
    days = {policy.program_id: policy.footer_every_days for policy in policies if policy.footer_every_days > 0}
    found: dict[tuple[int, int], list[tuple[datetime, bytes]]] = {}
    wanted = sorted(number_ids) if days else []
    for start in range(0, len(wanted), CHUNK):
        statement = (
            select(col(Attempt.number_id), col(Attempt.program_id), col(Attempt.gated_at), col(Message.text_cipher))
            .join(Message, col(Message.id) == col(Attempt.message_id))
            .where(
                col(Attempt.number_id).in_(wanted[start : start + CHUNK]),
                col(Attempt.program_id).in_(days),
                col(Attempt.gated_at) > now - timedelta(days=max(days.values())),
                col(Attempt.outcome) == "accepted",
                col(Attempt.kind) != "answer",
                col(Message.status).in_(ARRIVED),
                col(Message.text_cipher).is_not(None),
            )
            .order_by(col(Attempt.gated_at).desc())
        )
        for number_id, program_id, at, cipher in session.execute(statement):
            found.setdefault((number_id, program_id), []).append((at, cipher))
    return found


def last_said(texts: Iterable[tuple[datetime, bytes]], data_key: bytes, facts: Facts) -> datetime | None:
    """When the newest of these texts that says the way out passed the gate; what cannot be opened said nothing."""
    footer, country = footer_for(facts), facts.country or ""
    for at, cipher in texts:
        try:
            words = unseal(data_key, cipher).decode()
        except InvalidTag:
            continue
        if is_said(words, footer, country):
            return at
    return None
