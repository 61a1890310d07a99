"""Hands due messages to the workers: committed rows first, then the bell. Only the scheduler calls this."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from sender.db import Pace
from sender.models import Campaign, FromNumber, Message
from sender.runtime import Runtime
from sender.states import Status, advance

BATCH = 96
DEPTH = 768
REFILL = DEPTH // 2
"""Campaigns are handed over in gulps: a gate for a hundred texts costs hardly more than one for ten."""
BURST_SECONDS = 1.0

Ring = Callable[[list[int]], None]


class Dispatcher:
    """Paces each from_number to its rate in parts per second, and keeps few enough queued that a pause acts at once."""

    def __init__(self, runtime: Runtime, ring: Ring) -> None:
        self.runtime = runtime
        self.ring = ring
        self._allowance: dict[int, float] = defaultdict(float)
        self._refilled = runtime.clock.elapsed()

    def hand_over(self) -> int:
        """Queue what is due and may go by rate; returns how many messages were handed over."""
        with self.runtime.db.read() as session:
            room = DEPTH - _queued(session)
            self._refill(session)
            due = self._within_rate(_due(session, self.runtime.clock.now(), room)) if room > 0 else []
        for start in range(0, len(due), BATCH):
            self._queue(due[start : start + BATCH])
        return len(due)

    def _queue(self, ids: Sequence[int]) -> None:
        now, real = self.runtime.clock.now(), self.runtime.clock.real()
        with self.runtime.db.write(Pace.BULK, redoable=True) as session:
            queued = advance(session, ids, Status.QUEUED, now=now, real=real)
        self.ring(sorted(queued))

    def _refill(self, session: Session) -> None:
        elapsed = self.runtime.clock.elapsed()
        seconds, self._refilled = elapsed - self._refilled, elapsed
        for line_id, rate in session.execute(select(col(FromNumber.id), col(FromNumber.rate))):
            limit = max(1.0, rate * BURST_SECONDS)
            self._allowance[line_id or 0] = min(limit, self._allowance[line_id or 0] + rate * seconds)

    def _within_rate(self, due: list[tuple[int, int | None, int]]) -> list[int]:
        taken = []
        for message_id, line_id, parts in due:
            if self._allowance[line_id or 0] > 0:
                self._allowance[line_id or 0] -= parts
                taken.append(message_id)
        return taken


def _queued(session: Session) -> int:
    counted = select(func.count()).select_from(Message).where(col(Message.status) == Status.QUEUED.value)
    return int(session.execute(counted).scalar_one())


def _due(session: Session, now: datetime, room: int) -> list[tuple[int, int | None, int]]:
    """Due messages, answers before campaigns, oldest first; running campaigns only once there is much room."""
    columns = (col(Message.id), col(Message.from_number_id), col(Message.parts))
    due = (col(Message.status) == Status.PENDING.value, col(Message.send_after) <= now)
    others = select(*columns).where(*due, col(Message.campaign_id).is_(None)).order_by(col(Message.send_after))
    running = select(col(Campaign.id)).where(col(Campaign.status) == "running")
    campaigns = select(*columns).where(*due, col(Message.campaign_id).in_(running)).order_by(col(Message.send_after))
    rows = list(session.execute(others.limit(room)))
    if room >= REFILL and len(rows) < room:
        rows += session.execute(campaigns.limit(room - len(rows)))
    return [(message_id or 0, line_id, parts) for message_id, line_id, parts in rows]
