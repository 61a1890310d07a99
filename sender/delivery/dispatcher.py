"""Hands due messages to the workers: committed rows first, then the bell. Only the scheduler calls this."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import and_, case, func, literal_column, not_, or_, select
from sqlmodel import Session, col

from guards.base import RESTRAINED, Kind, Purpose
from sender.db import Pace
from sender.models import Campaign, FromNumber, Message
from sender.runtime import Runtime
from sender.states import Status, advance

BATCH = 96
DEPTH = 768
REFILL = DEPTH // 2
"""Campaigns are handed over in gulps: a gate for a hundred texts costs hardly more than one for ten."""
URGENT_DEPTH = 256
BURST_SECONDS = 1.0

Ring = Callable[[list[int]], None]
Due = tuple[int, int | None, int, int | None]
"""A message's id, from_number, parts and campaign."""


class Dispatcher:
    """Paces each from_number, and each campaign that has a rate, in parts per second; keeps few enough queued that a
    pause acts at once.

    What somebody waits for (codes, transactional texts, answers) has a room and a bell of its own, ``ring_urgent``:
    however much of a campaign is queued, the next code is handed over and rung for.
    """

    def __init__(self, runtime: Runtime, ring: Ring, ring_urgent: Ring | None = None) -> None:
        self.runtime = runtime
        self.ring = ring
        self.ring_urgent = ring_urgent or ring
        self._allowance: dict[int, float] = defaultdict(float)
        self._of_campaigns: dict[int, float] = {}
        self._refilled = runtime.clock.elapsed()

    def hand_over(self) -> int:
        """Queue what is due and may go by rate; returns how many messages were handed over."""
        with self.runtime.db.read() as session:
            now, (urgent_queued, queued) = self.runtime.clock.now(), _queued(session)
            self._refill(session)
            urgent = self._within_rate(_urgent(session, now, URGENT_DEPTH - urgent_queued))
            due = self._within_rate(_due(session, now, DEPTH - queued, self._of_campaigns))
        self._queue_all(urgent, self.ring_urgent)
        self._queue_all(due, self.ring)
        return len(urgent) + len(due)

    def _queue_all(self, ids: Sequence[int], ring: Ring) -> None:
        for start in range(0, len(ids), BATCH):
            now, real = self.runtime.clock.now(), self.runtime.clock.real()
            with self.runtime.db.write(Pace.BULK, redoable=True) as session:
                queued = advance(session, ids[start : start + BATCH], Status.QUEUED, now=now, real=real)
            ring(sorted(queued))

    def _refill(self, session: Session) -> None:
        elapsed = self.runtime.clock.elapsed()
        seconds, self._refilled = elapsed - self._refilled, elapsed
        for line_id, rate in session.execute(select(col(FromNumber.id), col(FromNumber.rate))):
            limit = max(1.0, rate * BURST_SECONDS)
            self._allowance[line_id or 0] = min(limit, self._allowance[line_id or 0] + rate * seconds)
        before, self._of_campaigns = self._of_campaigns, {}
        limited = (col(Campaign.status) == "running", col(Campaign.rate).is_not(None))
        for campaign_id, rate in session.execute(select(col(Campaign.id), col(Campaign.rate)).where(*limited)):
            limit = max(1.0, rate * BURST_SECONDS)
            self._of_campaigns[campaign_id] = min(limit, before.get(campaign_id, 0.0) + rate * seconds)

    def _within_rate(self, due: list[Due]) -> list[int]:
        taken = []
        for message_id, line_id, parts, campaign_id in due:
            if self._allowance[line_id or 0] > 0 and self._of_campaigns.get(campaign_id or 0, 1.0) > 0:
                self._allowance[line_id or 0] -= parts
                if campaign_id in self._of_campaigns:
                    self._of_campaigns[campaign_id] -= parts
                taken.append(message_id)
        return taken


_COLUMNS = (col(Message.id), col(Message.from_number_id), col(Message.parts), col(Message.campaign_id))
# Written out, because SQLite takes a partial index (ix_message_apart) for words it can read only.
_APART = (col(Message.campaign_id).is_(None), col(Message.status) == literal_column("'pending'"))
_IS_URGENT = and_(
    col(Message.campaign_id).is_(None),
    or_(
        col(Message.kind) == Kind.ANSWER.value,
        col(Message.purpose).in_([purpose.value for purpose in Purpose if purpose not in RESTRAINED]),
    ),
)


def _queued(session: Session) -> tuple[int, int]:
    """How many urgent messages are queued, and how many others."""
    urgent = func.coalesce(func.sum(case((_IS_URGENT, 1), else_=0)), 0)
    counted = select(urgent, func.count()).select_from(Message).where(col(Message.status) == Status.QUEUED.value)
    first, every = session.execute(counted).one()
    return int(first), int(every - first)


def _urgent(session: Session, now: datetime, room: int) -> list[Due]:
    """Due messages that somebody waits for: codes first, then oldest first."""
    if room <= 0:
        return []
    codes_first = case((col(Message.purpose) == Purpose.CODE.value, 0), else_=1)
    due = select(*_COLUMNS).where(*_APART, col(Message.send_after) <= now, _IS_URGENT)
    return _read(session, due.order_by(codes_first, col(Message.send_after)).limit(room))


def _due(session: Session, now: datetime, room: int, limited: Mapping[int, float]) -> list[Due]:
    """Other due messages, oldest first; running campaigns last, and only once there is much room.

    Campaigns with a rate give no more than that lets go: what has to wait must not stand in the way of others.
    """
    if room <= 0:
        return []
    others = select(*_COLUMNS).where(*_APART, col(Message.send_after) <= now, not_(_IS_URGENT))
    rows = _read(session, others.order_by(col(Message.send_after)).limit(room))
    if room >= REFILL and len(rows) < room:
        due = (col(Message.status) == Status.PENDING.value, col(Message.send_after) <= now)
        of_campaigns = select(*_COLUMNS).where(*due).order_by(col(Message.send_after))
        for campaign_id, left in limited.items():
            mine = of_campaigns.where(col(Message.campaign_id) == campaign_id)
            rows += _read(session, mine.limit(min(ceil(left), room - len(rows)))) if left > 0 else []
        running = select(col(Campaign.id)).where(col(Campaign.status) == "running", col(Campaign.rate).is_(None))
        rows += _read(session, of_campaigns.where(col(Message.campaign_id).in_(running)).limit(room - len(rows)))
    return rows


def _read(session: Session, statement: Any) -> list[Due]:
    return [tuple(row) for row in session.execute(statement)]
