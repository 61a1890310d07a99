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
SLICES = 20
WORKER_LOST = "worker_lost"
"""Why a text is unconfirmed that nobody recorded an answer of: ours died, the provider was not silent."""


def sweep(runtime: Runtime) -> int:
    """One round; returns how many messages were moved.

    queued for 10 s: the bell was lost, pending again. sending for longer than an answer can take: its worker is gone
    and nobody knows whether it posted, so unconfirmed, never pending.
    """
    real = runtime.clock.real()
    dropped = (col(Message.status) == Status.QUEUED.value, col(Message.touched_at) < real - BELL_LOST)
    silent = timedelta(seconds=runtime.settings.sweep_seconds)
    unanswered = (col(Message.status) == Status.SENDING.value, col(Message.touched_at) < real - silent)
    moved = _move(runtime, dropped, Status.PENDING)
    return moved + _move(runtime, unanswered, Status.UNCONFIRMED, reason=WORKER_LOST)


def expire(runtime: Runtime) -> int:
    """Give up what waits beyond its end, up to 10,000 texts; returns how many. No gate would let them through.

    Nobody waits for this, and it reads all who wait (0.2 s of the processor for a million): it is asked seldom.
    """
    waiting = or_(col(Message.status) == Status.PENDING.value, col(Message.status) == Status.QUEUED.value)
    over = (waiting, col(Message.expires_at) <= runtime.clock.now())
    moved = 0
    for _ in range(SLICES):
        found = _move(runtime, over, Status.EXPIRED, reason="campaign_over")
        moved += found
        if found < SLICE:
            break
    return moved


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
