"""Forecast: how many texts leave in which hour, and who will not make it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sender.campaigns.forecast import Forecast, Group, Load, forecast

NOON = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def drained(loads: Mapping[Group, Load], rate: float = 1.0, ends_at: datetime | None = None) -> Forecast:
    """The forecast from half past twelve, every from_number at this rate."""
    return forecast(loads, {group.line_id: rate for group in loads}, NOON, ends_at)


def test_a_steady_rate_fills_the_hours() -> None:
    """Six thousand parts at one a second take the rest of this hour and the next, and end when they should."""
    found = drained({Group(1, NOON, None): Load(6000, 6000)})
    assert list(found.per_hour().values()) == [1800, 3600, 600]
    assert found.ends == NOON + timedelta(seconds=6000)
    assert not found.late
    assert not found.lost


def test_long_texts_take_longer() -> None:
    """Three parts a text leave a third of the texts in the same time."""
    found = drained({Group(1, NOON, None): Load(1200, 3600)})
    assert list(found.per_hour().values()) == [600, 600]


def test_who_does_not_make_it_before_the_window_closes() -> None:
    """What does not leave before its window closes today waits for the next, and is counted."""
    found = drained({Group(1, NOON, NOON + HOUR): Load(5000, 5000)})
    assert (sum(found.per_hour().values()), found.late[1], found.lost[1]) == (3600, 1400, 0)


def test_who_does_not_make_it_before_the_campaign_ends() -> None:
    """What does not leave before the campaign ends is lost, and said to be so."""
    found = drained({Group(1, NOON, NOON + 2 * HOUR): Load(5000, 5000)}, ends_at=NOON + HOUR)
    assert (sum(found.per_hour().values()), found.late[1], found.lost[1]) == (3600, 0, 1400)


def test_those_who_close_first_go_first() -> None:
    """Of two groups that are due at once, the one whose window closes first is not held up by the other."""
    soon, later = Group(1, NOON, NOON + HOUR), Group(1, NOON, NOON + 3 * HOUR)
    found = drained({later: Load(3600, 3600), soon: Load(3600, 3600)})
    assert not found.late
    assert found.ends == NOON + 2 * HOUR


def test_a_later_opening_waits_and_lines_do_not_share() -> None:
    """A window that opens at three is not used before, and a second from_number sends beside the first."""
    opening = NOON + timedelta(hours=2, minutes=30)
    found = drained({Group(1, opening, None): Load(10, 10), Group(2, NOON, None): Load(10, 10)})
    assert found.per_hour() == {NOON.replace(minute=0): 10, opening: 10}


GROUPS = st.builds(
    Group,
    st.integers(1, 3),
    st.integers(0, 300).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    st.none() | st.integers(0, 900).map(lambda minutes: NOON + timedelta(minutes=minutes)),
)
LOADS = st.tuples(st.integers(1, 5000), st.integers(1, 4)).map(lambda pair: Load(pair[0], pair[0] * pair[1]))


@given(st.dictionaries(GROUPS, LOADS, max_size=8), st.floats(0.05, 200), st.none() | st.integers(0, 900))
def test_everybody_is_counted_once(loads: dict[Group, Load], rate: float, end: int | None) -> None:
    """Those who leave, are late or are lost are all there are, and no hour holds more than its rate."""
    ends_at = None if end is None else NOON + timedelta(minutes=end)
    found = drained(loads, rate, ends_at)
    assert sum(found.per_hour().values()) + found.late.total() + found.lost.total() == sum(
        load.texts for load in loads.values()
    )
    assert all(texts <= rate * 3600 + len(loads) + 1 for texts in found.hours.values())
    assert all(texts > 0 for texts in found.hours.values())


def test_those_who_were_there_first_are_waited_for() -> None:
    """A from_number that serves another campaign for an hour begins after it; a free one does not wait."""
    loads = {Group(1, NOON, NOON + 2 * HOUR): Load(5000, 5000), Group(2, NOON, None): Load(10, 10)}
    found = forecast(loads, {1: 1.0, 2: 1.0}, NOON, None, {1: NOON + HOUR, 2: NOON - HOUR})
    assert (sum(found.per_hour().values()), found.late[1]) == (3610, 1400)
    assert found.hours[NOON.replace(minute=0), 2] == 10
    assert found.hours[NOON.replace(minute=0), 1] == 0
