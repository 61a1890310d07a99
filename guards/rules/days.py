"""Days on which a jurisdiction closes: our own rules ("mon#3/01") and the public holidays of whole countries.

The rules speak a small language: "MM-DD" is a fixed day, "mon#3/01" the third Monday of January ("#-1" the last),
"easter-2" two days before Western Easter Sunday; "+1" or "-1" at the end moves by days, "@even" keeps even years only.
A fixed day that falls on a weekend is often kept on the Friday or Monday beside it; sources differ on which states do
so, so both the day and its neighbour close.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import holidays

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RULE = re.compile(
    r"(?:(?P<fixed>\d\d-\d\d)|(?P<weekday>mon|tue|wed|thu|fri|sat|sun)#(?P<nth>-1|[1-4])/(?P<month>\d\d)|(?P<easter>easter))"
    r"(?P<shift>[+-]\d+)?(?P<even>@even)?"
)
_OBSERVED = {5: -1, 6: 1}


@dataclass(frozen=True, slots=True)
class YearlyDay:
    """One named closed day a year, such as ("Thanksgiving", "thu#4/11")."""

    name: str
    rule: str

    def __post_init__(self) -> None:
        """Raise ValueError where the rule cannot be read or names no day of the year."""
        parts = _RULE.fullmatch(self.rule)
        if parts is None:
            raise ValueError(f"{self.rule!r} is not MM-DD, mon#3/01 or easter-2, with +1 and @even where needed")
        _base(parts, 2027)

    def in_year(self, year: int) -> frozenset[date]:
        """Return the day, and its neighbour when a fixed day falls on a weekend; empty in years it skips."""
        parts = _RULE.fullmatch(self.rule)
        if parts is None or (parts["even"] and year % 2):
            return frozenset()
        day = _base(parts, year) + timedelta(days=int(parts["shift"] or 0))
        if parts["fixed"] and day.weekday() in _OBSERVED:
            return frozenset({day, day + timedelta(days=_OBSERVED[day.weekday()])})
        return frozenset({day})


def _base(parts: re.Match[str], year: int) -> date:
    if parts["fixed"]:
        return date.fromisoformat(f"{year}-{parts['fixed']}")
    if parts["easter"]:
        return easter(year)
    return _nth_weekday(year, int(parts["month"]), WEEKDAYS.index(parts["weekday"]), int(parts["nth"]))


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    if nth > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def easter(year: int) -> date:
    """Return Western Easter Sunday (Gregorian computus, valid since 1583)."""
    century, golden = year // 100, year % 19
    epact = (19 * golden + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    moon = epact - (epact // 28) * (1 - (29 // (epact + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    offset = moon - weekday
    month = 3 + (offset + 40) // 44
    return date(year, month, offset + 28 - 31 * (month // 4))


def public_holidays(calendar: str, year: int) -> Mapping[date, str]:
    """Return a country's ("FR") or subdivision's ("CA-BC") public holidays by day, the actual and the observed ones.

    Names are English, whatever language the machine speaks. Countries the ``holidays`` library does not know have
    none. Its dates of moon calendars are estimates.
    """
    country, _, subdivision = calendar.partition("-")
    if country not in holidays.list_supported_countries():
        return {}
    days: dict[date, str] = {}
    for observed in (True, False):
        days.update(
            holidays.country_holidays(
                country, subdiv=subdivision or None, years=year, observed=observed, language="en_US"
            )
        )
    return days
