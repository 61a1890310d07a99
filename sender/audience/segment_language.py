"""Segments: who a text is for, as JSON that is checked once, then asked of the database or of one contact.

A test on something a contact does not have is simply false, so every answer is yes or no and "not" turns it round. Text
is compared letter by letter, numbers with numbers, truth with truth. ``docs/segments.md`` is the language reference.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

TEXT_FIELDS = frozenset({"country", "area_code", "line_type", "language", "postal_code", "region", "zone"})
HAPPENED = frozenset({"last_text_at", "last_reply_at", "last_click_at", "agreed_at"})
"""When the latest text left for a person, when their latest reply and click came, since when their consent holds."""
TIME_FIELDS = frozenset({"created_at", "changed_at"}) | HAPPENED
COUNTED = frozenset({"unanswered_texts"})
"""How many texts that sell or inform left for a person since they last replied, clicked or agreed; 0 for most."""
NUMBER_FIELDS = frozenset({"import_id"}) | COUNTED
ATTRIBUTE = "attributes."
DEEPEST = 8
MOST_TESTS = 200
MOST_VALUES = 1000
LONGEST = 500
LARGEST = 1 << 53
MOST_DAYS = 36_500

_NAME = re.compile(r"attributes\.[a-z][a-z0-9_]{0,62}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

EQUAL = frozenset({"is", "is_not"})
LISTS = frozenset({"in", "not_in"})
ORDER = frozenset({"lt", "le", "gt", "ge"})
WORDS = frozenset({"contains", "starts_with"})
MOMENTS = frozenset({"before", "after"})
AGES = frozenset({"within_days", "older_than_days"})
OPERATORS = EQUAL | LISTS | ORDER | WORDS | MOMENTS | AGES | {"exists"}


class SegmentError(ValueError):
    """A definition that means nothing; the text is one sentence that begins with the place in the definition."""


@dataclass(frozen=True, slots=True)
class All:
    """Everyone whom all parts match; without parts, everyone."""

    parts: tuple["Segment", ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """Everyone whom at least one part matches ("any")."""

    parts: tuple["Segment", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Everyone whom the part does not match, those included who lack what it asks about."""

    part: "Segment"


@dataclass(frozen=True, slots=True)
class Test:
    """One question about one field. ``value``: a scalar, a tuple of them, a date, an instant, or days."""

    __test__ = False

    field: str
    operator: str
    value: Any

    @property
    def attribute(self) -> str | None:
        """The attribute's name, or None for a field of the contact or number itself."""
        return self.field.removeprefix(ATTRIBUTE) if self.field.startswith(ATTRIBUTE) else None


Segment = All | Either | Not | Test


def parse(definition: object) -> Segment:
    """Check a definition and return the segment; {} is everyone. SegmentError names the place that is wrong."""
    return _Reader().read(definition, "segment", 1)


class _Reader:
    def __init__(self) -> None:
        self._tests = 0

    def read(self, given: object, path: str, depth: int) -> Segment:
        if not isinstance(given, dict):
            raise SegmentError(f'{path}: must be an object such as {{"field": "country", "is": "US"}}.')
        if depth > DEEPEST:
            raise SegmentError(f"{path}: is nested deeper than {DEEPEST} levels; make it flatter.")
        if not given:
            return All()
        if "field" in given:
            self._tests += 1
            if self._tests > MOST_TESTS:
                raise SegmentError(f"{path}: is one test too many; {MOST_TESTS} is the most.")
            return _test(given, path)
        return self._group(given, path, depth)

    def _group(self, given: dict[Any, Any], path: str, depth: int) -> Segment:
        if len(given) != 1 or next(iter(given)) not in ("all", "any", "not"):
            raise SegmentError(f"{path}: must have exactly one of all, any and not, or a field with an operator.")
        [(word, inner)] = given.items()
        if word == "not":
            return Not(self.read(inner, f"{path}.not", depth + 1))
        if not isinstance(inner, list) or len(inner) > MOST_TESTS:
            raise SegmentError(f"{path}.{word}: must be a list of at most {MOST_TESTS} parts.")
        if word == "any" and not inner:
            raise SegmentError(f"{path}.any: must have at least one part; an empty one would be nobody.")
        parts = tuple(self.read(part, f"{path}.{word}[{at}]", depth + 1) for at, part in enumerate(inner))
        return All(parts) if word == "all" else Either(parts)


