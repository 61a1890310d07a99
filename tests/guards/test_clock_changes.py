"""Nights on which clocks move: walked in steps of five minutes, no text goes outside the hours of any place."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from guards import quiet_hours
from guards.base import Allow, Places
from guards.zones import table
from tests.guards import naive
from tests.guards.people import draft, facts

AMERICAN = {
    "America/New_York": "US-FL", "America/Chicago": "US-TX", "America/Denver": "US-CO", "America/Los_Angeles": "US-OR",
    "America/Anchorage": "US-AK", "America/Adak": "US-AK", "America/Boise": "US-ID", "America/Detroit": "US-MI",
    "America/Indiana/Indianapolis": "US-IN",
    "America/Phoenix": "US-AZ", "Pacific/Honolulu": "US-HI", "America/Puerto_Rico": "US-PR", "Pacific/Guam": "US-GU",
}  # fmt: skip
ABROAD = {
    "Europe/Paris": ("FR", 2025, 2035), "Europe/Berlin": ("DE", 2025, 2035), "Europe/London": ("GB", 2025, 2035),
    "Atlantic/Azores": ("PT", 2025, 2035), "Europe/Helsinki": ("FI", 2025, 2035), "Europe/Dublin": ("IE", 2025, 2035),
    "Australia/Sydney": ("AU", 2025, 2035), "Australia/Adelaide": ("AU", 2025, 2035),
    "Australia/Lord_Howe": ("AU", 2025, 2035), "Pacific/Auckland": ("NZ", 2025, 2035),
    "America/Santiago": ("CL", 2025, 2035), "Asia/Jerusalem": ("IL", 2025, 2035),
    "America/Toronto": ("CA", 2025, 2035), "America/St_Johns": ("CA", 2025, 2035),
    "America/Sao_Paulo": ("BR", 2025 - 7, 2020), "America/Mexico_City": ("MX", 2020, 2023),
}  # fmt: skip


def moves(zone: str, first: int, last: int) -> Iterator[datetime]:
    """Yield the first minute after each change of the zone's clock in these years, found by walking hour by hour."""
    clock, instant = ZoneInfo(zone), datetime(first, 1, 1, tzinfo=UTC)
    while instant < datetime(last + 1, 1, 1, tzinfo=UTC):
        later = instant + timedelta(hours=1)
        if instant.astimezone(clock).utcoffset() != later.astimezone(clock).utcoffset():
            yield later
        instant = later


def walk(place: str, zone: str, move: datetime) -> None:
    """Ask every five minutes from 36 hours before a change to 36 hours after it, and compare with the wall clock."""
    places = Places((place,), (zone,))
    for step in range(-36 * 12, 36 * 12 + 1):
        now = move + timedelta(minutes=5 * step)
        verdict = quiet_hours.check(draft(), facts(places=places, now=now))
        assert isinstance(verdict, Allow) == naive.may_go((place,), (zone,), now), (place, zone, now)
        if isinstance(verdict, Allow):
            assert verdict.until is not None
            assert naive.may_go((place,), (zone,), verdict.until - timedelta(minutes=1))
        else:
            assert naive.may_go((place,), (zone,), verdict.until)  # type: ignore[union-attr]


@pytest.mark.nightly
def test_thirteen_zones_change_198_times() -> None:
    """Nine of thirteen American zones move their clocks, twice a year in eleven years."""
    states = {zone for state, zones in table().states.items() if state.startswith("US-") for zone in zones}
    assert states <= {*AMERICAN, "Pacific/Pago_Pago"}
    assert sum(len(list(moves(zone, 2025, 2035))) for zone in AMERICAN) == 198


@pytest.mark.nightly
@pytest.mark.parametrize("zone", AMERICAN)
def test_no_american_text_goes_outside_its_hours(zone: str) -> None:
    """Around every change of the clock the hours of the state hold to five minutes."""
    for move in moves(zone, 2025, 2035):
        walk(AMERICAN[zone], zone, move)


@pytest.mark.nightly
@pytest.mark.parametrize("zone", ABROAD)
def test_no_text_abroad_goes_outside_its_hours(zone: str) -> None:
    """The same in Europe, Australia and others, and in the last years in which Brazil and Mexico moved theirs."""
    place, first, last = ABROAD[zone]
    changes = list(moves(zone, first, last))
    assert changes
    for move in changes:
        walk(place, zone, move)


@pytest.mark.parametrize(
    ("place", "zone", "year"),
    [
        ("US-FL", "America/New_York", 2027),
        ("US-AK", "America/Adak", 2027),
        ("FR", "Europe/Paris", 2027),
        ("AU", "Australia/Lord_Howe", 2027),
        ("BR", "America/Sao_Paulo", 2018),
    ],
)
def test_the_changes_of_a_year(place: str, zone: str, year: int) -> None:
    """One year of each kind of change: an hour in the night, half an hour, in spring and autumn of both hemispheres."""
    for move in moves(zone, year, year):
        walk(place, zone, move)
