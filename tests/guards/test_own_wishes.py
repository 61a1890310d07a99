"""A pause and unwanted subjects hold back what sells or informs, and nothing else."""

from datetime import timedelta

import pytest

from guards import own_wishes
from guards.base import ALLOW, Block, Kind, Purpose
from tests.guards.people import draft, facts

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("purpose", "kind", "goes"),
    [
        (Purpose.MARKETING, Kind.CAMPAIGN, False),
        (Purpose.INFORMATIONAL, Kind.API, False),
        (Purpose.MARKETING, Kind.TEST, False),
        (Purpose.TRANSACTIONAL, Kind.API, True),
        (Purpose.CODE, Kind.API, True),
        (Purpose.INFORMATIONAL, Kind.ANSWER, True),
    ],
)
def test_a_pause_holds_back_what_nobody_asked_for(purpose: Purpose, kind: Kind, goes: bool) -> None:
    """Offers and news wait for nothing and are left out; codes, receipts and answers go on."""
    shown = facts()
    asked = draft(purpose, kind, answers="help" if kind is Kind.ANSWER else None)
    verdict = own_wishes.check(asked, facts(paused_until=shown.now + SECOND))
    assert (verdict is ALLOW) == goes
    if isinstance(verdict, Block):
        assert (verdict.reason, verdict.rules) == ("own_pause", ())
        assert verdict.note == "The person asked for a pause, and it is not over."


def test_a_pause_ends_on_the_instant() -> None:
    """At its end and after it texts go again."""
    now = facts().now
    for end in (now, now - SECOND):
        assert own_wishes.check(draft(), facts(paused_until=end)) is ALLOW


@pytest.mark.parametrize(
    ("subject", "unwanted", "goes"),
    [("sale", {"sale", "news"}, False), ("events", {"sale"}, True), (None, {"sale"}, True), ("sale", set(), True)],
)
def test_an_unwanted_subject_is_left_out(subject: str | None, unwanted: set[str], goes: bool) -> None:
    """Only a text that is known to be on that subject."""
    verdict = own_wishes.check(draft(subject=subject), facts(unwanted=frozenset(unwanted)))
    assert (verdict is ALLOW) == goes
    if isinstance(verdict, Block):
        assert (verdict.reason, verdict.note) == ("own_topics", "The person does not want texts on this subject.")
