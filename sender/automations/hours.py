"""When a recurring automation comes round: wall times of a zone, or of each person's own place."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from guards.local_start import first_of, last_of

A_WEEK = 9
"""Days to look through: a week, and the days that zones are apart."""


def wall_of(schedule: Mapping[str, Any], day: date) -> datetime:
    """The wall time of a schedule on a day, naive."""
    return datetime.combine(day, time.fromisoformat(schedule["at"]))


def next_round(schedule: Mapping[str, Any], countries_zones: Iterable[str], after: datetime) -> datetime:
    """The first instant (UTC) after another at which the schedule comes round.

    With a zone it is the zone's wall time; without, the moment at which the first place of ``countries_zones`` shows
    it. An hour that the clocks leap over counts when it has been leapt over, one that comes twice counts once.
    """
    zones = zones_of(schedule, countries_zones)
    begin = after.astimezone(ZoneInfo(zones[0]) if zones else UTC).date() - timedelta(days=1)
    days = (begin + timedelta(days=n) for n in range(A_WEEK + 2))
    found = (first_of(wall_of(schedule, day), zones) for day in days if day.weekday() in schedule["weekdays"])
    return min(instant for instant in found if instant > after)


def due_for(
    schedule: Mapping[str, Any], countries_zones: Iterable[str], round_at: datetime, own: Iterable[str]
) -> datetime:
    """When a round that began at ``round_at`` reaches somebody who may be in any of these zones."""
    if schedule["zone"]:
        return round_at
    everywhere = zones_of(schedule, countries_zones)
    near = (round_at.date() + timedelta(days=n) for n in (-1, 0, 1))
    walls = (wall_of(schedule, day) for day in near)
    wall = next((one for one in walls if first_of(one, everywhere) == round_at), None)
    return round_at if wall is None else max(round_at, last_of(wall, tuple(own) or everywhere))


def zones_of(schedule: Mapping[str, Any], countries_zones: Iterable[str]) -> tuple[str, ...]:
    """The zones that a schedule goes by."""
    return (schedule["zone"],) if schedule["zone"] else tuple(countries_zones)
