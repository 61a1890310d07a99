"""A rule file read and checked: text in, frozen :class:`Rule` objects out, one clear sentence per fault."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from guards.rules.days import WEEKDAYS, YearlyDay, public_holidays

LOOSENABLE = frozenset({"courtesy", "law-call"})
"""What a program may loosen with a reason on record: our own choice, and law that speaks of calls only."""
BASES = ("law-text", "law-call", "carrier", "inherit", "courtesy")
CONFIDENCES = ("high", "medium", "low")
CLOSINGS = ("allowed", "banned", "disputed", "courtesy")
CAPS = ("max_per_24h", "max_per_day", "max_per_week")
PROSE = (
    "text_coverage", "text_coverage_note", "consent_lifts_hours", "area_code_presumption", "frequency_limit",
    "consent", "required_content", "opt_out_deadline", "extra_duties", "notes",
)  # fmt: skip
_VERSION_FIELDS = frozenset({
    "from", "until", "hours", "eve_hours", "clock", "sundays", "holidays", "holiday_calendar", "holiday_rules",
    "same_subject_only", "basis", "confidence", "citation", "source", "effective", *CAPS, *PROSE,
})  # fmt: skip

Minutes = tuple[tuple[int, int], ...]


class RuleFault(ValueError):
    """A rule file that cannot be trusted; the sentence names the file, the field and what it should be."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One jurisdiction's hours for marketing texts during [since, until).

    ``week`` holds per weekday (Monday first) the half-open windows in minutes of the local day; ``eve`` narrows the
    days before a closed day; ``clock`` is a further zone in which the windows must hold too; ``calendar`` names a
    country's public holidays ("FR"), "own" those of whichever country asks; ``prose`` is what people should read.
    """

    id: str
    name: str
    parent: str | None
    since: date | None
    until: date | None
    week: tuple[Minutes, ...]
    eve: Minutes | None
    clock: str | None
    sundays: str
    holidays: str
    calendar: str | None
    days: tuple[YearlyDay, ...]
    max_per_24h: int | None
    max_per_day: int | None
    max_per_week: int | None
    same_subject_only: bool
    basis: str
    confidence: str
    citation: str
    source: str
    effective: str
    prose: tuple[tuple[str, str], ...]

    @property
    def may_be_loosened(self) -> bool:
        """Whether a program that gives its reason need not keep this version."""
        return self.basis in LOOSENABLE

    def in_force(self, day: date) -> bool:
        """Say whether this version rules on ``day``."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)

    def closed(self, day: date) -> bool:
        """Say whether ``day`` is a holiday on which nothing goes."""
        return self.holidays != "allowed" and day in _closed_days(self, day.year)

    def windows(self, day: date) -> Minutes:
        """Return the open minutes of the local ``day``, holidays and their eves considered."""
        if self.closed(day):
            return ()
        if self.eve is not None and self.closed(day + timedelta(days=1)):
            return _both(self.week[day.weekday()], self.eve)
        return self.week[day.weekday()]


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """One rule file: its code, the other codes it rules (``also``), and its versions in order of date."""

    file: str
    code: str
    parent: str | None
    also: tuple[str, ...]
    versions: tuple[Rule, ...]


@lru_cache(maxsize=4096)
def _closed_days(rule: Rule, year: int) -> frozenset[date]:
    days: set[date] = set()
    for near in (year - 1, year, year + 1):
        if rule.days:
            days.update(*(named.in_year(near) for named in rule.days))
        elif rule.calendar:
            days.update(public_holidays(rule.calendar, near))
    return frozenset(days)


def _both(some: Minutes, others: Minutes) -> Minutes:
    pairs = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return tuple((start, end) for start, end in pairs if start < end)


