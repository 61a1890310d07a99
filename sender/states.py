"""The life of a message: its states, which may follow which, and the one function that moves it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ClauseElement, select, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session

from sender.among import among
from sender.db import run_below
from sender.models import Message


class Status(StrEnum):
    """Where a message is. ``SENT`` means that the provider accepted it; it may stay the last word for ever."""

    PENDING = "pending"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNCONFIRMED = "unconfirmed"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNPROVEN = "unproven"


WAITING = frozenset({Status.PENDING, Status.QUEUED})
ON_THE_WIRE = frozenset({Status.SENDING, Status.UNCONFIRMED})
REACHED_PROVIDER = frozenset({Status.SENT, Status.DELIVERED, Status.UNDELIVERED})
FINAL = frozenset(
    {
        Status.DELIVERED,
        Status.UNDELIVERED,
        Status.FAILED,
        Status.BLOCKED,
        Status.CANCELLED,
        Status.EXPIRED,
        Status.UNPROVEN,
    }
)
OPEN = WAITING | ON_THE_WIRE

# A receipt or the provider's list proves what happened, whatever was believed before. Among final states it only
# moves up (failed < undelivered < delivered): so receipts give the same result in any order.
_BY_PROOF = WAITING | ON_THE_WIRE | {Status.UNPROVEN}

MAY_BECOME: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: WAITING | {Status.SENDING},
    Status.QUEUED: frozenset({Status.PENDING}),
    Status.SENDING: frozenset({Status.QUEUED}),
    Status.SENT: _BY_PROOF,
    Status.UNCONFIRMED: frozenset({Status.SENDING}),
    Status.DELIVERED: _BY_PROOF | {Status.SENT, Status.FAILED, Status.UNDELIVERED},
    Status.UNDELIVERED: _BY_PROOF | {Status.SENT, Status.FAILED},
    Status.FAILED: _BY_PROOF | {Status.SENT},
    Status.BLOCKED: WAITING,
    Status.CANCELLED: WAITING,
    Status.EXPIRED: WAITING,
    Status.UNPROVEN: frozenset({Status.UNCONFIRMED}),
}


def advance(
    session: Session, ids: Collection[int], to: Status, *, now: datetime, real: datetime, **columns: Any
) -> set[int]:
    """Move messages to ``to`` if they are in a state that may become it; returns the ids that moved.

    ``now`` is the campaign clock, ``real`` the machine's (sweeps measure by it); ``columns`` are set beside the
    state. An id that is missing from the answer was moved by someone else first, or the event came late.
    """
    return _change(session, ids, to, MAY_BECOME[to], now=now, real=real, **columns)


def wait_again(session: Session, ids: Collection[int], *, now: datetime, real: datetime, **columns: Any) -> set[int]:
    """Let messages that wait or are queued wait (again); what a gate has let through meanwhile is left on the wire."""
    return _change(session, ids, Status.PENDING, WAITING, now=now, real=real, **columns)


def wait_again_unheld(session: Session, ids: Collection[int], *, now: datetime, real: datetime) -> set[int]:
    """The same for those that nobody else is changing; the others are left to whoever does, and to the sweep."""
    return _change(session, ids, Status.PENDING, WAITING, now=now, real=real, skip_held=True)


def _change(
    session: Session, ids: Collection[int], to: Status, leaving: frozenset[Status], *, now: datetime, real: datetime,
    skip_held: bool = False, **columns: Any,
) -> set[int]:  # fmt: skip
    if not ids:
        return set()
    values: dict[str, Any] = {"status": to.value, "changed_at": now, "touched_at": real, **columns}
    if to in FINAL:
        values["final_at"] = now
    in_order = session.get_bind().dialect.name == "postgresql" and (len(ids) > 1 or skip_held)
    statement = _moving(leaving, in_order, skip_held)
    if reckoned := {name: value for name, value in values.items() if isinstance(value, ClauseElement)}:
        statement = statement.values(**reckoned)
    plain = {name: value for name, value in values.items() if name not in reckoned}
    return set(run_below(session, statement, {"ids": list(ids), **plain}).scalars())


@cache
def _moving(leaving: frozenset[Status], in_order: bool, skip_held: bool) -> ReturningUpdate[int]:
    """The statement that moves messages out of these states: the same words each time, which are then read once."""
    table = Message.__table__  # type: ignore[attr-defined]
    # Joined with nothing, no index serves the state: SQLite, which plans without figures, takes that of all who wait
    # for narrower than a list of ids, and reads a million rows to move a hundred.
    may_leave = table.c.status.concat("").in_(sorted(status.value for status in leaving))
    which = among(table.c.id, "ids"), may_leave
    if not in_order:
        return update(table).where(*which).returning(table.c.id)
    # In a table of its own: PostgreSQL takes a list to look in for one row, and reads and sorts it anew for each text.
    held = select(table.c.id).where(*which).order_by(table.c.id).with_for_update(skip_locked=skip_held).cte("held")
    return update(table).where(table.c.id == held.c.id, may_leave).returning(table.c.id)


def send_again(session: Session, message_id: int, *, now: datetime, real: datetime) -> bool:
    """Let a text of unknown outcome wait again, after its attempt was refuted: the one way back, for the reconciler."""
    table = Message.__table__  # type: ignore[attr-defined]
    unknown = (table.c.id == message_id, table.c.status == Status.UNCONFIRMED.value)
    values = {"status": Status.PENDING.value, "reason": "sent_again", "send_after": now, "changed_at": now}
    again = update(table).where(*unknown).values(**values, touched_at=real, tries=table.c.tries + 1)
    return bool(run_below(session, again.returning(table.c.id)).all())
