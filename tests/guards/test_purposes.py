"""Purposes: one table, and nobody gets round it by calling a text something laxer."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards import chain
from guards.base import Defer, Kind, Purpose, Standing
from guards.chain import Cleared, Refused
from guards.purposes import TERMS, held_to, stricter, terms_of
from sender.audience import ledger
from tests.guards.people import POLICY, at, draft, facts

M, I, T, C = Purpose.MARKETING, Purpose.INFORMATIONAL, Purpose.TRANSACTIONAL, Purpose.CODE  # noqa: E741
PURPOSES = st.sampled_from(list(Purpose))
LEVELS = ("none", "implied", "express", "express_written")


def test_the_table_has_every_purpose() -> None:
    """Written consent for marketing, express for informational texts, none for what the person asked for."""
    assert set(TERMS) == set(Purpose)
    assert [sorted(TERMS[purpose].consent) for purpose in (M, I, T, C)] == [
        ["express_written"], ["express", "express_written"], [], []
    ]  # fmt: skip
    assert [purpose for purpose in Purpose if TERMS[purpose].restrained] == [I, M]


def test_the_ledger_stops_what_the_table_says() -> None:
    """A STOP to one program and a STOP to all end exactly the purposes that the table names for them."""
    assert {p for p in Purpose if "program" in TERMS[p].stopped_by} == set(ledger.STOPPED_BY_PROGRAM)
    assert {p for p in Purpose if "all" in TERMS[p].stopped_by} == set(ledger.STOPPED_BY_ALL)


@given(PURPOSES, PURPOSES)
def test_the_stricter_of_two_is_either_and_never_laxer(some: Purpose, other: Purpose) -> None:
    """Strictness is an order: the stricter needs no less consent and no fewer guards than both."""
    both = stricter(some, other)
    assert both in (some, other)
    assert both is stricter(other, some)
    for one in (some, other):
        assert TERMS[both].restrained >= TERMS[one].restrained
        assert TERMS[both].stopped_by >= TERMS[one].stopped_by
        assert not TERMS[one].consent or TERMS[both].consent <= TERMS[one].consent


@pytest.mark.parametrize(
    ("claimed", "least", "held"),
    [(C, M, M), (T, I, I), (M, C, M), (M, I, M), (I, I, I), (C, C, C)],
)
def test_a_text_is_held_to_what_the_program_sends(claimed: Purpose, least: Purpose, held: Purpose) -> None:
    """A caller can make a purpose stricter than the program's, never laxer."""
    assert held_to(draft(claimed), least).purpose is held
    assert held_to(draft(claimed, Kind.ANSWER, answers="stop"), least).purpose is claimed


def test_a_sale_called_a_code_waits_for_the_morning_and_needs_consent() -> None:
    """In a program that only sells, a text claimed to be a code keeps hours and consent like every other."""
    night = facts(now=at("2026-11-23 04:00", "America/New_York"), policy=replace(POLICY, least=M))
    refused = chain.run(draft(C), night)
    assert isinstance(refused, Refused)
    assert isinstance(refused.verdict, Defer)
    assert refused.guard == "quiet_hours"
    stranger = chain.run(draft(C), replace(night, standing=Standing()))
    assert isinstance(stranger, Refused)
    assert stranger.verdict.reason == "no_consent"
    assert isinstance(chain.run(draft(C), replace(night, policy=POLICY)), Cleared)


def test_a_purpose_nobody_knows_is_refused() -> None:
    """A purpose that is none of the four, which only a fault can bring, is an error and not a code."""
    wrong: Any = "greeting"
    for least, guard in ((C, "purposes"), (M, "purposes"), (wrong, "consent_check")):
        refused = chain.run(replace(draft(), purpose=wrong), facts(policy=replace(POLICY, least=least)))
        assert isinstance(refused, Refused)
        assert (refused.guard, refused.verdict.reason) == (guard, "guard_error")


@given(PURPOSES, PURPOSES, st.sampled_from(LEVELS), st.sampled_from(["in", "out", "held", "none"]), st.integers(0, 23))
def test_calling_it_something_stricter_never_lets_more_through(
    some: Purpose, other: Purpose, level: str, state: str, hour: int
) -> None:
    """Whatever the consent and the hour, the stricter purpose of two is cleared only where the laxer is."""
    standing: Any = Standing(state, level)  # type: ignore[arg-type]
    person = facts(standing=standing, now=at(f"2026-11-23 {hour:02}:30", "America/New_York"))
    strict = stricter(some, other)
    lax = other if strict is some else some
    if isinstance(chain.run(draft(strict), person), Cleared):
        assert isinstance(chain.run(draft(lax), person), Cleared)


def test_answers_are_held_to_nothing_of_the_table() -> None:
    """The answer to a person's own text needs no consent and knows no hours, whatever purpose it carries."""
    terms = terms_of(draft(M, Kind.ANSWER, answers="help"))
    assert (terms.consent, terms.restrained, terms.stopped_by) == (frozenset(), False, frozenset())
