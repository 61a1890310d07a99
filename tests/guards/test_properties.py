"""What no change of facts may do: more candidates, more rules, more history or odd input never let a text through."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from guards import chain, quiet_hours, rules
from guards.base import Allow, Cap, Defer, Draft, Facts, Kind, Places, Purpose, Sent, Standing, Window
from guards.chain import Cleared, Refused
from guards.places import places_of
from guards.zones import country_zones, table
from tests.guards.people import POLICY, facts

EXAMPLES = pytest.mark.parametrize("examples", [100, pytest.param(10_000, marks=pytest.mark.nightly)])
SECOND = timedelta(seconds=1)
AREA_CODES = sorted(table().area_codes)
STATES = sorted(table().states)
COUNTRIES = sorted(code for code in rules.book().jurisdictions if "-" not in code and country_zones(code))
ABROAD = ("+33612345678", "+61412345678", "+525512345678", "+393123456789", "+972501234567", "+79123456789")
NUMBERS = st.one_of(st.sampled_from(AREA_CODES).map("+1{}5550100".format), st.sampled_from(ABROAD))
INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2035, 12, 20), timezones=st.just(UTC))  # noqa: DTZ001
PURPOSES = st.sampled_from(list(Purpose))
SUBJECTS = st.sampled_from([None, "sale", "news"])
LAW_TEXT = sorted(
    code for code, found in rules.book().jurisdictions.items() if all(v.basis == "law-text" for v in found.versions)
)
CAPS = st.lists(
    st.builds(
        Cap,
        st.integers(1, 4),
        st.integers(1, 200),
        st.sampled_from(["program", "installation"]),
        st.one_of(st.none(), PURPOSES),
        st.sampled_from([None, "sale", "*"]),
    ),
    max_size=2,
).map(tuple)
OWN = st.one_of(
    st.none(),
    st.lists(st.builds(Window, st.integers(0, 6), st.integers(480, 700), st.integers(701, 1260)), max_size=7).map(
        tuple
    ),
)
PLACES = st.one_of(
    st.sampled_from(STATES).map(lambda code: (code, table().states[code])),
    st.sampled_from(COUNTRIES).map(lambda code: (code, country_zones(code))),
)


@st.composite
def people(draw: st.DrawFn) -> Facts:
    """Return somebody at some instant: number, address, consent, history, caps, hours of the program, ends."""
    now = draw(INSTANTS)
    past = st.tuples(st.integers(1, 12_000), PURPOSES, st.integers(1, 2), SUBJECTS, st.booleans())
    ages = draw(st.lists(past, max_size=6))
    policy = replace(POLICY, caps=draw(CAPS), hours=draw(OWN), countries=frozenset({"US", "FR"}))
    return facts(
        draw(NUMBERS),
        now=now,
        country=draw(st.sampled_from(["US", "US", "US", "FR", "CA", None])),
        policy=policy,
        sends=tuple(Sent(now - timedelta(minutes=m), program, about, s, a) for m, about, program, s, a in ages),
        ends_at=draw(st.one_of(st.none(), st.integers(0, 5000).map(lambda m: now + timedelta(minutes=m)))),
        margin=timedelta(seconds=draw(st.integers(0, 600))),
        standing=draw(STANDINGS),
        emergencies=draw(st.frozensets(st.sampled_from(["US-LA", "US-FL", "FR", "CA"]), max_size=1)),
        drops=draw(DROPS),
    )


DROPS = st.sampled_from([frozenset[str](), frozenset({"quiet_hours"}), frozenset({"frequency_cap", "quiet_hours"})])
STANDINGS = st.builds(
    Standing,
    st.sampled_from(["in", "in", "in", "out", "held", "none"]),
    st.sampled_from(["express_written", "express_written", "express", "implied", "none"]),
)
DRAFTS = st.builds(
    Draft,
    st.sampled_from(["Acme: new beans.\nReply STOP to opt out.", "New beans.", "Reply STOP to opt out."]),
    st.sampled_from([*Purpose, Purpose.MARKETING, Purpose.MARKETING]),
    st.sampled_from(list(Kind)),
    st.sampled_from([None, "stop", "help", "start"]),
    SUBJECTS,
)


def hold(examples: int, held: Callable[..., None], *strategies: st.SearchStrategy[Any]) -> None:
    """Try a property on so many examples."""
    quick = settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    quick(given(*strategies)(held))()


def never_more(draft: Draft, before: Facts, after: Facts) -> None:
    """Fail if what was refused before goes after."""
    if isinstance(chain.run(draft, before), Refused):
        assert isinstance(chain.run(draft, after), Refused)


def also(places: Places, codes: tuple[str, ...], zones: tuple[str, ...]) -> Places:
    """Return places with more candidates."""
    found = {*places.codes, *codes}, {*places.zones, *zones}
    return Places(tuple(sorted(found[0])), tuple(sorted(found[1])), places.evidence)


@EXAMPLES
def test_another_candidate_place_never_lets_a_text_through(examples: int) -> None:
    """Who may also be elsewhere is texted in no hour in which they were left alone."""

    def held(draft: Draft, person: Facts, place: tuple[str, tuple[str, ...]]) -> None:
        never_more(draft, person, replace(person, places=also(person.places, (place[0],), place[1])))

    hold(examples, held, DRAFTS, people(), PLACES)


@EXAMPLES
def test_another_rule_never_lets_a_text_through(examples: int) -> None:
    """One rule or one clock more to keep, hours, a cap, an emergency, dropping: each only takes away."""

    def held(draft: Draft, person: Facts, place: tuple[str, tuple[str, ...]], own: Any, cap: Cap) -> None:
        never_more(draft, person, replace(person, places=also(person.places, (place[0],), ())))
        never_more(draft, person, replace(person, places=also(person.places, (), place[1])))
        never_more(draft, person, replace(person, emergencies=person.emergencies | {place[0]}))
        never_more(draft, person, replace(person, drops=frozenset({"quiet_hours", "frequency_cap"})))
        narrower = replace(person.policy, caps=(*person.policy.caps, cap))
        if person.policy.hours is None:
            narrower = replace(narrower, hours=own)
        never_more(draft, person, replace(person, policy=narrower))

    cap = st.builds(Cap, st.integers(1, 3), st.integers(1, 100))
    hold(examples, held, DRAFTS, people(), PLACES, OWN, cap)


@EXAMPLES
def test_another_past_message_never_lets_a_text_through(examples: int) -> None:
    """Who got one text more is not texted where they were left alone."""

    def held(draft: Draft, person: Facts, minutes: int, purpose: Purpose, program: int, subject: str | None) -> None:
        sent = Sent(person.now - timedelta(minutes=minutes), program, purpose, subject)
        never_more(draft, person, replace(person, sends=(*person.sends, sent)))

    hold(examples, held, DRAFTS, people(), st.integers(0, 12_000), PURPOSES, st.integers(1, 2), SUBJECTS)


@EXAMPLES
def test_the_time_named_is_the_first(examples: int) -> None:
    """At the instant a deferral names its guard lets the text go, a second before it does not; so for permissions."""

    def held(draft: Draft, person: Facts) -> None:
        outcome = chain.run(draft, person)
        if isinstance(outcome, Refused) and isinstance(outcome.verdict, Defer):
            guard, until = next(g for g in chain.CHAIN if g.name == outcome.guard), outcome.verdict.until
            assert isinstance(guard.check(draft, replace(person, now=until)), Allow)
            assert not isinstance(guard.check(draft, replace(person, now=until - SECOND)), Allow)
        elif isinstance(outcome, Cleared) and outcome.until is not None:
            assume(outcome.until - SECOND > person.now)
            last = replace(person, now=outcome.until - SECOND)
            assert isinstance(quiet_hours.check(draft, last), Allow)
            assert not isinstance(quiet_hours.check(draft, replace(person, now=outcome.until)), Allow)

    hold(examples, held, DRAFTS, people())


@EXAMPLES
def test_the_chain_leaves_its_own_output_alone(examples: int) -> None:
    """What was cleared is cleared again as it is, until the same instant, with nothing left to change."""

    def held(draft: Draft, person: Facts) -> None:
        outcome = chain.run(draft, person)
        if isinstance(outcome, Cleared):
            again = chain.run(outcome.draft, person)
            assert isinstance(again, Cleared)
            assert (again.draft, again.until, again.trace) == (outcome.draft, outcome.until, ())

    hold(examples, held, DRAFTS, people())


@EXAMPLES
def test_law_on_texts_cannot_be_loosened(examples: int) -> None:
    """Whatever law on texts a program names with whatever reason, the verdict and its time stay what they were."""

    def held(draft: Draft, person: Facts, loosened: dict[str, str]) -> None:
        plain = chain.run(draft, person)
        loose = chain.run(draft, replace(person, policy=replace(person.policy, loosened=loosened)))
        if isinstance(plain, Cleared) or isinstance(loose, Cleared):
            assert loose == plain
        else:
            assert replace(loose.verdict, note="") == replace(plain.verdict, note="")

    hold(examples, held, DRAFTS, people(), st.dictionaries(st.sampled_from(LAW_TEXT), st.text(), min_size=1))


ODD = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(["\0", "../../etc/passwd", "00000", "A1A 1A1", "ẞ", "US-", "-", "٣"]),
)


@EXAMPLES
def test_odd_addresses_are_answered(examples: int) -> None:
    """Random words for number, postal code, state, zone and country give places and a verdict, never an error."""

    def held(number: str, postal: str | None, state: str | None, zone: str | None, country: str | None) -> None:
        places = places_of(number, postal_code=postal, state=state, zone=zone, country=country)
        for code in places.codes:
            assert rules.of_places((code,), datetime(2026, 11, 23, tzinfo=UTC).date())
        outcome = chain.run(Draft("Acme: hi.\nReply STOP to opt out.", Purpose.MARKETING), facts(places=places))
        assert isinstance(outcome, Cleared | Refused)
        if isinstance(outcome, Refused):
            assert outcome.verdict.reason in ("unknown_place", "quiet_hours", "no_common_hour")

    numbers = st.one_of(NUMBERS, st.text(max_size=16), st.from_regex(r"\+\d{1,15}", fullmatch=True))
    hold(examples, held, numbers, ODD, ODD, ODD, ODD)


@EXAMPLES
def test_odd_facts_are_refused_not_raised(examples: int) -> None:
    """Words where codes, zones, states of a number or texts should be end in an answer; only good facts are cleared."""

    def held(codes: list[str], zones: list[str], text: str, line: str, country: str | None) -> None:
        person = facts(places=Places(tuple(codes), tuple(zones)), line_type=line, country=country)
        outcome = chain.run(Draft(text, Purpose.MARKETING), person)
        assert isinstance(outcome, Cleared | Refused)
        if isinstance(outcome, Cleared):
            assert country == "US"
            assert all(country_zones(code) or code.split("-")[0] in rules.book().jurisdictions for code in codes)

    words = st.lists(st.one_of(st.text(max_size=8), st.sampled_from([*STATES, "America/New_York"])), max_size=3)
    hold(
        examples, held, words, words, st.text(), st.sampled_from(["mobile", "", "x"]), st.sampled_from(["US", None, ""])
    )
