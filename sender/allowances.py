"""Caps that all workers share: a from_number's parts of a day, what a campaign and the whole installation may spend.

A text takes from all of its purses or from none, in the gate's own transaction, under the locks of the purses' rows.
The database keeps the promise: what is used grows only by an update that is refused beyond the cap. T-Mobile counts a
brand's parts from midnight to midnight in Los Angeles, and who a number's carrier is nobody knows for certain: so all
parts of the from_number count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, update
from sqlmodel import Session, SQLModel, col

from sender.among import among
from sender.db import insert_new, run_below
from sender.models import Allowance, FromNumber

PACIFIC = ZoneInfo("America/Los_Angeles")
INSTALLATION = "installation"
UNIT = 10_000
"""Money is counted in ten-thousandths."""


_LINES = FromNumber.__table__  # type: ignore[attr-defined]
_CAPPED = (
    select(_LINES.c.id, _LINES.c.address, _LINES.c.daily_parts)
    .where(among(_LINES.c.id, "ids"), _LINES.c.daily_parts.is_not(None))
    .order_by(_LINES.c.address, _LINES.c.id)
)


class CapError(Exception):
    """A cap would have been passed: somebody else took from it under our lock. The gate undoes everything."""


class Day(NamedTuple):
    """One day of a cap: its name, and the instant at which the next begins."""

    name: str
    ends: datetime


class Shortage(NamedTuple):
    """Why a text may not go, until when at least, in one sentence."""

    reason: str
    until: datetime
    note: str


@dataclass
class Purse:
    """One cap whose row is locked until the transaction ends: what is ``left``, and what is told when it is empty.

    ``used`` is the column that grows, ``mine`` names the row, ``also`` are columns to set beside it.
    """

    table: type[SQLModel]
    used: Any
    mine: tuple[ColumnElement[bool], ...]
    cap: int
    left: int
    shortage: Shortage
    also: dict[str, Any] = field(default_factory=dict)
    taken: int = 0

    def take(self, amount: int) -> None:
        """Set aside."""
        self.left, self.taken = self.left - amount, self.taken + amount

    def keep(self, session: Session) -> None:
        """Write down what was set aside."""
        grown = update(self.table).where(*self.mine, self.used + self.taken <= self.cap)
        values = {self.used.key: self.used + self.taken, **self.also}
        if not session.execute(grown.values(**values).returning(self.used)).all():
            raise CapError(f"{self.shortage.reason}: {self.taken:,} would pass {self.cap:,}")


class Wish(NamedTuple):
    """One text and what it takes of each of its purses; ``id`` is the caller's name for it."""

    id: int
    takes: Sequence[tuple[Purse, int]]


class Capped(NamedTuple):
    """A from_number with a cap of parts a day."""

    line_id: int
    address: str
    cap: int


def share_out(session: Session, wishes: Sequence[Wish]) -> dict[int, Shortage]:
    """Let the texts take in their order, each from all of its purses or from none; returns what others lack.

    A dear text that does not fit lets a cheaper one behind it pass. CapError: nothing of the transaction may stand.
    """
    short: dict[int, Shortage] = {}
    for wish in wishes:
        lacking = next((purse.shortage for purse, amount in wish.takes if amount > purse.left), None)
        if lacking is not None:
            short[wish.id] = lacking
            continue
        for purse, amount in wish.takes:
            purse.take(amount)
    purses = {id(purse): purse for wish in wishes for purse, _ in wish.takes}
    for purse in purses.values():
        if purse.taken:
            purse.keep(session)
    return short


def open_purse(session: Session, key: str, day: Day, cap: int, shortage: Shortage) -> Purse:
    """The purse of an allowance on one day, its row locked. Whoever opens several does so in one order for all."""
    insert_new(session, Allowance, [{"key": key, "day": day.name, "used": 0}])
    mine = (col(Allowance.key) == key, col(Allowance.day) == day.name)
    used = session.execute(select(col(Allowance.used)).where(*mine).with_for_update()).scalar_one()
    return Purse(Allowance, col(Allowance.used), mine, cap, cap - used, shortage)


def day_of(now: datetime, zone: ZoneInfo | None = None) -> Day:
    """The day ``now`` lies in (in UTC, or in a zone): from midnight to midnight, 23 or 25 hours twice a year."""
    local = now.astimezone(zone or UTC)
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=zone or UTC)
    return Day(local.date().isoformat(), midnight.astimezone(UTC))


def capped_lines(session: Session, line_ids: set[int]) -> list[Capped]:
    """Those of these from_numbers that have a cap of the day, by address: the order in which all take their rows."""
    return [Capped(*row) for row in run_below(session, _CAPPED, {"ids": list(line_ids)})]
