"""Consent: the right level for the purpose, still standing, and one confirmation of a stop in time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from guards import consent_check
from guards.base import ALLOW, Allow, Block, Kind, Purpose, Standing
from guards.places import places_of
from tests.guards.people import MONDAY_NOON, POLICY, draft, facts

LATER = MONDAY_NOON + timedelta(days=1)
M, I, T, C = Purpose.MARKETING, Purpose.INFORMATIONAL, Purpose.TRANSACTIONAL, Purpose.CODE  # noqa: E741


@pytest.mark.parametrize(
    ("purpose", "standing", "reason"),
    [
        (M, Standing("in", "express_written"), None),
        (I, Standing("in", "express_written"), None),
        (I, Standing("in", "express"), None),
        (M, Standing("in", "express"), "consent_too_weak"),
        (M, Standing("in", "implied"), "consent_too_weak"),
        (I, Standing("in", "implied"), "consent_too_weak"),
        (M, Standing("in", "none"), "consent_too_weak"),
        (M, Standing("in", "implied", lapses_at=LATER), "consent_too_weak"),
        (M, Standing("in", "express_written", lapses_at=LATER), None),
        (M, Standing("in", "express_written", lapses_at=MONDAY_NOON), "consent_lapsed"),
        (M, Standing("out", "express_written"), "opted_out"),
        (I, Standing("out"), "opted_out"),
        (T, Standing("out"), "opted_out"),
        (C, Standing("out"), "opted_out"),
        (M, Standing("held", "express_written"), "held"),
        (C, Standing("held"), "held"),
        (M, Standing(), "no_consent"),
        (I, Standing(), "no_consent"),
        (T, Standing(), None),
        (C, Standing(), None),
    ],
)
def test_purpose_and_standing(purpose: Purpose, standing: Standing, reason: str | None) -> None:
    """Each purpose needs its level; stop and held stop everything the loader reports them for."""
    verdict = consent_check.check(draft(purpose), facts(standing=standing))
    assert (verdict.reason if isinstance(verdict, Block) else None) == reason


def test_implied_consent_counts_in_canada_until_it_lapses() -> None:
    """A purchase carries Canadian marketing for as long as the law says, and only with that end on record."""
    canadian = facts("+14165550100", country="CA", standing=Standing("in", "implied", lapses_at=LATER))
    assert isinstance(consent_check.check(draft(), canadian), Allow)
    for standing in (Standing("in", "implied", lapses_at=MONDAY_NOON), Standing("in", "implied")):
        assert isinstance(consent_check.check(draft(), replace(canadian, standing=standing)), Block)


def test_implied_consent_ends_at_the_border() -> None:
    """A Canadian number of a person who may be in New York needs the consent New York needs."""
    standing = Standing("in", "implied", lapses_at=LATER)
    places = places_of("+14165550100", postal_code="10001")
    assert set(places.codes) == {"CA-ON", "US-NY"}
    canadian = facts(places=places, country="CA", standing=standing)
    verdict = consent_check.check(draft(), canadian)
    assert isinstance(verdict, Block)
    assert (verdict.reason, verdict.note) == (
        "consent_too_weak", "For marketing texts consent must be express written; on record is implied."
    )  # fmt: skip
    informational = consent_check.check(draft(I), canadian)
    assert isinstance(informational, Block)
    assert informational.note == "For informational texts consent must be express; on record is implied."


@pytest.mark.parametrize(
    ("answers", "age", "reason"),
    [
        ("stop", timedelta(minutes=5), None),
        ("stop", timedelta(minutes=5, seconds=1), "answer_too_late"),
        ("stop", None, "answer_too_late"),
        ("help", timedelta(days=1), None),
        ("start", None, None),
        (None, None, "answers_nothing"),
        ("sale", timedelta(0), "answers_nothing"),
    ],
)
def test_answers_depend_on_what_they_answer(answers: str | None, age: Any, reason: str | None) -> None:
    """After a stop, its confirmation may go for five minutes and the answer to a later HELP always; nothing else."""
    stopped = facts(standing=Standing("out"), answered_within=age)
    verdict = consent_check.check(draft(kind=Kind.ANSWER, answers=answers), stopped)
    assert (verdict.reason if isinstance(verdict, Block) else None) == reason


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("answers", "within"),
    [("reply", timedelta(hours=2)), ("confirm", 60 * MINUTE), ("auto", 15 * MINUTE), ("away", 15 * MINUTE)],
)
def test_a_conversation_ends_with_its_time(answers: str, within: timedelta) -> None:
    """What answers a person's own words goes to somebody without consent, until its time is over to the second."""
    policy = replace(POLICY, reply_hours=2)
    talk = draft(kind=Kind.ANSWER, answers=answers)
    late = Block("answer_too_late", note="The time in which this person's text may be answered is over.")
    for age, verdict in ((within, ALLOW), (within + timedelta(seconds=1), late), (None, late)):
        asked = facts(standing=Standing(), policy=policy, answered_within=age)
        assert consent_check.check(talk, asked) == verdict


@pytest.mark.parametrize(("state", "reason"), [("out", "opted_out"), ("held", "held"), ("in", None), ("none", None)])
def test_a_conversation_ends_with_a_stop(state: Any, reason: str | None) -> None:
    """Who said stop, or may have, gets no further answer; whether they said yes does not matter."""
    for answers in ("reply", "confirm", "auto", "away"):
        asked = facts(standing=Standing(state), answered_within=MINUTE)
        verdict = consent_check.check(draft(kind=Kind.ANSWER, answers=answers), asked)
        assert (verdict.reason if isinstance(verdict, Block) else None) == reason


def test_a_sign_up_is_confirmed_only_while_it_stands() -> None:
    """Nobody is welcomed who did not say yes, or who has said stop since."""
    asked = draft(Purpose.INFORMATIONAL, Kind.ANSWER, answers="welcome")
    assert consent_check.check(asked, facts()) is ALLOW
    for state, reason in (("out", "opted_out"), ("held", "held"), ("none", "no_consent")):
        verdict = consent_check.check(asked, facts(standing=Standing(state)))  # type: ignore[arg-type]
        assert isinstance(verdict, Block)
        assert verdict.reason == reason
