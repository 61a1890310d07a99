"""Hands due messages to the workers: committed rows first, then the bell. Only the scheduler calls this."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, func, literal_column, not_, or_, select
from sqlmodel import Session

from guards.base import RESTRAINED, Kind, Purpose
from sender.allowances import INSTALLATION
from sender.db import Pace as WritePace
from sender.db import run_below
from sender.delivery.pace import Due, Pace, read_pace
from sender.halt import is_halted
from sender.models import Campaign, Message
from sender.runtime import Runtime
from sender.states import Status, advance

BATCH = 128
DEPTH = 8 * BATCH
"""A worker fetches four batches ahead (Dramatiq: two a thread); what a dead one had must leave room for a gulp."""
GULP = REFILL = DEPTH // 2
"""Campaigns are handed over in gulps: a gate for a hundred texts costs hardly more than one for ten, and each
transaction waits its turn among the gates."""
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
        """Queue what is due and may go by rate; returns how many messages were handed over (none while halted)."""
        now = self.runtime.clock.now()
        with self.runtime.db.read() as session:
            apart = _is_any(session, _APART_DUE, now)
            if not (apart or _is_any(session, _RUNNING, now)) or is_halted(session):
                return 0
            urgent_queued, queued = _queued(session)
            if not apart and DEPTH - queued < REFILL:
                return 0  # only campaigns may have some, and they wait until there is room for a gulp
            pace = read_pace(session, now, self.runtime.clock.real())
            if INSTALLATION in pace.resting:
                return 0
            urgent = _urgent(session, pace, now, URGENT_DEPTH - urgent_queued)
            due = _due(session, pace, now, DEPTH - queued)
        return self._queue_all(urgent, self.ring_urgent, pace) + self._queue_all(due, self.ring, pace)

    def hand_over_urgent(self) -> int:
        """The same for what somebody waits for alone, so that it waits for no gulp of a campaign."""
        now = self.runtime.clock.now()
        with self.runtime.db.read() as session:
            if not _is_any(session, _URGENT_DUE, now) or is_halted(session):
                return 0
            queued, _ = _queued(session)
            pace = read_pace(session, now, self.runtime.clock.real())
            if INSTALLATION in pace.resting:
                return 0
            urgent = _urgent(session, pace, now, URGENT_DEPTH - queued)
        return self._queue_all(urgent, self.ring_urgent, pace, WritePace.NORMAL)

    def _queue_all(self, due: Sequence[Due], ring: Ring, pace: Pace, write_pace: WritePace = WritePace.BULK) -> int:
        """Tokens are taken in the transaction that queues: they are shared by whoever hands over, and never lost."""
        handed = 0
        for start in range(0, len(due), GULP):
            some, real = due[start : start + GULP], self.runtime.clock.real()
            if not (open_ones := [one for one in some if pace.might_go(one)]):
                continue
            with self.runtime.db.write(write_pace, redoable=True) as session:
                ids = pace.take(session, open_ones, real)
                queued = advance(session, ids, Status.QUEUED, now=self.runtime.clock.now(), real=real)
            in_turn = [one for one in ids if one in queued]
            for first in range(0, len(in_turn), BATCH):
                ring(in_turn[first : first + BATCH])
            handed += len(queued)
        return handed


_M, _CAMPAIGNS = Message.__table__.c, Campaign.__table__.c  # type: ignore[attr-defined]
_COLUMNS = (_M.id, _M.from_number_id, _M.parts, _M.campaign_id)
# Written out, because SQLite takes a partial index (ix_message_apart) for words it can read only.
_APART = (_M.campaign_id.is_(None), _M.status == literal_column("'pending'"))
_IS_URGENT = and_(
    _M.campaign_id.is_(None),
    or_(
        _M.kind == Kind.ANSWER.value,
        _M.purpose.in_([purpose.value for purpose in Purpose if purpose not in RESTRAINED]),
    ),
)
# Asked many times a second and mostly answered no: made once, and the first two of a small index.
_APART_DUE = select(_M.id).where(*_APART, _M.send_after <= bindparam("now")).limit(1)
_URGENT_DUE = _APART_DUE.where(_IS_URGENT)
_RUNNING = select(_CAMPAIGNS.id).where(_CAMPAIGNS.status == "running").limit(1)
_COUNTED = select(func.coalesce(func.sum(case((_IS_URGENT, 1), else_=0)), 0), func.count()).where(
    _M.status == Status.QUEUED.value
)


def _is_any(session: Session, statement: Select[int], now: datetime) -> bool:
    """Whether there is anything of this; nothing else is asked where there is not."""
    return run_below(session, statement, {"now": now}).first() is not None


def _queued(session: Session) -> tuple[int, int]:
    """How many urgent messages are queued, and how many others."""
    first, every = run_below(session, _COUNTED).one()
    return int(first), int(every - first)


def _urgent(session: Session, pace: Pace, now: datetime, room: int) -> list[Due]:
    """Due messages that somebody waits for: codes first, then oldest first."""
    if room <= 0:
        return []
    codes_first = case((_M.purpose == Purpose.CODE.value, 0), else_=1)
    due = select(*_COLUMNS).where(*_APART, _M.send_after <= now, _IS_URGENT)
    return _fair(session, pace, due.order_by(codes_first, _M.send_after), room)


def _due(session: Session, pace: Pace, now: datetime, room: int) -> list[Due]:
    """Other due messages, oldest first; running campaigns last, and only once there is much room."""
    if room <= 0:
        return []
    others = select(*_COLUMNS).where(*_APART, _M.send_after <= now, not_(_IS_URGENT))
    rows = _fair(session, pace, others.order_by(_M.send_after), room)
    if room >= REFILL and len(rows) < room:
        left, part = room - len(rows), room % BATCH
        # A part of a batch is a gate of its own: it waits, unless nothing else would be left for campaigns.
        rows += _of_campaigns(session, pace, now, left - part if left > part else left)
    return rows


def _fair(session: Session, pace: Pace, due: Any, room: int) -> list[Due]:
    """What is due in its order; where more is than there is room for, of each from_number as many as may go now.

    So texts of a slow from_number at the head hold up no others.
    """
    rows = _read(session, due.limit(room))
    if len(rows) < room:
        return pace.fitting(rows)
    return _of_each_line(session, pace, due, pace.lines, room)


def _of_each_line(
    session: Session, pace: Pace, due: Any, lines: Iterable[int], limit: int, campaign_id: int | None = None
) -> list[Due]:
    found = []
    for line_id in (*lines, None):
        most = int(min(limit, pace.room(line_id, campaign_id)))
        if most > 0:
            mine = _M.from_number_id.is_(None) if line_id is None else _M.from_number_id == line_id
            found.append(_read(session, due.where(mine).limit(most)))
    return _in_turns(found)[:limit]


def _of_campaigns(session: Session, pace: Pace, now: datetime, room: int) -> list[Due]:
    """The same share of the room for each running campaign, in turns; what one leaves goes to the others."""
    columns = (_CAMPAIGNS.id, _CAMPAIGNS.program_id)
    running = select(*columns).where(_CAMPAIGNS.status == "running").order_by(_CAMPAIGNS.id)
    programs = {one or 0: program_id for one, program_id in session.execute(running)}
    waiting = {one: list[Due]() for one in programs}
    hungry, share = list(waiting), room
    while hungry and share > 0:
        share = max(1, share // len(hungry))
        wanted = {one: len(waiting[one]) + share for one in hungry}
        for one, limit in wanted.items():
            waiting[one] = _of_campaign(session, pace, one, programs[one], now, limit)
        hungry = [one for one in hungry if len(waiting[one]) == wanted[one]]
        share = room - sum(map(len, waiting.values()))
    return _in_turns(waiting.values())[:room]


def _of_campaign(
    session: Session, pace: Pace, campaign_id: int, program_id: int, now: datetime, limit: int
) -> list[Due]:
    mine = (_M.status == Status.PENDING.value, _M.campaign_id == campaign_id)
    due = select(*_COLUMNS).where(*mine, _M.send_after <= now).order_by(_M.send_after)
    return _of_each_line(session, pace, due, pace.programs[program_id], limit, campaign_id)


def _in_turns(queues: Iterable[list[Due]]) -> list[Due]:
    return [one for turn in zip_longest(*queues) for one in turn if one is not None]


def _read(session: Session, statement: Any) -> list[Due]:
    return [Due(message_id or 0, *rest) for message_id, *rest in session.execute(statement)]
