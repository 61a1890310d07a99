"""Local windows become exact UTC spans, also on the days on which clocks are moved."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.intervals import DAY, Spans, common, local_windows, merge

ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "America/Adak", "Pacific/Honolulu", "America/St_Johns", "Australia/Lord_Howe",
)  # fmt: skip
ODD_WINDOWS = ((0, 70), (90, 150), (135, 165), (170, 185), (600, 1080), (1430, 1440))
EPOCH = date(1970, 1, 1)


def moved_days(zone: str) -> list[date]:
    """Return the local days of 2025 to 2035 on which ``zone`` moves its clock."""
    noons = [datetime(2025, 1, 1, 12, tzinfo=ZoneInfo(zone)) + timedelta(days=n) for n in range(11 * 365)]
    return [b.date() for a, b in pairwise(noons) if a.utcoffset() != b.utcoffset()]


def inside(spans: Spans, instant: int) -> bool:
    """Say whether an instant lies in one of the half-open spans."""
    return any(start <= instant < end for start, end in spans)


@pytest.mark.parametrize("zone", ZONES)
def test_windows_are_exact_on_every_day_the_clock_moves(zone: str) -> None:
    """Each minute around each change of 2025 to 2035 is inside the spans exactly when its wall time is in a window."""
    for day in moved_days(zone):
        first = day - timedelta(days=1)
        for start, end in ODD_WINDOWS:
            spans = local_windows(zone, first, 3, lambda d, w=(start, end), day=day: (w,) if d == day else ())  # type: ignore[misc]
            midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
            for instant in range(midnight - 4 * 3600, midnight + 30 * 3600, 300):
                local = datetime.fromtimestamp(instant, ZoneInfo(zone))
                expected = local.date() == day and start <= local.hour * 60 + local.minute < end
                if (instant - (first - EPOCH).days * DAY) in range(3 * DAY):
                    assert inside(spans, instant) == expected, (zone, local, start, end)


def test_a_skipped_hour_opens_when_the_clock_has_jumped() -> None:
    """A window that begins in the hour skipped in spring begins at the jump, 02:00 becoming 03:00."""
    day = date(2027, 3, 14)
    spans = local_windows("America/New_York", day, 2, lambda d: ((150, 300),) if d == day else ())
    opens, closes = (datetime.fromtimestamp(edge, UTC) for edge in spans[0])
    assert opens == datetime(2027, 3, 14, 7, tzinfo=UTC)
    assert closes == datetime(2027, 3, 14, 9, tzinfo=UTC)


def test_a_repeated_hour_closes_in_between() -> None:
    """A window that ends at 01:30 is open twice on the day the hour from one to two comes twice."""
    day = date(2026, 11, 1)
    spans = local_windows("America/New_York", day, 2, lambda d: ((60, 90),) if d == day else ())
    assert [tuple(datetime.fromtimestamp(edge, UTC).strftime("%H:%M") for edge in span) for span in spans] == [
        ("05:00", "05:30"),
        ("06:00", "06:30"),
    ]


def test_windows_that_meet_at_midnight_are_one_span() -> None:
    """An evening until 24:00 and the next morning from 00:00 make one span without a seam."""
    spans = local_windows("America/Denver", date(2026, 6, 1), 2, lambda _: ((0, 1440),))
    assert len(spans) == 1


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda s: (s[0], s[0] + s[1]))).map(merge)


@given(SPANS, SPANS)
def test_common_is_what_lies_in_both(some: Spans, others: Spans) -> None:
    """A second is in the common part exactly when it is in both, and the result is sorted and disjoint."""
    both = common(some, others)
    for second in range(-1, 75):
        assert inside(both, second) == (inside(some, second) and inside(others, second))
    assert all(a[1] <= b[0] for a, b in pairwise(both))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue", "America/New_York", "Asia/Kathmandu"])
def test_the_range_is_whole_and_cut_at_its_ends(zone: str) -> None:
    """What is always open is one span from the first UTC day to the last, however far the zone is from Greenwich."""
    first = date(2026, 6, 1)
    start = (first - EPOCH).days * DAY
    assert local_windows(zone, first, 3, lambda _: ((0, 1440),)) == ((start, start + 3 * DAY),)


def test_what_only_touches_has_nothing_in_common() -> None:
    """Half-open spans that meet share no instant, and neither does a window with the range it ends or begins at."""
    assert common(((0, 5), (9, 12)), ((5, 9),)) == ()
    first = date(2026, 6, 1)
    start = (first - EPOCH).days * DAY
    assert local_windows("UTC", first, 1, lambda _: ((0, 60),)) == ((start, start + 3600),)
    assert local_windows("UTC", first, 1, lambda _: ((1380, 1440),)) == ((start + 23 * 3600, start + DAY),)


@pytest.mark.parametrize(
    ("zone", "moved", "opens"),
    [
        ("Africa/Monrovia", datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC), 0),
        ("America/St_Johns", datetime(1917, 4, 8, 5, 30, 52, tzinfo=UTC), 180),
    ],
)
def test_a_change_at_an_odd_second_is_found_to_the_second(zone: str, moved: datetime, opens: int) -> None:
    """A window that begins in the skipped time, or right after it, begins in the second in which the clock jumped."""
    spans = local_windows(zone, moved.date(), 1, lambda d: ((opens, opens + 60),) if d == moved.date() else ())
    assert spans[0][0] == int(moved.timestamp())
