"""What the gate reads of the messages that were handed over."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from sender.among import among
from sender.db import run_below
from sender.models import Message
from sender.states import Status


class Row(NamedTuple):
    """What the gate needs of a message row."""

    id: int
    campaign_id: int | None
    program_id: int
    number_id: int
    from_number_id: int | None
    kind: str
    purpose: str
    answers: str | None
    reply_id: int | None
    text_cipher: bytes | None
    text_hash: bytes
    expires_at: datetime | None
    deferrals: int
    tries: int
    cost: int
    parts: int
    is_test: bool
    subject: str | None


_MESSAGES = Message.__table__  # type: ignore[attr-defined]
_QUEUED = (
    select(*(_MESSAGES.c[name] for name in Row._fields))
    .where(among(_MESSAGES.c.id, "ids"), _MESSAGES.c.status == Status.QUEUED.value)
    .order_by(_MESSAGES.c.id)
)


def queued(session: Session, ids: Sequence[int]) -> list[Row]:
    """Those of these messages that are queued, by id."""
    return [Row(*row) for row in run_below(session, _QUEUED, {"ids": list(ids)})]