def _test(given: dict[Any, Any], path: str) -> Test:
    field = given["field"]
    others = [key for key in given if key != "field"]
    if not isinstance(field, str) or not _is_field(field):
        known = ", ".join(sorted(TEXT_FIELDS | TIME_FIELDS | NUMBER_FIELDS))
        raise SegmentError(f"{path}.field: must be attributes.some_name or one of {known}.")
    if len(others) != 1 or others[0] not in OPERATORS:
        raise SegmentError(f"{path}: must have exactly one operator beside field: {', '.join(sorted(OPERATORS))}.")
    operator = others[0]
    if operator not in _fitting(field):
        raise SegmentError(f"{path}.{operator}: does not fit {field}; use {', '.join(sorted(_fitting(field)))}.")
    return Test(field, operator, _value(field, operator, given[operator], f"{path}.{operator}"))


def _is_field(name: str) -> bool:
    return name in TEXT_FIELDS | TIME_FIELDS | NUMBER_FIELDS or _NAME.fullmatch(name) is not None


def _fitting(field: str) -> frozenset[str]:
    if field in TIME_FIELDS:
        return MOMENTS | AGES | {"exists"}
    if field in NUMBER_FIELDS:
        return EQUAL | LISTS | ORDER | {"exists"}
    if field in TEXT_FIELDS:
        return EQUAL | LISTS | ORDER | WORDS | {"exists"}
    return OPERATORS


def _value(field: str, operator: str, value: object, path: str) -> Any:
    if operator == "exists":
        return _checked(value, path, "true or false", isinstance(value, bool))
    if operator in AGES:
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_DAYS
        return _checked(value, path, f"a whole number of days from 0 to {MOST_DAYS}", fits)
    if operator in MOMENTS:
        return _moment(value, path) if field in TIME_FIELDS else _day(value, path)
    if operator in WORDS:
        return _checked(value, path, f"text of 1 to {LONGEST} letters", _is_text(value) and bool(value))
    if operator in LISTS:
        fits = isinstance(value, list) and 0 < len(value) <= MOST_VALUES
        listed = value if isinstance(value, list) and fits else []
        _checked(value, path, f"a list of 1 to {MOST_VALUES} values", fits)
        return tuple(_scalar(field, one, f"{path}[{at}]") for at, one in enumerate(listed))
    if operator in ORDER and isinstance(value, bool):
        raise SegmentError(f"{path}: must be a number or text; true and false have no order.")
    return _scalar(field, value, path)


def _scalar(field: str, value: object, path: str) -> Any:
    if field in TEXT_FIELDS:
        return _checked(value, path, f"text of at most {LONGEST} letters", _is_text(value))
    if field in NUMBER_FIELDS:
        return _checked(value, path, "a number", _is_number(value))
    fits = isinstance(value, bool) or _is_number(value) or _is_text(value)
    return _checked(value, path, f"text of at most {LONGEST} letters, a number, true or false", fits)


def _checked(value: Any, path: str, wanted: str, fits: bool) -> Any:
    if not fits:
        raise SegmentError(f"{path}: must be {wanted}.")
    return value


def _is_text(value: object) -> bool:
    """Zero bytes and half characters cannot be stored in either database."""
    return isinstance(value, str) and len(value) <= LONGEST and not re.search("[\0\ud800-\udfff]", value)


def _is_number(value: object) -> bool:
    """Within what JSON numbers hold exactly, and neither infinite nor undefined."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def _day(value: object, path: str) -> date:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise SegmentError(f"{path}: must be a date such as 2026-03-01.")


def _moment(value: object, path: str) -> datetime:
    """A date is its midnight in UTC."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise SegmentError(f"{path}: must be a date or a date and time such as 2026-03-01T09:00:00+00:00.")


