"""Whole answers, word for word: what a verdict is explained with, and how a rule is shown (said.toml)."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from guards import chain, quiet_hours
from guards.base import Block, Cap, Draft, Facts, Places, Purpose, Sent, Standing, Window
from guards.chain import Refused
from guards.explain import WHO, explain
from guards.places import places_of
from guards.rules.reading import Rule, read_jurisdiction
from guards.rules.showing import caps_of, closed_because, hours_text, listed, replayed, whole, windows_text
from tests.guards.people import MONDAY_NOON, POLICY, at, draft, facts

NY = "America/New_York"
SAID: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("said.toml").read_text("utf-8"))
THREE = tuple(Sent(MONDAY_NOON - timedelta(hours=n), 1, Purpose.MARKETING) for n in (1, 2, 3))
ANYWHERE, LATE = "+18005550100", at("2026-11-23 20:55", NY)


def asked(number: str = "+12125550100", about: Draft | None = None, **more: Any) -> list[str]:
    """The sentences for one person, for whom the country is their number's unless said otherwise."""
    person = facts(number, **more)
    text = about or draft()
    return list(explain(text, person, chain.run(text, person)))


def by_hours(number: str, when: str, zone: str, **more: Any) -> list[str]:
    """The sentences where only the hours are asked."""
    person = facts(number, now=at(when, zone), country=places_of(number).codes[0][:2], **more)
    refused = Refused(quiet_hours.check(draft(), person), "quiet_hours", ())  # type: ignore[arg-type]
    return list(explain(draft(), person, refused))


def own(**policy: Any) -> dict[str, Any]:
    """Facts with another policy."""
    return {"policy": replace(POLICY, **policy)}


EXPLAINED: Mapping[str, Callable[[], list[str]]] = {
    "yes": partial(asked, standing=Standing("in", "express_written", at("2026-03-01 12:00", NY), 17)),
    "yes, lapsing": partial(
        asked, standing=Standing("in", "express_written", lapses_at=at("2027-03-01 12:00", NY), event_id=None)
    ),
    "yes, a code": partial(asked, about=draft(Purpose.CODE)),
    "yes, informational": partial(asked, about=draft(Purpose.INFORMATIONAL)),
    "night": partial(asked, "+12135550100", now=at("2026-11-23 07:12", "America/Los_Angeles")),
    "night in two zones": partial(asked, "+18505550100", now=at("2026-11-23 07:12", NY)),
    "night anywhere": partial(asked, ANYWHERE, now=at("2026-11-22 03:00", NY)),
    "known to open later": lambda: list(
        explain(draft(), NIGHT, chain.run(draft(), NIGHT), MONDAY_NOON + timedelta(days=1))
    ),
    "sunday": partial(by_hours, "+12155550100", "2026-11-22 12:00", NY),
    "holiday": partial(by_hours, "+12155550100", "2027-03-26 12:00", NY),
    "clock of the law": partial(by_hours, "+16015550100", "2026-07-06 08:30", "America/Chicago"),
    "courtesy": partial(by_hours, "+4915123456789", "2026-11-22 12:00", "Europe/Berlin"),
    "law on calls": partial(by_hours, "+12055550100", "2026-11-22 12:00", "America/Chicago"),
    "carriers": partial(by_hours, "+33612345678", "2026-11-22 12:00", "Europe/Paris"),
    "own hours": partial(asked, **own(hours=(Window(0, 600, 660),))),
    "own hours at eight": partial(asked, now=at("2026-11-23 08:00", NY), **own(hours=(Window(0, 600, 660),))),
    "own hours at their end": partial(asked, now=at("2026-11-23 11:00", NY), **own(hours=(Window(0, 600, 660),))),
    "own hours are open": partial(
        by_hours, "+12155550100", "2026-11-22 10:30", NY, **own(hours=(Window(0, 600, 660), Window(6, 630, 660)))
    ),
    "nine sharp": partial(asked, now=at("2026-11-23 21:00", NY)),
    "six rules": partial(
        asked, now=at("2026-11-23 03:00", NY), places=Places(("US-FL",), ("America/Chicago", "America/Denver", NY))
    ),
    "two sources": partial(asked, places=places_of("+12125550100", postal_code="90210")),
    "indiana": partial(asked, places=Places(("US-IN",), ("America/Indiana/Indianapolis",))),
    "florida is full, own hours": partial(asked, "+13055550100", sends=THREE, **own(hours=(Window(0, 0, 1440),))),
    "own hours end": partial(asked, **own(hours=(Window(0, 720, 721),)), margin=timedelta(minutes=2)),
    "florida is full": partial(asked, "+13055550100", sends=THREE),
    "own cap is full": partial(asked, sends=THREE, **own(caps=(Cap(1, 24),))),
    "own cap and hours": partial(asked, sends=THREE, **own(caps=(Cap(1, 24),), hours=(Window(0, 0, 1440),))),
    "busy": partial(asked, now=LATE, queue=timedelta(minutes=15), margin=timedelta(seconds=3)),
    "busy for an hour and a half": partial(asked, now=LATE, queue=timedelta(minutes=90), margin=timedelta(minutes=20)),
    "ending": partial(asked, now=LATE, margin=timedelta(minutes=6)),
    "never": partial(asked, **own(hours=(Window(0, 1380, 1440),))),
    "too late": partial(asked, now=at("2026-11-23 04:00", NY), ends_at=at("2026-11-23 07:00", NY)),
    "stopped": partial(asked, standing=Standing("out", "express_written", at("2026-03-01 12:00", NY))),
    "no consent": partial(asked, standing=Standing()),
    "nowhere": lambda: list(explain(draft(), NOWHERE, Refused(Block("unknown_place"), "quiet_hours", ()))),
    "no rules": partial(asked, places=Places(("ZZ",), (NY,))),
    "emergency": partial(asked, emergencies=frozenset({"US-NY"})),
    "on a register": partial(asked, registers=frozenset({"US", "IN"})),
    "words": partial(asked, about=Draft("Hi {name}", Purpose.CODE)),
}
NIGHT = facts(now=at("2026-11-23 03:00", NY))
NOWHERE: Facts = facts(places=places_of("+999"))


