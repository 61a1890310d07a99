"""When a wall time comes where people are: the instant at which a campaign for "10:00 local" may reach each of them."""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

EVERYWHERE = ("Pacific/Kiritimati", "Etc/GMT+12")
"""The first and the last zone of the earth: candidates where nobody knows any."""


def first_of(wall: datetime, zones: Iterable[str]) -> datetime:
    """Return the instant (UTC) at which the first of these zones shows the wall time; of all the earth without any."""
    return min(instant_of(wall, zone) for zone in tuple(zones) or EVERYWHERE)


def last_of(wall: datetime, zones: Iterable[str]) -> datetime:
    """Return the instant (UTC) from which all of these zones show the wall time or later; of all the earth without."""
    return max(instant_of(wall, zone) for zone in tuple(zones) or EVERYWHERE)


@lru_cache(maxsize=4096)
def instant_of(wall: datetime, zone: str) -> datetime:
    """Return the first instant (UTC) at which ``zone`` shows ``wall`` (naive), or has just leapt over it.

    An hour that comes twice in autumn counts when it comes first. Raises ZoneInfoNotFoundError for an unknown zone.
    """
    tz = ZoneInfo(zone)
    usual = wall.replace(tzinfo=tz).astimezone(UTC)
    if usual.astimezone(tz).replace(tzinfo=None) == wall:
        return usual
    low, high = (wall.replace(tzinfo=tz, fold=fold).timestamp() for fold in (1, 0))
    seconds = range(int(low), int(high) + 1)
    leapt = bisect_left(seconds, wall, key=lambda second: datetime.fromtimestamp(second, tz).replace(tzinfo=None))
    return datetime.fromtimestamp(seconds[leapt], UTC)
