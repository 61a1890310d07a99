"""Hands due messages to the workers: committed rows first, then the bell. Only the scheduler calls this."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from sqlalchemy import and_, case, func, literal_column, not_, or_, select
from sqlmodel import Session, col

from guards.base import RESTRAINED, Kind, Purpose
from sender.db import Pace as WritePace
from sender.delivery.pace import Due, Pace, read_pace
from sender.halt import is_halted
from sender.models import Campaign, Message
from sender.runtime import Runtime
from sender.states import Status, advance

BATCH = 96
DEPTH = 768
REFILL = DEPTH // 2
"""Campaigns are handed over in gulps: a gate for a hundred texts costs hardly more than one for ten."""
URGENT_DEPTH = 256

Ring = Callable[[list[int]], None]


class Dispatcher:
    """Paces from_numbers and campaigns in parts per second, and keeps few enough queued that a pause acts at once.

    What somebody waits for (codes, transactional texts, answers) has a room and a bell of its own, ``ring_urgent``:
    however much of a campaign is queued, the next code is handed over and rung for.
    """

    def __init__(self, runtime: Runtime, ring: Ring, ring_urgent: Ring | None = None) -> None:
        self.runtime = runtime
        self.ring = ring
        self.ring_urgent = ring_urgent or ring

    def hand_over(self) -> int:
        """Queue what is due and may go by rate; returns how many messages were handed over (while halted none)."""
        with self.runtime.db.read() as session:
            if is_halted(session):
                return 0
            now, (urgent_queued, queued) = self.runtime.clock.now(), _queued(session)
            pace = read_pace(session)
            urgent = _urgent(session, now, URGENT_DEPTH - urgent_queued)
            due = _due(session, now, DEPTH - queued)
        return self._queue_all(urgent, self.ring_urgent, pace) + self._queue_all(due, self.ring, pace)

    def _queue_all(self, due: Sequence[Due], ring: Ring, pace: Pace) -> int:
        """Tokens are taken in the transaction that queues: they are shared by whoever hands over, and never lost."""
        handed = 0
        for start in range(0, len(due), BATCH):
            some, real = due[start : start + BATCH], self.runtime.clock.real()
            if not (open_ones := [one for one in some if pace.might_go(one)]):
                continue
            with self.runtime.db.write(WritePace.BULK, redoable=True) as session:
                ids = pace.take(session, open_ones, real)
                queued = advance(session, ids, Status.QUEUED, now=self.runtime.clock.now(), real=real)
            if queued:
                ring(sorted(queued))
            handed += len(queued)
        return handed


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


def _due(session: Session, now: datetime, room: int) -> list[Due]:
    """Other due messages, oldest first; running campaigns last, and only once there is much room."""
    if room <= 0:
        return []
    others = select(*_COLUMNS).where(*_APART, col(Message.send_after) <= now, not_(_IS_URGENT))
    rows = _read(session, others.order_by(col(Message.send_after)).limit(room))
    if room >= REFILL and len(rows) < room:
        rows += _of_campaigns(session, now, room - len(rows))
    return rows


def _of_campaigns(session: Session, now: datetime, room: int) -> list[Due]:
    """The same share of the room for each running campaign, in turns; what one leaves goes to the others."""
    running = select(col(Campaign.id)).where(col(Campaign.status) == "running").order_by(col(Campaign.id))
    waiting = {one or 0: list[Due]() for one in session.execute(running).scalars()}
    hungry, share = list(waiting), room
    while hungry and share > 0:
        share = max(1, share // len(hungry))
        wanted = {one: len(waiting[one]) + share for one in hungry}
        waiting |= {one: _of_campaign(session, one, now, limit) for one, limit in wanted.items()}
        hungry = [one for one in hungry if len(waiting[one]) == wanted[one]]
        share = room - sum(map(len, waiting.values()))
    turns = zip_longest(*waiting.values())
    return [one for turn in turns for one in turn if one is not None][:room]


def _of_campaign(session: Session, campaign_id: int, now: datetime, limit: int) -> list[Due]:
    mine = (col(Message.status) == Status.PENDING.value, col(Message.campaign_id) == campaign_id)
    due = select(*_COLUMNS).where(*mine, col(Message.send_after) <= now).order_by(col(Message.send_after))
    return _read(session, due.limit(limit))


def _read(session: Session, statement: Any) -> list[Due]:
    return [Due(message_id or 0, *rest) for message_id, *rest in session.execute(statement)]
