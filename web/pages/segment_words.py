"""A segment in the reader's language, as sender.audience.segment_language says it in English."""

from datetime import date

from sender.audience.segment_language import AGES, All, Either, Not, Segment, Test
from web.language import gettext, ngettext
from web.pages.segment_form import FIELD_WORDS, OPERATOR_WORDS


def describe(segment: Segment) -> str:
    """The segment as a phrase, such as “country is US and city is one of Austin, Waco”."""
    match segment:
        case All(()):
            return gettext("everyone")
        case All(parts):
            return gettext(" and ").join(_inner(part) for part in parts)
        case Either(parts):
            return gettext(" or ").join(_inner(part) for part in parts)
        case Not(part):
            return gettext("not %(part)s", part=_inner(part))
        case Test():
            return _described(segment)


def _inner(part: Segment) -> str:
    bare = isinstance(part, Test) or part == All()
    return describe(part) if bare else f"({describe(part)})"


def _described(test: Test) -> str:
    field = (test.attribute or str(FIELD_WORDS.get(test.field, test.field))).replace("_", " ")
    if test.operator == "exists":
        known = gettext("%(field)s is known") if test.value else gettext("%(field)s is not known")
        return known % {"field": field}
    if test.operator in AGES and isinstance(test.value, int):
        days = ngettext("%(num)s day", "%(num)s days", test.value)
        if test.operator == "within_days":
            return gettext("%(field)s is within the last %(days)s", field=field, days=days)
        return gettext("%(field)s is over %(days)s ago", field=field, days=days)
    return f"{field} {OPERATOR_WORDS[test.operator]} {_shown(test.value)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, bool):
        return gettext("true") if value else gettext("false")
    if isinstance(value, date):
        return value.isoformat()
    return gettext("“%(value)s”", value=value) if isinstance(value, str) else str(value)
