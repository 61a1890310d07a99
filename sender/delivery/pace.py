"""How fast texts may go: token buckets in parts per second, for each from_number and for campaigns with a rate.

They stand in the database and are emptied in the transaction that queues, under the rows' locks: however many hand
over, a rate is kept once, and losing Redis loses nothing of it. A bucket holds what one second may send, so no jump of
a clock and no long rest lets more than that out at once.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from sender import closures
from sender.db import insert_new, upsert
from sender.models import Bucket, Campaign, FromNumber, Message
from sender.states import Status

BURST_SECONDS = 1.0
AHEAD_SECONDS = 10.0
"""What is queued or on the wire of one from_number may take it so long; the rest waits where a pause reaches it."""


class Due(NamedTuple):
    """What handing over needs to know of a message."""

    id: int
    line_id: int | None
    parts: int
    campaign_id: int | None


@dataclass
class Pace:
    """The rates in force, by bucket; ``lines`` names the bucket of each from_number, ``ahead`` its parts under way.

    ``programs`` are the from_numbers of each program, ``levels`` what its buckets held when it was read, ``resting``
    names what sends nothing more today.
    """

    rates: dict[str, float]
    lines: dict[int, str]
    programs: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    levels: dict[str, float] = field(default_factory=dict)
    resting: Collection[str] = ()
    ahead: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def buckets(self, one: Due) -> list[str]:
        """Every bucket this message takes from."""
        names = (self.lines.get(one.line_id or 0, ""), f"campaign:{one.campaign_id}")
        return [name for name in names if name in self.rates]

    def might_go(self, one: Due) -> bool:
        """Whether its from_number has few enough parts under way."""
        line = self.lines.get(one.line_id or 0, "")
        return line not in self.rates or self.ahead[line] < max(1.0, self.rates[line] * AHEAD_SECONDS)

    def room(self, line_id: int | None, campaign_id: int | None = None) -> float:
        """How many texts of this from_number may go now at most; ``take`` counts exactly."""
        line, most = self.lines.get(line_id or 0, ""), math.inf
        if campaign_id is not None and line in self.resting:
            return 0
        for name in (line, f"campaign:{campaign_id}"):
            if name in self.rates:
                most = min(most, self.levels.get(name, self._full(name)))
        if line in self.rates:
            most = min(most, max(1.0, self.rates[line] * AHEAD_SECONDS) - self.ahead[line])
        return most if most == math.inf else max(0, math.ceil(most))

    def fitting(self, due: Sequence[Due]) -> list[Due]:
        """The first of these, of each from_number no more than may go now."""
        left = {line_id: self.room(line_id) for line_id in {one.line_id for one in due}}
        fitting = []
        for one in due:
            if left[one.line_id] > 0:
                left[one.line_id] -= 1
                fitting.append(one)
        return fitting

    def take(self, session: Session, due: Sequence[Due], real: datetime) -> list[int]:
        """Take tokens for as many as there are, in their order; returns the ids of those that may go."""
        names = sorted({name for one in due for name in self.buckets(one)})
        levels = self._levels(session, names, real)
        going = []
        for one in due:
            mine = self.buckets(one)
            if self.might_go(one) and all(levels[name] > 0 for name in mine):
                going.append(one.id)
                self._use(one, mine, levels)
        upsert(session, Bucket, [{"key": name, "level": levels[name], "at": real} for name in names], ["key"])
        return going

    def _use(self, one: Due, mine: Iterable[str], levels: dict[str, float]) -> None:
        for name in mine:
            levels[name] -= max(1, one.parts)
        self.ahead[self.lines.get(one.line_id or 0, "")] += max(1, one.parts)

    def _levels(self, session: Session, names: list[str], real: datetime) -> dict[str, float]:
        """What is in these buckets now; one that is new is full."""
        full = {name: self._full(name) for name in names}
        insert_new(session, Bucket, [{"key": name, "level": full[name], "at": real} for name in names])
        statement = select(col(Bucket.key), col(Bucket.level), col(Bucket.at)).where(col(Bucket.key).in_(names))
        rows = session.execute(statement.order_by(col(Bucket.key)).with_for_update())
        return {name: self._filled(name, level, at, real) for name, level, at in rows}

    def _full(self, name: str) -> float:
        return max(1.0, self.rates[name] * BURST_SECONDS)

    def _filled(self, name: str, level: float, at: datetime, real: datetime) -> float:
        return min(self._full(name), level + self.rates[name] * max(0.0, (real - at).total_seconds()))

    def look(self, session: Session, real: datetime) -> None:
        """Read what is in the buckets and under way; nothing is locked, so it may change at once."""
        for name, level, at in session.execute(select(col(Bucket.key), col(Bucket.level), col(Bucket.at))):
            if name in self.rates:
                self.levels[name] = self._filled(name, level, at, real)
        each = case((col(Message.parts) < 1, 1), else_=col(Message.parts))
        under_way = col(Message.status).in_([Status.QUEUED.value, Status.SENDING.value])
        counted = select(col(Message.from_number_id), func.sum(each)).where(under_way)
        for line_id, parts in session.execute(counted.group_by(col(Message.from_number_id))):
            self.ahead[self.lines.get(line_id or 0, "")] += int(parts)


def read_pace(session: Session, now: datetime, real: datetime) -> Pace:
    """The rates of from_numbers (by address: programs may share one) and of running campaigns; what is under way."""
    pace = Pace({}, {}, resting=closures.closed(session, now))
    columns = (col(FromNumber.id), col(FromNumber.program_id), col(FromNumber.address), col(FromNumber.rate))
    for line_id, program_id, address, rate in session.execute(select(*columns).order_by(col(FromNumber.id))):
        pace.lines[line_id or 0] = name = f"line:{address}"
        pace.rates[name] = min(rate, pace.rates.get(name, rate))
        pace.programs[program_id].append(line_id or 0)
    paced = (col(Campaign.status) == "running", col(Campaign.rate).is_not(None))
    for campaign_id, rate in session.execute(select(col(Campaign.id), col(Campaign.rate)).where(*paced)):
        pace.rates[f"campaign:{campaign_id}"] = rate or 1.0
    pace.look(session, real)
    return pace
