"""Settles texts whose answer was lost: by a receipt (receipts.py), else by the provider's own list, else not at all.

No timer ever sends such a text again, but for one case: a program may let transactional texts and codes go once more
when two lists, ten minutes after the gate, do not have them (``resends``). After its validity and an hour, and two
lists without it, it is closed as unproven, and a person is shown it.
"""

import asyncio
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import or_, select, update
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience.numbers import SealedNumber
from sender.crypto import text_hash
from sender.delivery.receipts import BECOMES, adopt
from sender.delivery.wire import Wire
from sender.models import Attempt, FromNumber, Message, Number, Program
from sender.providers.base import Found, SendError
from sender.runtime import Runtime
from sender.states import Status, advance, send_again

SENT_AGAIN_AFTER = timedelta(minutes=10)
AGAIN = (Purpose.TRANSACTIONAL.value, Purpose.CODE.value)
CLOCKS_APART = timedelta(minutes=2)
CLOSED_AFTER = timedelta(hours=1)
SEARCH_EVERY = timedelta(seconds=20)
LISTS_NEEDED = 2
SLICE = 32


class Lost(NamedTuple):
    """One attempt of unknown outcome, with what is needed to know it again in the provider's list."""

    id: int
    message_id: int
    gated_at: datetime
    validity: int
    searches: int
    text_hash: bytes
    address: str
    cipher: bytes
    data_key: bytes


def reconcile(runtime: Runtime, wire: Wire) -> int:
    """Look up to 32 lost texts up in the provider's list; returns how many were settled."""
    due = _due(runtime)
    settled = 0
    for lost, listed in zip(due, wire.ask(_lists(runtime, due)), strict=True):
        if not isinstance(listed, SendError):
            with runtime.db.write() as session:
                settled += _settle(runtime, session, lost, listed)
    return settled


async def _lists(runtime: Runtime, due: list[Lost]) -> list[list[Found] | SendError]:
    """The provider's list for each lost text, asked at once."""
    return await asyncio.gather(*(_list(runtime, lost) for lost in due))


async def _list(runtime: Runtime, lost: Lost) -> list[Found] | SendError:
    to = SealedNumber(lost.cipher, lost.data_key).open(runtime.keys)
    try:
        return await runtime.provider.messages_to(to, lost.gated_at - CLOCKS_APART)
    except SendError as error:
        return error


def _due(runtime: Runtime) -> list[Lost]:
    real = runtime.clock.real()
    statement = (
        select(
            col(Attempt.id),
            col(Attempt.message_id),
            col(Attempt.gated_at),
            col(Attempt.validity),
            col(Attempt.searches),
            col(Message.text_hash),
            col(FromNumber.address),
            col(Number.cipher),
            col(Number.data_key),
        )
        .join(Message, col(Message.id) == col(Attempt.message_id))
        .join(FromNumber, col(FromNumber.id) == col(Message.from_number_id))
        .join(Number, col(Number.id) == col(Attempt.number_id))
        .where(
            col(Attempt.outcome) == "unconfirmed",
            col(Attempt.touched_at) < real - SEARCH_EVERY,
            or_(col(Attempt.searched_at).is_(None), col(Attempt.searched_at) < real - SEARCH_EVERY),
        )
        .order_by(col(Attempt.searched_at).asc().nulls_first(), col(Attempt.id))
        .limit(SLICE)
    )
    with runtime.db.read() as session:
        return [Lost(*row) for row in session.execute(statement)]


def _settle(runtime: Runtime, session: Session, lost: Lost, listed: list[Found]) -> int:
    now, real = runtime.clock.now(), runtime.clock.real()
    ours = [found for found in listed if _fits(lost, found)]
    known = set(
        session.execute(select(col(Attempt.sid)).where(col(Attempt.sid).in_([one.sid for one in ours]))).scalars()
    )
    free = [found for found in ours if found.sid not in known]
    if len(free) == 1:
        adopt(session, lost.id, free[0].sid)
        to = BECOMES.get(free[0].status, Status.SENT)
        columns = {"sent_at": now} if to is Status.SENT else {}
        return len(advance(session, [lost.message_id], to, now=now, real=real, reason="", **columns))
    searches = lost.searches + 1
    session.execute(update(Attempt).where(col(Attempt.id) == lost.id).values(searches=searches, searched_at=real))
    if (
        not free
        and searches >= LISTS_NEEDED
        and now > lost.gated_at + SENT_AGAIN_AFTER
        and _may_go_again(session, lost)
    ):
        refuted = (col(Attempt.id) == lost.id, col(Attempt.outcome) == "unconfirmed")
        session.execute(update(Attempt).where(*refuted).values(outcome="refuted"))
        return send_again(session, lost.message_id, now=now, real=real)
    over = now > lost.gated_at + timedelta(seconds=lost.validity) + CLOSED_AFTER
    if not over or searches < LISTS_NEEDED:
        return 0
    reason = "several_in_list" if free else "not_in_two_lists"
    session.execute(
        update(Attempt)
        .where(col(Attempt.id) == lost.id, col(Attempt.outcome) == "unconfirmed")
        .values(outcome="unproven")
    )
    return len(advance(session, [lost.message_id], Status.UNPROVEN, now=now, real=real, reason=reason))


def _may_go_again(session: Session, lost: Lost) -> bool:
    """Whether its program lets what somebody waits for go a second time, and it has not gone a second time before."""
    told = (col(Message.id) == lost.message_id, col(Program.resends), col(Message.purpose).in_(AGAIN))
    wanted = select(col(Message.id)).join(Program, col(Program.id) == col(Message.program_id)).where(*told)
    before = (col(Attempt.message_id) == lost.message_id, col(Attempt.id) != lost.id, col(Attempt.searches) > 0)
    is_second = session.execute(select(col(Attempt.id)).where(*before).limit(1)).first()
    return is_second is None and session.execute(wanted).first() is not None


def _fits(lost: Lost, found: Found) -> bool:
    same_line = lost.address in (found.from_address, found.service)
    return same_line and text_hash(found.body) == lost.text_hash
