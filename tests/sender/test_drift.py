"""A process that cannot believe its own clock says so, by how much and by whose clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.clock import Clock
from sender.processes.drift import KEPT_SECONDS, LIMIT_SECONDS, SLOW_ANSWER_SECONDS, UNHEARD, Watch
from tests.installation import TUESDAY, HandClock

HOURS = st.floats(-100_000, 100_000)


def dated(at: datetime) -> str:
    """As a server writes it."""
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)


def wrong_by(clock: HandClock, seconds: float) -> HandClock:
    """The same clock, its wall hand wrong by so much; the monotonic one is right."""
    return replace(clock, hands={**clock.hands, "now": clock.now() + timedelta(seconds=seconds)})


@pytest.fixture
def clock() -> HandClock:
    """A clock of this test's own."""
    return HandClock(hands={"now": TUESDAY, "elapsed": 100.0})


def heard(clock: HandClock, truth: datetime, took: float = 0.0) -> Watch:
    """What is known after one answer with this date."""
    watch = Watch()
    watch.hear(dated(truth), clock.elapsed() - took, clock.elapsed())
    return watch


def test_nothing_heard_is_not_trusted(clock: HandClock) -> None:
    """Before the provider's first answer, and an hour after its last, no gate may open."""
    assert Watch().trouble(clock) == UNHEARD
    watch = heard(clock, clock.now())
    assert watch.trouble(clock) == ""
    clock.move(timedelta(seconds=KEPT_SECONDS + 1))
    assert watch.trouble(clock) == UNHEARD


@pytest.mark.parametrize("seconds", [-43_200, -45, 45, 43_200])
def test_a_clock_that_was_wrong_from_the_start_is_found_out(clock: HandClock, seconds: float) -> None:
    """Twelve hours, or 45 seconds, beside the provider's: the sentence says how much and to which side."""
    watch = heard(clock, clock.now() - timedelta(seconds=seconds))
    side = "ahead of" if seconds > 0 else "behind"
    assert f"{side} the provider's" in watch.trouble(clock)
    assert abs(watch.error(clock) - seconds) <= 1


@given(st.floats(-80_000, 80_000), st.floats(0, 3_500))
def test_a_jump_shows_at_once_and_is_over_when_it_is_undone(jump: float, later: float) -> None:
    """Once the wall clock leaves the monotonic one by more than the limit it is wrong, and right when it is back."""
    clock = HandClock(hands={"now": TUESDAY, "elapsed": 0.0})
    watch = heard(clock, clock.now())
    clock.move(timedelta(seconds=later))
    assert watch.trouble(clock) == ""
    assert bool(watch.trouble(wrong_by(clock, jump))) == (abs(watch.error(wrong_by(clock, jump))) > LIMIT_SECONDS)
    assert watch.trouble(wrong_by(clock, jump)) or abs(jump) <= LIMIT_SECONDS + 1
    assert watch.trouble(clock) == ""


def test_within_the_limit_the_hour_is_the_providers(clock: HandClock) -> None:
    """A clock that is 20 s ahead opens gates, but by the provider's time: it sends nothing 20 s too early."""
    watch, ahead = heard(clock, clock.now()), wrong_by(clock, 20)
    assert watch.trouble(ahead) == ""
    assert abs((watch.right(ahead) - clock.now()).total_seconds()) <= 1


def test_an_answer_on_its_way_for_long_proves_no_error(clock: HandClock) -> None:
    """The date may have been written at any moment of the request; a slow answer is not listened to at all."""
    assert heard(clock, clock.now() - timedelta(seconds=4), took=4.0).error(clock) == 0.0
    assert heard(clock, clock.now(), took=SLOW_ANSWER_SECONDS + 1).trouble(clock) == UNHEARD


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Mar 2026 15:00:00 GMT"])
def test_a_date_that_is_none_tells_nothing(clock: HandClock, date: str) -> None:
    """An answer without a readable date leaves what was known."""
    watch = Watch()
    watch.hear(date, 100.0, 100.0)
    assert watch.trouble(clock) == UNHEARD


def test_the_databases_clock_counts_too(clock: HandClock) -> None:
    """A database a minute behind closes the gates, one that agrees opens them, and SQLite has no clock of its own."""
    watch = heard(clock, clock.now())
    watch.hear_database(clock.now() - timedelta(minutes=1), clock)
    assert "60 s ahead of the database's" in watch.trouble(clock)
    watch.hear_database(clock.now() + timedelta(seconds=1), clock)
    assert watch.trouble(clock) == ""
    watch.hear_database(None, clock)
    assert watch.trouble(clock) == ""


def test_a_fast_campaign_clock_is_judged_in_real_seconds() -> None:
    """At an hour a second, an answer that took 0.2 real seconds is no error, and a machine a minute off is one."""
    fast = _Fast(0.0, TUESDAY, 3600.0)
    watch = Watch()
    watch.hear(dated(TUESDAY), 0.0, 0.2)
    assert watch.trouble(fast) == ""
    watch.hear(dated(TUESDAY - timedelta(seconds=60 * 3600)), 0.0, 0.2)
    assert "60 s ahead of the provider's" in watch.trouble(fast)


class _Fast(Clock):
    """A fast clock that stands still."""

    def now(self) -> datetime:
        """The anchor, 0.1 real seconds later."""
        return TUESDAY + timedelta(seconds=360)

    def elapsed(self) -> float:
        """When the answer came."""
        return 0.2