def matches(segment: Segment, contact: Mapping[str, Any], now: datetime) -> bool:
    """Whether this contact is in the segment: the same answer as the database gives for ``segment_sql.where``.

    ``contact`` has the fields by name and "attributes" as a mapping; what is missing or None, it does not have.
    """
    match segment:
        case All(parts):
            return all(matches(part, contact, now) for part in parts)
        case Either(parts):
            return any(matches(part, contact, now) for part in parts)
        case Not(part):
            return not matches(part, contact, now)
        case Test():
            return _holds(segment, contact, now)


def _holds(test: Test, contact: Mapping[str, Any], now: datetime) -> bool:
    attributes: Mapping[str, Any] = contact.get("attributes") or {}
    has = attributes.get(test.attribute) if test.attribute else contact.get(test.field)
    if test.operator == "exists":
        return (has is not None) is test.value
    if has is None:
        return False
    if test.operator in MOMENTS | AGES:
        return _in_time(test, has, now)
    return _compare(test.operator, has, test.value)


def _compare(operator: str, has: object, value: Any) -> bool:
    if operator in EQUAL:
        return same(has, value) == (operator == "is")
    if operator in LISTS:
        return any(same(has, one) for one in value) == (operator == "in")
    if kind(has) != kind(value):
        return False
    return _COMPARISONS[operator](has, value)


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": lambda has, value: has < value,
    "le": lambda has, value: has <= value,
    "gt": lambda has, value: has > value,
    "ge": lambda has, value: has >= value,
    "contains": lambda has, value: value in has,
    "starts_with": lambda has, value: has.startswith(value),
}


def kind(value: object) -> str:
    """What a value is compared as: "truth", "number", "text" or "other"."""
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else "other"


def same(has: object, value: object) -> bool:
    """Equal and of one kind: 1 is neither true nor "1"."""
    return kind(has) == kind(value) and has == value


def edges(test: Test, now: datetime) -> tuple[tuple[str, datetime | str], ...]:
    """A question about time as comparisons that must all hold: instants for our own fields, days for attributes.

    Attributes hold dates as text, so they are compared by the first ten letters, and "now" is today in UTC.
    """
    value = test.value
    if isinstance(value, date):
        found = [("lt" if test.operator == "before" else "gt", value)]
    else:
        then = now - timedelta(days=value if isinstance(value, int) else 0)
        found = [("ge", then), ("le", now)] if test.operator == "within_days" else [("lt", then)]
    if test.attribute:
        return tuple((comparison, edge.isoformat()[:10]) for comparison, edge in found)
    return tuple((comparison, edge) for comparison, edge in found if isinstance(edge, datetime))


def _in_time(test: Test, has: object, now: datetime) -> bool:
    if test.attribute:
        if not isinstance(has, str) or not _DAY.match(has):
            return False
        has = has[:10]
    return all(_COMPARISONS[comparison](has, edge) for comparison, edge in edges(test, now))


def describe(segment: Segment) -> str:
    """The segment as an English phrase, such as “country is US and city is not one of Austin, Waco”."""
    match segment:
        case All(()):
            return "everyone"
        case All(parts):
            return " and ".join(_inner(part) for part in parts)
        case Either(parts):
            return " or ".join(_inner(part) for part in parts)
        case Not(part):
            return f"not {_inner(part)}"
        case Test():
            return _described(segment)


def _inner(part: Segment) -> str:
    bare = isinstance(part, Test) or part == All()
    return describe(part) if bare else f"({describe(part)})"


_PHRASES: Mapping[str, str] = {
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "lt": "is below",
    "le": "is at most",
    "gt": "is above",
    "ge": "is at least",
    "contains": "contains",
    "starts_with": "starts with",
    "before": "is before",
    "after": "is after",
}


def _described(test: Test) -> str:
    field = (test.attribute or test.field).replace("_", " ")
    if test.operator == "exists":
        return f"{field} is {'known' if test.value else 'not known'}"
    if test.operator in AGES:
        days = "1 day" if test.value == 1 else f"{test.value} days"
        return f"{field} is within the last {days}" if test.operator == "within_days" else f"{field} is over {days} ago"
    return f"{field} {_PHRASES[test.operator]} {_shown(test.value)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return f"“{value}”" if isinstance(value, str) else str(value)