@pytest.mark.parametrize("case", EXPLAINED)
def test_a_verdict_is_explained_word_for_word(case: str) -> None:
    """Answer, reason, places and who could change it, each sentence as people read it."""
    assert EXPLAINED[case]() == SAID["explained"][case]


def test_nobody_is_named_for_what_no_guard_can_say() -> None:
    """Without a place there is no zone to tell the time in: instants are told in UTC."""
    cleared = chain.run(draft(Purpose.CODE), replace(NOWHERE, country="US"))
    told = explain(draft(Purpose.CODE), NOWHERE, replace(cleared, until=MONDAY_NOON, made_by=chain._ONLY_HERE))  # type: ignore[call-overload]
    assert told[0] == "Yes: a code text may go now, until Mon 2026-11-23 17:00 UTC."


@pytest.mark.parametrize("reason", [*WHO, "content_unfilled"])
def test_who_could_change_a_verdict(reason: str) -> None:
    """Each reason names the one who could act, or that nobody can."""
    told = explain(draft(), facts(), Refused(Block(reason), "reach", ()))
    assert told[-1] == f"Who could change it: {SAID['who'][reason]}"


SHOWN: Mapping[str, Callable[[], Any]] = {
    "US-PA": partial(whole, "US-PA"),
    "EU": lambda: {name: value for name, value in whole("EU").items() if name != "versions"},
    "IT": lambda: whole("IT")["versions"][0],
    "US-MS": lambda: {name: whole("US-MS")["versions"][0][name] for name in ("clock", "hours", "sundays")},
    "replayed US-PA": lambda: without_book(replayed("US-PA", date(2027, 3, 26))),
    "replayed RE": lambda: without_book(replayed("RE", date(2026, 11, 23))),
    "replayed US-OR": lambda: without_book(replayed("US-OR", date(2025, 12, 31))),
    "replayed PY": lambda: without_book(replayed("PY", date(2027, 1, 1))),
    "listed": lambda: [row for row in listed(date(2026, 11, 23)) if row["code"] in ("CO", "FR", "IT", "US-FL", "ZA")],
}


def without_book(found: dict[str, Any]) -> dict[str, Any]:
    """The answer without the digest of all rules."""
    return {name: value for name, value in found.items() if name != "book"}


def plain(value: Any) -> Any:
    """A value as TOML can hold it: without what is None."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one is not None}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("case", SHOWN)
def test_a_rule_is_shown_word_for_word(case: str) -> None:
    """Every field of a version, of a past day and of the list stands where people and programs look for it."""
    assert plain(SHOWN[case]()) == SAID["shown"][case]
    assert MONDAY_NOON.tzinfo is UTC


def shown_rule(**fields: str) -> Rule:
    """A made-up rule with two windows a day, of which fields are replaced."""
    base = {
        "hours": '{ mon-sun = ["09:00-12:00", "14:00-18:00"] }', "sundays": '"allowed"', "holidays": '"banned"',
        "basis": '"courtesy"', "confidence": '"low"', "citation": '"Act 1"', "source": '"seen"', "effective": '"now"',
        "holiday_calendar": '"XX-own"', **fields,
    }  # fmt: skip
    text = 'id = "XX"\nname = "Somewhere"\n[[version]]\n' + "".join(
        f"{name} = {value}\n" for name, value in base.items()
    )
    return read_jurisdiction("XX.toml", text).versions[0]


def test_hours_and_caps_in_words() -> None:
    """Two windows a day and a cap a week are said as they are."""
    rule = shown_rule(max_per_week="3", max_per_day="1", same_subject_only="true", holidays='"allowed"')
    assert hours_text(rule.week) == "mon-sun 09:00-12:00 and 14:00-18:00"
    assert windows_text(()) == "closed"
    assert caps_of(rule) == "1 per day, 3 per week, same subject"


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2029, 1, 1), "Silvester, New Year"),
        (date(2027, 12, 31), "Silvester, New Year"),
        (date(2028, 1, 1), "New Year"),
        (date(2028, 12, 31), "Silvester"),
        (date(2026, 6, 1), ""),
    ],
)
def test_all_holidays_of_a_day_are_named(day: date, why: str) -> None:
    """A day on which two meet has both names, also where one comes from the year before or after."""
    listed_days = '[{ name = "Silvester", rule = "12-31" }, { name = "New Year", rule = "01-01" }]'
    assert closed_because(shown_rule(holiday_rules=listed_days), day) == why
