"""Emergencies: where one is declared nothing that sells or informs goes, wherever else the person may be."""

import pytest

from guards import chain, emergency
from guards.base import ALLOW, Block, Kind, Places, Purpose
from guards.chain import Cleared, Refused
from tests.guards.people import draft, facts

NY, CH = "America/New_York", "America/Chicago"


@pytest.mark.parametrize(
    ("codes", "declared", "touched"),
    [
        (("US-LA",), {"US-LA"}, ("US-LA",)),
        (("US-LA", "US-NY"), {"US-LA"}, ("US-LA",)),
        (("US-NY",), {"US-LA"}, ()),
        (("US-LA", "US-NY"), {"US-LA", "US-NY", "FR"}, ("US-LA", "US-NY")),
        (("US",), {"US-LA"}, ("US-LA",)),
        (("US-LA",), {"US"}, ("US",)),
        (("FR",), {"FR"}, ("FR",)),
        (("US-NY",), {"US-N"}, ()),
        (("US-NY",), set(), ()),
        ((), {"US-LA"}, ()),
    ],
)
def test_any_candidate_place_counts(codes: tuple[str, ...], declared: set[str], touched: tuple[str, ...]) -> None:
    """A state, its country, or a person who may be anywhere in the country of a declared state: each is held back."""
    verdict = emergency.check(draft(), facts(places=Places(codes, (CH,)), emergencies=frozenset(declared)))
    if not touched:
        assert verdict is ALLOW
    else:
        assert isinstance(verdict, Block)
        assert (verdict.reason, verdict.rules) == ("emergency", touched)
        assert all(place in verdict.note for place in touched)


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
def test_only_what_the_person_asked_for_goes(purpose: Purpose, kind: Kind, goes: bool) -> None:
    """A code, a receipt and the answer to HELP leave; an offer, a notice and a test of one do not."""
    asked = draft(purpose, kind, answers="help" if kind is Kind.ANSWER else None)
    outcome = chain.run(asked, facts("+15045550100", emergencies=frozenset({"US-LA"})))
    assert isinstance(outcome, Cleared) == goes
    if isinstance(outcome, Refused):
        assert (outcome.guard, outcome.verdict.reason) == ("emergency", "emergency")
