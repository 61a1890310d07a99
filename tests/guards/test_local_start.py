"""A wall time at every place: exact where clocks are changed, and the last of all candidates."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.local_start import first_of, instant_of, last_of

ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
FIRST = datetime.fromisoformat("2020-01-01")
MOMENTS = st.integers(0, 10 * 365 * 24 * 60).map(lambda minute: FIRST + timedelta(minutes=minute))


@pytest.mark.parametrize(
    ("wall", "zone", "expected"),
    [
        ("2026-03-10T10:00", "America/New_York", "2026-03-10T14:00"),
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:00"),
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30"),
        ("2026-04-05T01:45", "Australia/Lord_Howe", "2026-04-04T14:45"),
        ("2026-10-04T02:10", "Australia/Lord_Howe", "2026-10-03T15:30"),
        ("2011-12-30T10:00", "Pacific/Apia", "2011-12-30T10:00"),
    ],
)
def test_clock_changes_are_kept(wall: str, zone: str, expected: str) -> None:
    """A skipped time is the first instant after the leap, one that comes twice the first; half hours and days too."""
    found = instant_of(datetime.fromisoformat(wall), zone)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(MOMENTS, st.sampled_from(ZONES))
def test_it_is_the_first_instant_that_shows_the_time_or_later(wall: datetime, zone: str) -> None:
    """At the instant the wall shows the time or has leapt over it; a second before, it showed an earlier one."""
    found, tz = instant_of(wall, zone), ZoneInfo(zone)
    assert found.astimezone(tz).replace(tzinfo=None) >= wall
    assert (found - timedelta(seconds=1)).astimezone(tz).replace(tzinfo=None) < wall


@given(MOMENTS, st.lists(st.sampled_from(ZONES), min_size=1, max_size=6))
def test_nobody_is_too_early(wall: datetime, zones: list[str]) -> None:
    """The last instant is not before that of any candidate zone, the first not after."""
    last = last_of(wall, zones)
    assert all(last >= instant_of(wall, zone) >= first_of(wall, zones) for zone in zones)


def test_nowhere_is_everywhere() -> None:
    """Where no zone is known it is the earth's last one for the person, and its first for the scheduler."""
    wall = datetime.fromisoformat("2026-03-10T10:00")
    assert last_of(wall, ()) - first_of(wall, ()) == timedelta(hours=26)


def test_the_first_moment_of_a_skipped_hour_is_the_leap_itself() -> None:
    """Two o'clock on the night on which New York's clocks leap is the instant at which they do."""
    leap = datetime(2026, 3, 8, 7, tzinfo=UTC)
    for minute in (0, 1, 59):
        assert instant_of(datetime(2026, 3, 8, 2, minute), "America/New_York") == leap  # noqa: DTZ001
