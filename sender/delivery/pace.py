"""How fast texts may go: token buckets in parts per second, for each from_number and for campaigns with a rate.

They stand in the database and are emptied in the transaction that queues, under the rows' locks: however many hand
over, a rate is kept once, and losing Redis loses nothing of it. A bucket holds what one second may send, so no jump of
a clock and no long rest lets more than that out at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, func, select
from sqlmodel import Session, col

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
    """The rates in force, by bucket; ``lines`` names the bucket of each from_number, ``ahead`` its parts under way."""

    rates: dict[str, float]
    lines: dict[int, str]
    ahead: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def buckets(self, one: Due) -> list[str]:
        """Every bucket this message takes from."""
        names = (self.lines.get(one.line_id or 0, ""), f"campaign:{one.campaign_id}")
        return [name for name in names if name in self.rates]

    def might_go(self, one: Due) -> bool:
        """Whether its from_number has few enough parts under way."""
        line = self.lines.get(one.line_id or 0, "")
        return line not in self.rates or self.ahead[line] < max(1.0, self.rates[line] * AHEAD_SECONDS)

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
        full = {name: max(1.0, self.rates[name] * BURST_SECONDS) for name in names}
        insert_new(session, Bucket, [{"key": name, "level": full[name], "at": real} for name in names])
        statement = select(col(Bucket.key), col(Bucket.level), col(Bucket.at)).where(col(Bucket.key).in_(names))
        rows = session.execute(statement.order_by(col(Bucket.key)).with_for_update())
        return {
            name: min(full[name], level + self.rates[name] * max(0.0, (real - at).total_seconds()))
            for name, level, at in rows
        }


def read_pace(session: Session) -> Pace:
    """The rates of from_numbers (by address: programs may share one) and of running campaigns; what is under way."""
    lines: dict[int, str] = {}
    rates: dict[str, float] = {}
    for line_id, address, rate in session.execute(
        select(col(FromNumber.id), col(FromNumber.address), col(FromNumber.rate))
    ):
        lines[line_id or 0] = name = f"line:{address}"
        rates[name] = min(rate, rates.get(name, rate))
    paced = (col(Campaign.status) == "running", col(Campaign.rate).is_not(None))
    for campaign_id, rate in session.execute(select(col(Campaign.id), col(Campaign.rate)).where(*paced)):
        rates[f"campaign:{campaign_id}"] = rate or 1.0
    pace = Pace(rates, lines)
    each = case((col(Message.parts) < 1, 1), else_=col(Message.parts))
    under_way = col(Message.status).in_([Status.QUEUED.value, Status.SENDING.value])
    counted = select(col(Message.from_number_id), func.sum(each)).where(under_way).group_by(col(Message.from_number_id))
    for line_id, parts in session.execute(counted):
        pace.ahead[lines.get(line_id or 0, "")] += int(parts)
    return pace
