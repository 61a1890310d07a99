"""A second reading of the rule files, written to be believed rather than to be fast, sharing nothing with the first.

It opens the TOML itself, knows weekdays, holidays and parents by walking calendars day by day, and says of one instant
whether a text may go, minute by minute. The only things it has in common with the guards are the files, the IANA zones
and the ``holidays`` library.
"""

import tomllib
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from guards.base import Window

FOLDER = Path(__file__).parents[2] / "guards" / "rules"
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
FILES: dict[str, dict[str, Any]] = {path.stem: tomllib.loads(path.read_text()) for path in FOLDER.glob("*.toml")}
RULED_BY = {code: name for name, file in FILES.items() for code in [name, *file.get("also", [])]}
EASTERS = {  # as published by the churches
    2023: "04-09", 2024: "03-31", 2025: "04-20", 2026: "04-05", 2027: "03-28", 2028: "04-16", 2029: "04-01",
    2030: "04-21", 2031: "04-13", 2032: "03-28", 2033: "04-17", 2034: "04-09", 2035: "03-25", 2036: "04-13",
    2037: "04-05",
}  # fmt: skip


def may_go(codes: Iterable[str], zones: Iterable[str], instant: datetime, own: Iterable[Window] | None = None) -> bool:
    """Say whether every rule of every place is open on the wall clock of every zone at this instant."""
    for zone in zones:
        local = instant.astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        if not all(any(minute in span for span in spans) for spans in _kept(tuple(codes), local.date())):
            return False
        if own is not None and not any(w.day == local.weekday() and w.start <= minute < w.end for w in own):
            return False
    return all(_by_its_clock(code, version, instant) for code, version in _with_clock(tuple(codes), instant))


def first_minute(
    codes: Iterable[str], zones: Iterable[str], after: datetime, days: int, own: Iterable[Window] | None = None
) -> datetime | None:
    """Return the first whole minute after ``after`` at which a text may go, within so many days; walks every one."""
    instant = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    codes, zones = tuple(codes), tuple(zones)
    while instant <= after + timedelta(days=days):
        if may_go(codes, zones, instant, own):
            return instant
        instant += timedelta(minutes=1)
    return None


def _with_clock(codes: tuple[str, ...], instant: datetime) -> list[tuple[str, int]]:
    near = {found for n in (-1, 0, 1) for found in _rules(codes, instant.date() + timedelta(days=n))}
    return [found for found in near if "clock" in _version(*found)]


def _by_its_clock(code: str, version: int, instant: datetime) -> bool:
    local = instant.astimezone(ZoneInfo(_version(code, version)["clock"]))
    return _open(code, version, local.date(), local.hour * 60 + local.minute)


@lru_cache(maxsize=8192)
def _rules(codes: tuple[str, ...], day: date) -> tuple[tuple[str, int], ...]:
    """Return (place, number of the version) of every rule to keep, parents and, for a whole country, its states too."""
    found: set[tuple[str, int]] = set()
    for code in codes:
        inside = [name for name, file in FILES.items() if file.get("parent") == code]
        for place in [code, *inside]:
            found |= set(_chain(place, day))
    return tuple(sorted(found))


def _chain(code: str, day: date) -> list[tuple[str, int]]:
    file = RULED_BY.get(code)
    if file is None:
        return _chain(code.split("-")[0] if "-" in code else "default", day)
    for number, version in enumerate(FILES[file]["version"]):
        if version.get("from", date.min) <= day < version.get("until", date.max):
            parent = FILES[file].get("parent")
            return [(code, number), *(_chain(parent, day) if parent else [])]
    return _chain(FILES[file].get("parent", "default"), day)


def _version(code: str, number: int) -> dict[str, Any]:
    version: dict[str, Any] = FILES[RULED_BY.get(code, code)]["version"][number]
    return version


def _open(code: str, number: int, day: date, minute: int) -> bool:
    return all(any(minute in span for span in spans) for spans in _of_day(code, number, day))


@lru_cache(maxsize=8192)
def _kept(codes: tuple[str, ...], day: date) -> list[list[range]]:
    return [spans for code, number in _rules(codes, day) for spans in _of_day(code, number, day)]


@lru_cache(maxsize=8192)
def _of_day(code: str, number: int, day: date) -> list[list[range]]:
    """Return lists of open minutes; a minute has to be in one span of every list."""
    version, tomorrow = _version(code, number), day + timedelta(days=1)
    if day in _holidays(code, number, day.year):
        return [[]]
    spans = [_spans(tuple(_of_weekday(version["hours"], DAYS[day.weekday()])))]
    if "eve_hours" in version and tomorrow in _holidays(code, number, tomorrow.year):
        spans.append(_spans(tuple(version["eve_hours"])))
    return spans


def _of_weekday(hours: dict[str, list[str]], weekday: str) -> list[str]:
    for span, windows in hours.items():
        first, last = span.split("-") if "-" in span else (span, span)
        if DAYS.index(first) <= DAYS.index(weekday) <= DAYS.index(last):
            return windows
    raise AssertionError(f"{weekday} is in no span of {hours}")


@cache
def _spans(windows: tuple[str, ...]) -> list[range]:
    times = [[int(time[:2]) * 60 + int(time[3:5]) for time in window.split("-")] for window in windows]
    return [range(start, end) for start, end in times]


@cache
def _holidays(code: str, number: int, year: int) -> frozenset[date]:
    version = _version(code, number)
    if version["holidays"] == "allowed":
        return frozenset()
    if "holiday_rules" in version:
        rules = [entry["rule"] for entry in version["holiday_rules"]]
        return frozenset(day for rule in rules for near in (year - 1, year, year + 1) for day in _named(rule, near))
    calendar = version["holiday_calendar"]
    country = code if calendar == "own" else calendar
    if country not in holidays.list_supported_countries():
        return frozenset()
    days: set[date] = set()
    for near in (year - 1, year, year + 1):
        days |= set(holidays.country_holidays(country, years=near, observed=True))
        days |= set(holidays.country_holidays(country, years=near, observed=False))
    return frozenset(days)


def _named(rule: str, year: int) -> list[date]:
    """Return the days of "07-04", "mon#-1/05", "easter-2", "mon#1/11+1@even" in a year, by walking through it."""
    rule, even = rule.removesuffix("@even"), rule.endswith("@even")
    if even and year % 2 == 1:
        return []
    if "#" in rule:
        weekday, rest = rule.split("#")
        nth, month = rest.split("/")
        month, shift = month[:2], int(month[2:] or 0)
        days = [day for day in _year(year) if day.month == int(month) and DAYS[day.weekday()] == weekday]
        return [(days[int(nth) - 1] if int(nth) > 0 else days[-1]) + timedelta(days=shift)]
    if rule.startswith("easter"):
        return [date.fromisoformat(f"{year}-{EASTERS[year]}") + timedelta(days=int(rule.removeprefix("easter") or 0))]
    day = date.fromisoformat(f"{year}-{rule}")
    beside = {"sat": [day - timedelta(days=1)], "sun": [day + timedelta(days=1)]}
    return [day, *beside.get(DAYS[day.weekday()], [])]


def _year(year: int) -> list[date]:
    return [
        date(year, 1, 1) + timedelta(days=n) for n in range(366) if (date(year, 1, 1) + timedelta(days=n)).year == year
    ]
