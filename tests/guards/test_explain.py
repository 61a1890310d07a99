"""A verdict in words: the answer first, then the clock, the law and who could change it, and nothing of the number."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from guards import chain, quiet_hours
from guards.base import Cap, Purpose, Sent, Standing, Window
from guards.explain import explain
from guards.places import places_of
from tests.guards.people import MONDAY_NOON, POLICY, at, draft, facts

ONE = (Sent(MONDAY_NOON - timedelta(hours=1), 1, Purpose.MARKETING),)
NY, LA = "America/New_York", "America/Los_Angeles"


def said(number: str = "+12125550100", purpose: Purpose = Purpose.MARKETING, **more: Any) -> str:
    """Return all sentences about one person as a text."""
    person = facts(number, **more)
    outcome = chain.run(draft(purpose), person)
    text = "\n".join(explain(draft(purpose), person, outcome))
    assert number.removeprefix("+") not in text
    return text


def test_a_yes_says_until_when_and_on_which_consent() -> None:
    """An allowed text names the end of its hours, its consent and where the person may be."""
    standing = Standing("in", "express_written", at("2026-03-01 12:00", NY), 17)
    assert said(standing=standing) == (
        "Yes: a marketing text may go now, until Mon 2026-11-23 21:00 in New York.\n"
        "Consent on record: they said yes, express written, since 2026-03-01, ledger event 17.\n"
        "Places that count: US-NY (area code 212 says US-NY America/New York)."
    )


def test_a_no_at_night_names_clock_law_and_opening() -> None:
    """Seven in Los Angeles waits for eight there, by the federal rule that nobody of the house may change."""
    text = said("+12135550100", now=at("2026-11-23 07:12", LA))
    assert text.startswith(
        "Not now: a marketing text has to wait; the first allowed moment is Mon 2026-11-23 08:00 in Los Angeles.\n"
    )
    assert "It is Mon 07:12 in Los Angeles: US (47 CFR 64.1200(c)(1)" in text
    assert "allows 08:00-21:00 on this day." in text
    assert "Who could change it: US: nobody, it is law for texts." in text


@pytest.mark.parametrize(
    ("number", "zone", "when", "words"),
    [
        ("+12155550100", NY, "2026-11-22 12:00", "US-PA (Telemarketer Registration Act"),
        ("+12155550100", NY, "2026-11-22 12:00", "is closed on Sundays"),
        ("+12155550100", NY, "2027-03-26 12:00", "is closed for Good Friday"),
        ("+16015550100", "America/Chicago", "2026-07-06 08:30", "It is Mon 07:30 in GMT+6: US-MS"),
        ("+13055550100", NY, "2026-11-23 20:30", "allows 08:00-20:00 on this day"),
        (
            "+4915123456789",
            "Europe/Berlin",
            "2026-11-22 12:00",
            "DE: the owner, with a reason on record; it is courtesy",
        ),
        (
            "+12055550100",
            "America/Chicago",
            "2026-11-22 12:00",
            "US-AL: the owner, with a reason on record; it is law for",
        ),
        ("+33612345678", "Europe/Paris", "2026-11-22 12:00", "FR: nobody, carriers enforce it."),
        ("+18005550100", NY, "2026-11-22 03:00", "more rules are closed at this hour."),
    ],
)
def test_the_rule_that_closes_is_named(number: str, zone: str, when: str, words: str) -> None:
    """Holidays, Sundays, a clock of the law's own and hours of the day are told apart, and so are laws and courtesy."""
    person = facts(number, now=at(when, zone), country=places_of(number).codes[0][:2])
    outcome = chain.Refused(quiet_hours.check(draft(), person), "quiet_hours", ())  # type: ignore[arg-type]
    assert words in "\n".join(explain(draft(), person, outcome))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"standing": Standing("out", "express_written")}, "Only the person, by an act of their own: START"),
        ({"standing": Standing()}, "No: a marketing text may not go. No consent is on record."),
        ({"standing": Standing("in", "express")}, "Consent on record: they said yes, express."),
        ({"standing": Standing("held")}, "A person who reads the waiting reply"),
        ({"country": None}, "Nobody: a number of no known country is never texted."),
        ({"country": "FR"}, "Whoever may edit the program, by adding the country to it."),
        ({"emergencies": frozenset({"US-NY"})}, "An emergency is declared in US-NY."),
        ({"number_state": "suppressed"}, "off the suppression list"),
        ({"ends_at": at("2026-11-23 07:00", NY), "now": at("2026-11-23 04:00", NY)}, "by a later end."),
    ],
)  # fmt: skip
def test_every_other_no_says_who_could_change_it(more: dict[str, Any], words: str) -> None:
    """Consent, country, lists and emergencies each name the one who could act, or that nobody can."""
    assert words in said(**more)


def test_a_full_cap_names_the_law_or_the_program() -> None:
    """Florida's cap is cited; a cap of the program is called that, with who may edit it."""
    three = tuple(Sent(MONDAY_NOON - timedelta(hours=n), 1, Purpose.MARKETING) for n in (1, 2, 3))
    text = said("+13055550100", sends=three)
    assert "3 earlier texts to this number are on record" in text
    assert "US-FL (Fla. Stat. 501.616(6)" in text
    assert "Who could change it: US-FL: nobody, it is law for texts." in text
    own = said(sends=three, policy=replace(POLICY, caps=(Cap(1, 24),)))
    assert "A cap of the program is full." in own
    assert "Who could change the program's own: Whoever may edit the program." in own


def test_the_programs_own_hours_are_named() -> None:
    """Where only the program is closed, it says so and who may edit it."""
    text = said(policy=replace(POLICY, hours=(Window(0, 600, 660),)))
    assert "It is Mon 12:00 in New York: the program's own hours are closed." in text
    assert "Who could change the program's own: Whoever may edit the program." in text


def test_hours_that_the_person_chose_are_theirs_to_change() -> None:
    """They are told from the program's, and so is who could change them."""
    text = said(policy=replace(POLICY, hours=(Window(0, 600, 660),)), chose_hours=True)
    assert "It is Mon 12:00 in New York: the hours that the person or the program chose are closed." in text
    assert text.endswith("Who could change the person's own: only they, on their page.")
    full = said(policy=replace(POLICY, hours=(Window(0, 600, 780),), caps=(Cap(1, 24),)), chose_hours=True, sends=ONE)
    assert "only they, on their page" not in full


def test_a_queue_that_outlasts_the_hours_is_named() -> None:
    """Where the hour is allowed and the from_number too busy, that is the reason given, and not a rule that is open."""
    late = at("2026-11-23 20:55", NY)
    person = facts(now=late, queue=timedelta(minutes=15), margin=timedelta(seconds=3))
    outcome = chain.run(draft(), person)
    assert isinstance(outcome, chain.Refused)
    assert outcome.verdict.note == "The allowed hours end before the text would have left its from_number."
    text = "\n".join(explain(draft(), person, outcome))
    assert "3 seconds before their end are kept free, and its from_number is busy for 900 more." in text
    assert "whoever may raise the rate of the from_number" in text
    short = facts(now=late, margin=timedelta(minutes=6))
    text = "\n".join(explain(draft(), short, chain.run(draft(), short)))
    assert "end before this text would have left: 360 seconds before their end are kept free." in text
    assert "raise the rate" not in text
