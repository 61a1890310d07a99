"""When texts will leave: each from_number's rate against the windows of the people it serves, hour by hour.

The model is a queue per from_number, in the order the dispatcher takes it (due first, then the window that closes
first), at a steady rate of parts a second. It says who will not make it today, before anybody has to find out.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple


class Group(NamedTuple):
    """Texts that wait alike: on one from_number, due at ``ready``, and (where they end) not after ``closes``."""

    line_id: int
    ready: datetime
    closes: datetime | None


@dataclass
class Load:
    """How many texts a group has, and how many parts they take together."""

    texts: int = 0
    parts: int = 0


@dataclass
class Forecast:
    """What would leave when.

    ``hours`` are texts per hour (its beginning, UTC) and from_number; ``late`` those that do not leave before their
    window closes today (they would wait for the next), ``lost`` those that do not before the campaign ends.
    """

    hours: Counter[tuple[datetime, int]] = field(default_factory=Counter)
    late: Counter[int] = field(default_factory=Counter)
    lost: Counter[int] = field(default_factory=Counter)
    ends: datetime | None = None

    def per_hour(self) -> dict[datetime, int]:
        """Texts per hour over all from_numbers, in the order of time."""
        total: Counter[datetime] = Counter()
        for (hour, _), texts in self.hours.items():
            total[hour] += texts
        return dict(sorted(total.items()))


def forecast(
    loads: Mapping[Group, Load],
    rates: Mapping[int, float],
    start: datetime,
    ends_at: datetime | None,
    busy: Mapping[int, datetime] = MappingProxyType({}),
) -> Forecast:
    """Project the hand-over of these groups from ``start``; ``rates`` are parts per second by from_number.

    ``busy`` says until when a from_number serves others that were there first.
    """
    found = Forecast()
    free = {line_id: max(start, busy.get(line_id, start)) for line_id in rates}
    for group, load in sorted(loads.items(), key=_order):
        begin = max(free[group.line_id], group.ready, start)
        free[group.line_id] = _drain(found, group, load, begin, rates[group.line_id], ends_at)
    return found


def _order(entry: tuple[Group, Load]) -> tuple[int, datetime, bool, datetime]:
    group = entry[0]
    return group.line_id, group.ready, group.closes is None, group.closes or group.ready


def _drain(
    found: Forecast, group: Group, load: Load, begin: datetime, rate: float, ends_at: datetime | None
) -> datetime:
    """Hand over what fits before the group's end; returns when the from_number is free again."""
    ends = [instant for instant in (group.closes, ends_at) if instant is not None]
    room = max(0.0, (min(ends) - begin).total_seconds()) if ends else None
    texts = load.texts
    if room is not None and load.parts > room * rate:
        texts = min(load.texts, int(load.texts * room * rate / load.parts))
        left = found.lost if ends_at is not None and min(ends) == ends_at else found.late
        left[group.line_id] += load.texts - texts
    if texts == 0:
        return begin
    seconds = load.parts * texts / load.texts / rate
    _spread(found, group.line_id, texts, begin, seconds)
    end = begin + timedelta(seconds=seconds)
    found.ends = max(found.ends or end, end)
    return end


def _spread(found: Forecast, line_id: int, texts: int, begin: datetime, seconds: float) -> None:
    """Share ``texts`` over the hours they take, whole texts only, none lost in rounding."""
    hour, done = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0), 0
    while done < texts:
        hour_end = hour + timedelta(hours=1)
        share = 1.0 if seconds <= 0 else min(1.0, (hour_end - begin).total_seconds() / seconds)
        by_then = texts if share >= 1.0 else int(texts * share)
        if by_then > done:
            found.hours[hour, line_id] += by_then - done
        done, hour = by_then, hour_end
