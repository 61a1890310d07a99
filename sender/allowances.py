"""Caps of one day that all workers share: parts of a from_number, and what the whole installation may spend.

As with budgets the database keeps the promise: what is used grows only by an update that is refused beyond the cap, in
the gate's own transaction. T-Mobile counts a brand's parts from midnight to midnight in Los Angeles, and who a number's
carrier is nobody knows for certain: so all parts of the from_number count.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.db import insert_new
from sender.models import Allowance, FromNumber

PACIFIC = ZoneInfo("America/Los_Angeles")
INSTALLATION = "installation"
UNIT = 10_000
"""Money is counted in ten-thousandths."""


class Day(NamedTuple):
    """One day of a cap: its name, and the instant at which the next begins."""

    name: str
    ends: datetime


class Use(NamedTuple):
    """One text that would use ``amount`` of an allowance; ``id`` is the caller's name for it."""

    id: int
    amount: int


class Capped(NamedTuple):
    """A from_number with a cap of parts a day."""

    line_id: int
    address: str
    cap: int


def day_of(now: datetime, zone: ZoneInfo | None = None) -> Day:
    """The day ``now`` lies in (in UTC, or in a zone): from midnight to midnight, 23 or 25 hours twice a year."""
    local = now.astimezone(zone or UTC)
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=zone or UTC)
    return Day(local.date().isoformat(), midnight.astimezone(UTC))


def capped_lines(session: Session, line_ids: set[int]) -> list[Capped]:
    """Those of these from_numbers that have a cap of the day, by address: the order in which all take their rows."""
    columns = (col(FromNumber.id), col(FromNumber.address), col(FromNumber.daily_parts))
    capped = (col(FromNumber.id).in_(line_ids), col(FromNumber.daily_parts).is_not(None))
    rows = session.execute(select(*columns).where(*capped).order_by(col(FromNumber.address), col(FromNumber.id)))
    return [Capped(line_id or 0, address, cap or 0) for line_id, address, cap in rows]


def take(session: Session, key: str, day: Day, cap: int, wanted: Sequence[Use]) -> set[int]:
    """Use as much of the day as fits, first come first served; returns the ids of those for whom nothing is left."""
    if not wanted:
        return set()
    insert_new(session, Allowance, [{"key": key, "day": day.name, "used": 0}])
    mine = (col(Allowance.key) == key, col(Allowance.day) == day.name)
    left = cap - session.execute(select(col(Allowance.used)).where(*mine).with_for_update()).scalar_one()
    going: list[Use] = []
    for one in wanted:
        if one.amount <= left:
            going.append(one)
            left -= one.amount
    amount = sum(one.amount for one in going)
    if amount:
        grown = update(Allowance).where(*mine, col(Allowance.used) + amount <= cap)
        if not session.execute(grown.values(used=col(Allowance.used) + amount).returning(col(Allowance.key))).all():
            going = []
    return {one.id for one in wanted} - {one.id for one in going}
