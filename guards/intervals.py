"""Spans of time as sorted, disjoint, half-open pairs of whole UTC seconds, and local windows turned into them.

A zone is read as stretches of constant offset. A window of wall time is intersected with each stretch, so a local hour
that is skipped in spring or happens twice in autumn comes out exact: an instant is inside when its wall time is.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

Spans = tuple[tuple[int, int], ...]
DAY = 86_400
_EPOCH = date(1970, 1, 1)


def merge(spans: Iterable[tuple[int, int]]) -> Spans:
    """Sort spans and join those that touch or overlap."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def common(some: Spans, others: Spans) -> Spans:
    """Return what lies in both; both must be merged."""
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(some) and j < len(others):
        start, end = max(some[i][0], others[j][0]), min(some[i][1], others[j][1])
        if start < end:
            found.append((start, end))
        if some[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def local_windows(zone: str, first: date, days: int, windows: Callable[[date], Iterable[tuple[int, int]]]) -> Spans:
    """Return the UTC spans in which ``zone``'s wall time is inside ``windows(local day)`` (minutes of that day).

    Complete for the UTC days ``first`` to ``first + days`` (exclusive), and cut to them.
    """
    day_number = (first - _EPOCH).days
    walls = [
        ((day_number + n) * DAY + start * 60, (day_number + n) * DAY + end * 60)
        for n in range(-1, days + 1)
        for start, end in windows(first + timedelta(days=n))
    ]
    stretches = _stretches(zone, day_number * DAY, (day_number + days) * DAY)
    return merge(
        (max(wall_start - offset, since), min(wall_end - offset, until))
        for since, until, offset in stretches
        for wall_start, wall_end in walls
        if max(wall_start - offset, since) < min(wall_end - offset, until)
    )


@lru_cache(maxsize=4096)
def _stretches(zone: str, start: int, end: int) -> tuple[tuple[int, int, int], ...]:
    """Cut [start, end) where the zone's offset changes. No zone changes twice within one UTC day."""
    tz = ZoneInfo(zone)
    cuts = [start, *(_change(tz, day, day + DAY) for day in range(start, end, DAY) if _moves(tz, day)), end]
    return tuple((a, b, _offset(tz, a)) for a, b in pairwise(cuts) if a < b)


def _moves(tz: ZoneInfo, day: int) -> bool:
    return _offset(tz, day) != _offset(tz, day + DAY)


def _change(tz: ZoneInfo, low: int, high: int) -> int:
    before = _offset(tz, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(tz, middle) == before else (low, middle)
    return high


def _offset(tz: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, UTC).astimezone(tz).utcoffset()
    return round(offset.total_seconds()) if offset is not None else 0
