"""Reach: the country, the number and the line must be fit for a text."""

from dataclasses import replace
from typing import Any

import pytest

from guards import reach
from guards.base import ALLOW, Block
from tests.guards.people import POLICY, draft, facts


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, None),
        ({"line_type": "mobile"}, None),
        ({"line_type": "unknown"}, None),
        ({"line_type": "voip"}, None),
        ({"line_type": "fixedVoip"}, None),
        ({"line_type": "nonFixedVoip"}, None),
        ({"line_type": "personal_number"}, None),
        ({"line_type": "fixed_line_or_mobile"}, None),
        ({"country": None}, "unknown_country"),
        ({"country": "FR"}, "country_not_allowed"),
        ({"number_state": "invalid"}, "invalid_number"),
        ({"number_state": "suppressed"}, "suppressed"),
        ({"line_type": "fixed_line"}, "landline"),
        ({"line_type": "landline"}, "landline"),
        ({"line_type": "premium_rate"}, "premium_number"),
        ({"line_type": "PREMIUM"}, "premium_number"),
        ({"line_type": "shared_cost"}, "premium_number"),
        ({"line_type": "sharedCost"}, "premium_number"),
        ({"line_type": "toll_free"}, "not_mobile"),
        ({"line_type": "a type of next year"}, "not_mobile"),
    ],
)
def test_only_living_phones_in_allowed_countries(more: dict[str, Any], reason: str | None) -> None:
    """Everything that is not known to be a phone that can and may be texted is blocked with its own reason."""
    verdict = reach.check(draft(), facts(**more))
    assert verdict is ALLOW if reason is None else isinstance(verdict, Block) and verdict.reason == reason


@pytest.mark.parametrize(
    ("country", "line", "reason"), [("001", "mobile", "no_country"), ("US", "premium_rate", "premium_number")]
)
def test_no_program_opens_premium_and_satellite_ranges(country: str, line: str, reason: str) -> None:
    """Also where the program lists the country they are blocked, before anything else is asked."""
    everywhere = replace(POLICY, countries=frozenset({"US", "001"}))
    verdict = reach.check(draft(), facts(country=country, line_type=line, policy=everywhere, number_state="invalid"))
    assert isinstance(verdict, Block)
    assert verdict.reason == reason
