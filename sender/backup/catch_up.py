"""What a copy of a database has to learn before it may send: texts that left since, and replies that came.

The provider's own list is the witness. A text in it that the copy still holds as waiting is marked as sent, so that it
is not sent again; a reply in it is taken in, so that a STOP of since then counts. Campaigns wait for a person.
"""

import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.numbers import find
from sender.audience.phone import PhoneError, parse
from sender.campaigns import control
from sender.crypto import text_hash
from sender.delivery import replies
from sender.delivery.receipts import BECOMES, adopt
from sender.delivery.replies import InboundText
from sender.delivery.wire import Wire
from sender.models import Attempt, Campaign, FromNumber, Installation, Message, Reply
from sender.providers.base import Found
from sender.runtime import Runtime
from sender.states import OPEN, WAITING, Status, advance

OVERLAP = timedelta(minutes=15)
CHUNK = 500
WHY = "the database was put back from a copy; look at what left since, then resume"


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What the copy learned. ``strange``: texts from our from_numbers that no message here explains."""

    since: datetime
    sent: int
    strange: int
    replies: int
    paused: list[str]


class Waiting(NamedTuple):
    """A message that the copy believes was not sent."""

    id: int
    number_id: int
    program_id: int
    purpose: str
    kind: str
    text_hash: bytes
    address: str


def copied_at(session: Session) -> datetime | None:
    """Up to when a copy that was not released yet knows what happened; None: this is no such copy."""
    return session.execute(select(col(Installation.copied_at))).scalar()


def catch_up(runtime: Runtime, wire: Wire, since: datetime, actor: str) -> CaughtUp:
    """Ask the provider what happened since, and bring the copy up to it. SendError when it cannot be asked.

    Safe to repeat; nothing is sent by it, and no reply of since then is answered any more. Texts that were planned
    after the copy was made cannot be known again: campaigns are paused for that.
    """
    paused = _pause_all(runtime, actor)
    listed = wire.ask(runtime.provider.messages_since(since - OVERLAP))
    counts: Counter[str] = Counter()
    for found in listed:
        if found.direction == "inbound":
            text = InboundText(found.sid, found.from_address or "", found.to, found.body, found.service or "")
            counts["replies"] += replies.receive(runtime, text)
        else:
            with runtime.db.write() as session:
                counts[_learn(runtime, session, found)] += 1
    _leave_unanswered(runtime, [found.sid for found in listed if found.direction == "inbound"])
    return CaughtUp(since, counts["sent"], counts["strange"], counts["replies"], paused)


def _leave_unanswered(runtime: Runtime, sids: list[str]) -> None:
    """An answer after hours is none: a confirmation of STOP may come within five minutes only."""
    waiting = [state.value for state in WAITING]
    for start in range(0, len(sids), CHUNK):
        with runtime.db.write() as session:
            of_these = select(col(Reply.id)).where(col(Reply.sid).in_(sids[start : start + CHUNK]))
            answers = select(col(Message.id)).where(
                col(Message.reply_id).in_(of_these), col(Message.status).in_(waiting), col(Message.kind) == "answer"
            )
            ids = [one for one in session.execute(answers).scalars() if one]
            now, real = runtime.clock.now(), runtime.clock.real()
            advance(session, ids, Status.CANCELLED, now=now, real=real, reason="too_late")


def _pause_all(runtime: Runtime, actor: str) -> list[str]:
    with runtime.db.read() as session:
        going = select(col(Campaign.id), col(Campaign.name)).where(col(Campaign.status).in_(["running", "scheduled"]))
        found = session.execute(going.order_by(col(Campaign.id))).all()
    for campaign_id, _ in found:
        control.pause(runtime, campaign_id or 0, actor, WHY)
    return [name for _, name in found]


def _learn(runtime: Runtime, session: Session, found: Found) -> str:
    """Settle the message that this text of the list is; "sent", "known", "strange" or "foreign"."""
    if session.execute(select(col(Attempt.id)).where(col(Attempt.sid) == found.sid)).first():
        return "known"
    lines = [address for address in (found.from_address, found.service) if address]
    if not session.execute(select(col(FromNumber.id)).where(col(FromNumber.address).in_(lines)).limit(1)).first():
        return "foreign"
    fitting = _fitting(runtime, session, found, lines)
    if fitting is None:
        return "strange"
    _settle(runtime, session, fitting, found)
    return "sent"


def _fitting(runtime: Runtime, session: Session, found: Found, lines: Iterable[str]) -> Waiting | None:
    try:
        number_id = find(session, runtime.keys, parse(found.to, None).e164)
    except PhoneError:
        return None
    columns = [getattr(Message, name) for name in Waiting._fields[:-1]]
    statement = (
        select(*columns, col(FromNumber.address))
        .join(FromNumber, col(FromNumber.id) == col(Message.from_number_id))
        .where(
            col(Message.number_id) == number_id,
            col(Message.status).in_([state.value for state in OPEN]),
            col(Message.text_hash) == text_hash(found.body),
            col(FromNumber.address).in_(list(lines)),
        )
        .order_by(col(Message.id))
        .limit(1)
    )
    row = session.execute(statement).first()
    return Waiting(*row) if row else None


def _settle(runtime: Runtime, session: Session, waiting: Waiting, found: Found) -> None:
    now, real = runtime.clock.now(), runtime.clock.real()
    live = select(col(Attempt.id)).where(col(Attempt.message_id) == waiting.id, col(Attempt.outcome) != "refuted")
    attempt_id = session.execute(live).scalar()
    if attempt_id is None:
        attempt = Attempt(
            message_id=waiting.id,
            number_id=waiting.number_id,
            program_id=waiting.program_id,
            purpose=waiting.purpose,
            kind=waiting.kind,
            token=secrets.token_urlsafe(16),
            gated_at=found.created_at,
            touched_at=real,
            facts={"found": "in the provider's list, after a copy was put back"},
        )
        session.add(attempt)
        session.flush()
        attempt_id = attempt.id
    adopt(session, attempt_id or 0, found.sid)
    to = BECOMES.get(found.status, Status.SENT)
    columns = {"sent_at": found.created_at} if to is Status.SENT else {}
    advance(session, [waiting.id], to, now=now, real=real, reason="", **columns)
