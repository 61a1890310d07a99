"""Delivery receipts: stored before they are answered, applied later, and the same result in any order.

A receipt that carries an attempt's token is proof that the attempt was accepted, whatever became of its answer.
Source: Twilio, "Track the Message Status of Outbound Messages": callbacks may be late, early, repeated or missing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import case, exists, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from sender.db import Pace, insert_new
from sender.delivery.pipeline import learn, reason_of
from sender.models import Attempt, Receipt
from sender.providers.errors import refusal
from sender.runtime import Runtime
from sender.states import Status, advance

BECOMES = {
    "accepted": Status.SENT,
    "scheduled": Status.SENT,
    "queued": Status.SENT,
    "sending": Status.SENT,
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "canceled": Status.FAILED,
}
SLICE = 200
SLICES = 10
"""A backlog is worked off without a rest between its slices; after so many the scheduler hears whether it is to end."""
REFUSED_LATE = 400


@dataclass(frozen=True, slots=True)
class ReceiptIn:
    """One status callback as it came: the address's token, the provider's id, status, and error code if any."""

    token: str
    sid: str
    status: str
    error_code: int | None = None


class Stored(NamedTuple):
    """One receipt that waits to be applied."""

    id: int
    token: str
    sid: str
    status: str
    error_code: int | None


class Matched(NamedTuple):
    """The attempt a receipt belongs to."""

    id: int
    message_id: int
    number_id: int
    program_id: int
    token: str
    sid: str | None


def store(runtime: Runtime, receipts: Sequence[ReceiptIn]) -> None:
    """Keep these receipts, durably when this returns; one that is known already is passed over."""
    with runtime.db.write(Pace.BULK) as session:
        keep(runtime, session, receipts)


def keep(runtime: Runtime, session: Session, receipts: Sequence[ReceiptIn]) -> None:
    """Add these receipts to a transaction.

    A token we did not sign is not kept as one: the receipt then counts only by its provider id.
    """
    now = runtime.clock.now()
    rows = [
        {
            "token": _own_token(runtime, receipt.token),
            "sid": receipt.sid,
            "status": receipt.status,
            "error_code": receipt.error_code,
            "state": "open",
            "received_at": now,
        }
        for receipt in receipts
    ]
    insert_new(session, Receipt, rows)


def apply(runtime: Runtime) -> int:
    """Apply up to 2,000 stored receipts, oldest first, 200 a transaction; returns how many were looked at."""
    applied = 0
    for _ in range(SLICES):
        applied += (some := _apply_some(runtime))
        if some < SLICE:
            break
    return applied


def _apply_some(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        waiting = session.execute(select(col(Receipt.id)).where(col(Receipt.state) == "open").limit(1)).all()
    if not waiting:
        return 0
    with runtime.db.write(Pace.BULK, redoable=True) as session:
        columns = [getattr(Receipt, name) for name in Stored._fields]
        statement = select(*columns).where(col(Receipt.state) == "open").order_by(col(Receipt.id)).limit(SLICE)
        receipts = [Stored(*row) for row in session.execute(statement)]
        attempts = _attempts(session, receipts)
        matched = [(one, attempt) for one in receipts if (attempt := attempts.get(one.token) or attempts.get(one.sid))]
        # Marked first: adopting an id opens receipts again that nobody knew what to do with.
        _mark(session, {one.id for one in receipts} - {one.id for one, _ in matched}, "unknown", runtime.clock.now())
        _mark(session, {one.id for one, _ in matched}, "applied", runtime.clock.now())
        _settle(runtime, session, matched)
        return len(receipts)


def adopt(session: Session, attempt_id: int, sid: str) -> None:
    """Settle an attempt as accepted under this id; receipts that came before anyone knew of it count from now on.

    One that was refuted while a second try of its message lives keeps its outcome: a message has one that is not.
    """
    other = aliased(Attempt)
    has_second = exists().where(
        other.message_id == Attempt.message_id,  # type: ignore[arg-type]
        other.id != Attempt.id,  # type: ignore[arg-type]
        other.outcome != "refuted",  # type: ignore[arg-type]
    )
    session.execute(
        update(Attempt)
        .where(col(Attempt.id) == attempt_id)
        .values(outcome=case((has_second, "refuted"), else_="accepted"), sid=sid)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Receipt).where(col(Receipt.sid) == sid, col(Receipt.state) == "unknown").values(state="open")
    )


def _own_token(runtime: Runtime, signed: str) -> str:
    token, _, signature = signed.partition(".")
    return token if runtime.keys.verifies("receipt", token, signature) else ""


def _attempts(session: Session, receipts: Iterable[Stored]) -> dict[str, Matched]:
    tokens = {receipt.token for receipt in receipts if receipt.token}
    sids = {receipt.sid for receipt in receipts}
    columns = [getattr(Attempt, name) for name in Matched._fields]
    statement = select(*columns).where(or_(col(Attempt.token).in_(tokens), col(Attempt.sid).in_(sids)))
    found: dict[str, Matched] = {}
    for row in session.execute(statement):
        attempt = Matched(*row)
        found[attempt.token] = attempt
        if attempt.sid:
            found[attempt.sid] = attempt
    return found


def _mark(session: Session, ids: Collection[int], state: str, now: datetime) -> None:
    statement = update(Receipt).where(col(Receipt.id).in_(ids)).values(state=state, applied_at=now)
    session.execute(statement.execution_options(synchronize_session=False))


def _settle(runtime: Runtime, session: Session, matched: Sequence[tuple[Stored, Matched]]) -> None:
    """One update for all receipts that say the same: they commute, so their order does not matter."""
    now, real = runtime.clock.now(), runtime.clock.real()
    alike: dict[tuple[Status, int | None], set[int]] = {}
    for receipt, attempt in matched:
        to = BECOMES.get(receipt.status)
        if to is None:
            continue
        if attempt.sid is None:
            adopt(session, attempt.id, receipt.sid)
        alike.setdefault((to, receipt.error_code), set()).add(attempt.message_id)
        if receipt.error_code:
            error = refusal(REFUSED_LATE, receipt.error_code)
            learn(runtime, session, attempt.number_id, attempt.program_id, attempt.token, error)
    for (to, code), ids in alike.items():
        advance(session, ids, to, now=now, real=real, **_columns(to, code, now))


def _columns(to: Status, code: int | None, now: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {"error_code": code, "reason": reason_of(refusal(REFUSED_LATE, code))} if code else {}
    return {"reason": "", **columns, **({"sent_at": now} if to is Status.SENT else {})}
