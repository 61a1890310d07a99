"""Prices: a dated table of lower bounds, and nothing where nothing is known."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import SUPPORTED_REGIONS

from sender.campaigns.prices import price, reserved_price, shown, table
from sender.campaigns.programs import LINE_KINDS

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize("kind", ["long_code", "toll_free", "short_code"])
def test_the_price_of_a_day_is_the_row_in_force(kind: str) -> None:
    """An American part costs 79 until the end of March 2026 and 83 from April on, whatever number it comes from."""
    days = [date(2026, 3, 31), date(2026, 4, 1), TODAY]
    assert [found.amount for day in days if (found := price("US", kind, day))] == [79, 83, 83]


@pytest.mark.parametrize(("country", "on"), [("XX", TODAY), (None, TODAY), ("US", date(2020, 1, 1))])
def test_what_is_not_known_is_said(country: str | None, on: date) -> None:
    """No row for a country or day gives no price, and a budget sets aside the dearest there is."""
    assert price(country, "long_code", on) is None
    assert reserved_price(country, "long_code", on) == max(row.amount for rows in table().values() for row in rows)


def test_every_row_says_where_it_comes_from() -> None:
    """Countries are real, amounts positive, kinds known, and each row names its source and confidence."""
    for country, rows in table().items():
        assert country in SUPPORTED_REGIONS
        assert len({(row.since, row.kinds) for row in rows}) == len(rows)
        for row in rows:
            assert 0 < row.amount < 10_000
            assert row.kinds <= set(LINE_KINDS)
            assert row.source
            assert row.confidence in {"high", "medium", "low"}


@given(st.sampled_from(list(table())), st.sampled_from(LINE_KINDS), st.dates(date(2020, 1, 1), date(2035, 1, 1)))
def test_a_later_day_never_loses_a_price(country: str, kind: str, day: date) -> None:
    """Once a country has a price it keeps one, and no price lies in the future."""
    found = price(country, kind, day)
    if found is not None:
        assert found.since <= day
        assert price(country, kind, day + timedelta(days=400)) is not None


def test_amounts_are_shown_with_their_currency() -> None:
    """Ten-thousandths are shown as money."""
    assert shown(1_234_567) == "USD 123.46"