def read_jurisdiction(file: str, text: str) -> Jurisdiction:
    """Read one rule file. Raises RuleFault with one sentence for the first thing that is wrong."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleFault(f"{file}: not readable as TOML ({error}); correct that line.") from error
    page = _Page(file, table)
    page.only(frozenset({"id", "name", "parent", "also", "version"}))
    code, parent = page.words("id"), page.maybe_words("parent")
    if f"{code}.toml" != file:
        raise page.fault("id", f"is {code!r} but the file is named {file}; make them agree")
    versions = tuple(_version(_Page(file, entry), page, code, parent) for entry in page.tables("version"))
    for earlier, later in pairwise(versions):
        if earlier.until is None or later.since is None or earlier.until > later.since:
            raise page.fault("version", "overlaps the one before; give `until` and `from` in order of date")
    return Jurisdiction(file, code, parent, page.strings("also"), versions)


def _version(page: "_Page", head: "_Page", code: str, parent: str | None) -> Rule:
    page.only(_VERSION_FIELDS)
    rule = Rule(
        id=code, name=head.words("name"), parent=parent, since=page.day("from"), until=page.day("until"),
        week=page.week(), eve=page.windows("eve_hours") if "eve_hours" in page.table else None,
        clock=page.zone("clock"),
        sundays=page.one_of("sundays", CLOSINGS), holidays=page.one_of("holidays", CLOSINGS),
        calendar=page.maybe_words("holiday_calendar"), days=page.yearly_days(),
        max_per_24h=page.cap("max_per_24h"), max_per_day=page.cap("max_per_day"), max_per_week=page.cap("max_per_week"),
        same_subject_only=page.flag("same_subject_only"), basis=page.one_of("basis", BASES),
        confidence=page.one_of("confidence", CONFIDENCES), citation=page.words("citation"),
        source=page.words("source"), effective=page.words("effective"),
        prose=tuple((name, page.words(name)) for name in PROSE if name in page.table),
    )  # fmt: skip
    if rule.since and rule.until and rule.since >= rule.until:
        raise page.fault("until", "is not after `from`; correct one of them")
    if rule.sundays != "allowed" and rule.week[6]:
        raise page.fault("hours", f"open on Sundays while sundays = {rule.sundays!r}; make them agree")
    if rule.holidays != "allowed" and not rule.days and not rule.calendar:
        raise page.fault("holidays", "are kept but none are named; give holiday_calendar or holiday_rules")
    return rule


@dataclass(frozen=True, slots=True)
class _Page:
    """One TOML table and the file it stands in; every reader raises a fault that names both."""

    file: str
    table: Mapping[str, Any]

    def fault(self, field: str, problem: str) -> RuleFault:
        return RuleFault(f"{self.file}: {field} {problem}.")

    def only(self, known: frozenset[str]) -> None:
        for field in self.table:
            if field not in known:
                raise self.fault(field, "is not a field of rule files; correct its name or remove it")

    def words(self, field: str) -> str:
        value = self.table.get(field)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(field, "is missing; give it as text in quotes")
        return value

    def maybe_words(self, field: str) -> str | None:
        return self.words(field) if field in self.table else None

    def strings(self, field: str) -> tuple[str, ...]:
        value = self.table.get(field, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fault(field, 'is not a list of texts in quotes; write it as ["XX", "YY"]')
        return tuple(value)

    def tables(self, field: str) -> list[Mapping[str, Any]]:
        value = self.table.get(field)
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            raise self.fault(field, f"is missing; give at least one [[{field}]]")
        return value

    def one_of(self, field: str, allowed: tuple[str, ...]) -> str:
        value = self.words(field)
        if value not in allowed:
            raise self.fault(field, f"is {value!r}; it must be one of {', '.join(allowed)}")
        return value

    def day(self, field: str) -> date | None:
        value = self.table.get(field)
        if value is not None and type(value) is not date:
            raise self.fault(field, "is not a day; write it as 2026-10-18 without quotes")
        return value

    def cap(self, field: str) -> int | None:
        value = self.table.get(field)
        if value is not None and (type(value) is not int or value < 1):
            raise self.fault(field, "is not a whole number of at least 1")
        return value

    def flag(self, field: str) -> bool:
        value = self.table.get(field, False)
        if type(value) is not bool:
            raise self.fault(field, "is neither true nor false")
        return value

    def zone(self, field: str) -> str | None:
        name = self.maybe_words(field)
        try:
            return name and ZoneInfo(name).key
        except (ValueError, OSError, KeyError) as error:
            raise self.fault(field, f"is {name!r}, which no zone is called") from error

    def yearly_days(self) -> tuple[YearlyDay, ...]:
        entries = self.tables("holiday_rules") if "holiday_rules" in self.table else []
        pages = [_Page(self.file, entry) for entry in entries]
        try:
            return tuple(YearlyDay(page.words("name"), page.words("rule")) for page in pages)
        except RuleFault:
            raise
        except ValueError as error:
            raise self.fault("holiday_rules", f"cannot be read: {error}") from error

    def week(self) -> tuple[Minutes, ...]:
        spans = self.table.get("hours")
        if not isinstance(spans, dict):
            raise self.fault("hours", 'is missing; write it as { mon-sat = ["09:00-20:00"], sun = [] }')
        days: dict[str, Minutes] = {}
        for span in spans:
            for name in self._days_of(span):
                if name in days:
                    raise self.fault("hours", f"names {name} twice; keep one")
                days[name] = _Page(self.file, spans).windows(span)
        forgotten = [name for name in WEEKDAYS if name not in days]
        if forgotten:
            raise self.fault("hours", f"says nothing of {', '.join(forgotten)}; use [] for closed")
        return tuple(days[name] for name in WEEKDAYS)

    def _days_of(self, span: str) -> tuple[str, ...]:
        first, _, last = span.partition("-")
        ends = [WEEKDAYS.index(name) for name in (first, last or first) if name in WEEKDAYS]
        if len(ends) < 2 or ends[0] > ends[1]:
            raise self.fault("hours", f"has {span!r}; use a day such as sat or a span such as mon-fri")
        return WEEKDAYS[ends[0] : ends[1] + 1]

    def windows(self, field: str) -> Minutes:
        spans = tuple(self._window(field, text) for text in self.strings(field))
        if any(earlier[1] > later[0] for earlier, later in pairwise(spans)):
            raise self.fault(field, "has windows that overlap or are out of order")
        return spans

    def _window(self, field: str, text: str) -> tuple[int, int]:
        try:
            start, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-") if part[2] == ":")
        except (ValueError, IndexError):
            raise self.fault(field, f'has {text!r}; write a window as "09:00-20:00"') from None
        if not 0 <= start < end <= 24 * 60:
            raise self.fault(field, f"has {text!r}, which is empty or outside 00:00-24:00")
        return start, end
