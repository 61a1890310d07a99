"""Rules as plain data for people and programs: what a rule says, and what it meant on a past day."""

from datetime import date
from itertools import groupby
from typing import Any

from guards.rules import book
from guards.rules.days import WEEKDAYS, public_holidays
from guards.rules.reading import Minutes, Rule

Shown = dict[str, Any]
_NOT_YET = "no version of its own was in force; shown is what applied instead"


def listed(day: date) -> list[Shown]:
    """Return one line per rule file, sorted by code: name, hours, closings, caps, basis and confidence on ``day``."""
    known = book()
    own = sorted(code for code, found in known.jurisdictions.items() if found.code == code)
    return [_line(code, known.on(code, day)) for code in own]


def whole(code: str) -> Shown:
    """Return everything a rule file says, every version of it. Raises KeyError for a code that has no file."""
    found = book().jurisdictions[code]
    return {
        "code": found.code,
        "name": found.versions[0].name,
        "parent": found.parent,
        "also": list(found.also),
        "versions": [_version(rule) for rule in found.versions],
    }


def replayed(code: str, day: date) -> Shown:
    """Return what applied in ``code`` on ``day``: each rule kept (its own, then its parents') and what it left open.

    Raises KeyError for a code that is neither a jurisdiction nor a country of the phone system.
    """
    kept = book().applying(code, day)
    return {
        "code": code,
        "on": day.isoformat(),
        "note": "" if kept[0].id == code else _instead(code),
        "rules": [_on_day(rule, day) for rule in kept],
        "book": book().version,
    }


def hours_text(week: tuple[Minutes, ...]) -> str:
    """Return a week in words: "mon-sat 08:00-20:00, sun closed"."""
    days = [(name, windows_text(windows)) for name, windows in zip(WEEKDAYS, week, strict=True)]
    spans = [(open_, [name for name, _ in same]) for open_, same in groupby(days, key=lambda day: day[1])]
    return ", ".join(f"{'-'.join(dict.fromkeys((names[0], names[-1])))} {open_}" for open_, names in spans)


def windows_text(windows: Minutes) -> str:
    """Return the windows of one day in words: "08:00-12:00 and 14:00-18:00", or "closed"."""
    return " and ".join(f"{_clock(start)}-{_clock(end)}" for start, end in windows) or "closed"


def closed_because(rule: Rule, day: date) -> str:
    """Return the name of the holiday on which ``rule`` closes ``day``, "" where it does not."""
    if not rule.closed(day):
        return ""
    years = (day.year - 1, day.year, day.year + 1)
    named = [one.name for one in rule.days if any(day in one.in_year(year) for year in years)]
    if rule.days or not rule.calendar:
        return ", ".join(named)
    return public_holidays(rule.calendar, day.year).get(day, "public holiday")


def caps_of(rule: Rule) -> str:
    """Return the caps in words: "3 per 24 h, same subject", "" for none."""
    kinds = ((rule.max_per_24h, "24 h"), (rule.max_per_day, "day"), (rule.max_per_week, "week"))
    words = [f"{limit} per {span}" for limit, span in kinds if limit is not None]
    return ", ".join([*words, *(["same subject"] if rule.same_subject_only else [])])


def _instead(code: str) -> str:
    found = book().jurisdictions.get(code)
    if found is None:
        return "it has no file of its own"
    return _NOT_YET if found.code == code else f"it is ruled by the file of {found.code}"


def _line(code: str, rule: Rule) -> Shown:
    return {
        "code": code,
        "name": book().jurisdictions[code].versions[0].name,
        "hours": hours_text(rule.week),
        "holidays": rule.holidays,
        "caps": caps_of(rule),
        "basis": rule.basis,
        "confidence": rule.confidence,
        "rule": rule.id,
    }


def _version(rule: Rule) -> Shown:
    return {
        "from": rule.since.isoformat() if rule.since else None,
        "until": rule.until.isoformat() if rule.until else None,
        "hours": hours_text(rule.week),
        "eve_hours": windows_text(rule.eve) if rule.eve is not None else None,
        "clock": rule.clock,
        "sundays": rule.sundays,
        "holidays": rule.holidays,
        "holiday_calendar": rule.calendar,
        "holiday_rules": [{"name": day.name, "rule": day.rule} for day in rule.days],
        "caps": caps_of(rule),
        "basis": rule.basis,
        "loosened_by": "a reason on record" if rule.may_be_loosened else "nobody",
        "confidence": rule.confidence,
        "citation": rule.citation,
        "source": rule.source,
        "effective": rule.effective,
        **dict(rule.prose),
    }


def _on_day(rule: Rule, day: date) -> Shown:
    shown = _version(rule)
    return {
        "id": rule.id,
        "name": rule.name,
        "open": windows_text(rule.windows(day)),
        "closed_for": closed_because(rule, day),
        **{name: shown[name] for name in ("from", "until", "caps", "basis", "confidence", "citation", "source")},
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
