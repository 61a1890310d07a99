"""Finds work that somebody dropped. Ages are measured on the machine's clock; safety never depends on them."""

from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlmodel import col

from sender.db import Pace
from sender.models import Attempt, Message
from sender.runtime import Runtime
from sender.states import Status, advance, wait_again

BELL_LOST = timedelta(seconds=10)
SLICE = 500
WORKER_LOST = "worker_lost"
"""Why a text is unconfirmed that nobody recorded an answer of: ours died, the provider was not silent."""


def sweep(runtime: Runtime) -> int:
    """One round; returns how many messages were moved.

    queued for 10 s: the bell was lost, pending again. sending for longer than an answer can take: its worker is gone
    and nobody knows whether it posted, so unconfirmed, never pending. waiting beyond its end: expired.
    """
    real, now = runtime.clock.real(), runtime.clock.now()
    dropped = (col(Message.status) == Status.QUEUED.value, col(Message.touched_at) < real - BELL_LOST)
    silent = timedelta(seconds=runtime.settings.sweep_seconds)
    unanswered = (col(Message.status) == Status.SENDING.value, col(Message.touched_at) < real - silent)
    waiting = or_(col(Message.status) == Status.PENDING.value, col(Message.status) == Status.QUEUED.value)
    expired = (waiting, col(Message.expires_at) <= now)
    moved = _move(runtime, dropped, Status.PENDING)
    moved += _move(runtime, unanswered, Status.UNCONFIRMED, reason=WORKER_LOST)
    return moved + _move(runtime, expired, Status.EXPIRED, reason="campaign_over")


def _move(runtime: Runtime, which: tuple[object, ...], to: Status, **columns: object) -> int:
    with runtime.db.read() as session:
        ids = list(session.execute(select(col(Message.id)).where(*which).limit(SLICE)).scalars())  # type: ignore[arg-type]
    if not ids:
        return 0
    with runtime.db.write(Pace.BULK, redoable=True) as session:
        now, real = runtime.clock.now(), runtime.clock.real()
        if to is Status.PENDING:
            # A gate may have let it through since it was read: what is on the wire waits no more.
            return len(wait_again(session, ids, now=now, real=real))
        moved = advance(session, ids, to, now=now, real=real, **columns)
        if to is Status.UNCONFIRMED:
            lost = (col(Attempt.message_id).in_(moved), col(Attempt.outcome) == "live")
            session.execute(update(Attempt).where(*lost).values(outcome="unconfirmed"))
    return len(moved)
