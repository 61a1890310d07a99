"""Single words that the data speaks in (states, purposes, roles …), said in the reader's language."""

import re

from babel.dates import get_day_names

from web.language import gettext, language, later

WORD = re.compile(r"same\ssubject|[a-z]{2,}")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

TERMS = (
    later("draft"), later("submitted"), later("approved"), later("scheduled"), later("running"), later("paused"),
    later("finished"), later("cancelled"), later("archived"), later("live"), later("published"), later("closed"),
    later("marketing"), later("informational"), later("transactional"), later("code"), later("owner"),
    later("manager"), later("author"), later("approver"), later("agent"), later("auditor"), later("viewer"),
    later("marketer"), later("all programs"), later("express"), later("express written"), later("implied"),
    later("new"), later("changed"), later("unchanged"), later("refused"), later("duplicate"), later("minutes"),
    later("hours"), later("days"), later("mobile"), later("fixed line"), later("fixed line or mobile"), later("voip"),
    later("waiting"), later("delivered"), later("given up"), later("help"), later("opt in"), later("opt out"),
    later("phone"), later("email"), later("letter"), later("in person"), later("web form"), later("paper form"),
    later("keyword"), later("long code"), later("toll free"), later("short code"), later("alphanumeric"),
    later("messaging service"), later("holidays"), later("sundays"), later("caps"), later("consent"),
    later("frequency limit"), later("opt out deadline"), later("text coverage note"), later("notes"), later("mon"),
    later("tue"), later("wed"), later("thu"), later("fri"), later("sat"), later("sun"),
    later("stopped"), later("replied"), later("goal"), later("late"), later("erased"), later("set aside"),
    later("over"), later("area code"), later("country"), later("postal code"), later("state"), later("zone"),
    later("and"), later("per"), later("day"), later("week"), later("same subject"), later("allowed"), later("high"),
    later("medium"), later("low"), later("stop"), later("start"), later("confirm"), later("welcome"), later("clarify"),
    later("away"), later("more"), later("less"), later("language"), later("region"), later("preferences link"),
    later("first name"), later("last name"), later("city"), later("birthday"),
)  # fmt: skip


def worded(term: str) -> str:
    """A word of the data in the reader's language; as it is, where nobody has translated it."""
    plain = str(term).replace("_", " ")
    return gettext(plain) if plain else ""


def timetable(told: str) -> str:
    """Hours or caps of a rule, "mon-fri 08:00-20:00, sun closed" or "1 per day", with short days of the language."""
    if not told:
        return told
    days = get_day_names("abbreviated", locale=language())
    return WORD.sub(lambda one: days[WEEK.index(one[0])] if one[0] in WEEK else worded(one[0]), told)
