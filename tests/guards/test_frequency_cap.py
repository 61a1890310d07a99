"""Caps hold over every rolling window, and the deferral names the very instant at which there is room."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards import frequency_cap
from guards.base import ALLOW, Block, Cap, Defer, Draft, Facts, Kind, Purpose, Sent, Verdict
from tests.guards.people import MONDAY_NOON, POLICY, draft, facts

HOUR = timedelta(hours=1)


def sent(hours_ago: float, program_id: int = 1, purpose: Purpose = Purpose.MARKETING) -> Sent:
    """Return a text sent so many hours before Monday noon."""
    return Sent(MONDAY_NOON - hours_ago * HOUR, program_id, purpose)


def ask(*sends: Sent, number: str = "+12125550100", about: Draft | None = None, caps: tuple[Cap, ...] = ()) -> Verdict:
    """Return the guard's verdict on Monday noon after ``sends``."""
    return frequency_cap.check(about or draft(), facts(number, sends=sends, policy=replace(POLICY, caps=caps)))


def test_a_full_window_waits_until_its_first_text_leaves_it() -> None:
    """With two of two texts in 24 hours the next goes 24 hours after the older of them."""
    verdict = ask(sent(30), sent(20), sent(3), caps=(Cap(2, 24),))
    assert isinstance(verdict, Defer)
    assert verdict.until == MONDAY_NOON + 4 * HOUR
    assert verdict.reason == "frequency_cap"


def test_an_overfull_window_waits_until_it_has_room() -> None:
    """With three texts under a cap of two, which a lowered cap can bring about, two must leave before the next goes."""
    verdict = ask(sent(20), sent(10), sent(3), caps=(Cap(2, 24),))
    assert isinstance(verdict, Defer)
    assert verdict.until == MONDAY_NOON + 14 * HOUR


def test_a_text_leaves_the_window_exactly_at_its_age() -> None:
    """A text sent exactly 24 hours ago no longer counts."""
    assert ask(sent(24), caps=(Cap(1, 24),)) is ALLOW


def test_the_latest_of_several_caps_decides() -> None:
    """Where a day and a week are both full, the week's opening is the answer."""
    verdict = ask(sent(100), sent(2), caps=(Cap(1, 24), Cap(2, 168)))
    assert isinstance(verdict, Defer)
    assert verdict.until == MONDAY_NOON + 68 * HOUR


def test_program_and_installation_are_counted_apart() -> None:
    """Another program's text counts for the installation's cap only."""
    other = sent(1, program_id=2)
    assert ask(other, caps=(Cap(1, 24),)) is ALLOW
    assert isinstance(ask(other, caps=(Cap(1, 24, "installation"),)), Defer)


def test_codes_do_not_use_up_the_caps() -> None:
    """Three codes within the hour leave the marketing cap untouched."""
    assert ask(*[sent(1, purpose=Purpose.CODE)] * 3, caps=(Cap(1, 24),)) is ALLOW


@pytest.mark.parametrize(
    ("number", "rule", "sends", "opens"),
    [
        ("+13055550100", "US-FL", [20, 9, 5], 4),
        ("+14105550100", "US-MD", [20, 9, 5], 4),
        ("+14055550100", "US-OK", [20, 9, 5], 4),
        ("+15035550100", "US-OR", [20, 9, 5], 4),
        ("+84912345678", "VN", [20, 9, 5], 4),
        ("+573211234567", "CO", [20], 4),
        ("+971501234567", "AE", [20], 4),
        ("+971501234567", "AE", [100, 30], 68),
    ],
)
def test_the_law_caps_too(number: str, rule: str, sends: list[float], opens: int) -> None:
    """Legal caps count the texts of all programs and name the rule that holds the text back."""
    verdict = ask(*(sent(hours, program_id=7) for hours in sends), number=number)
    assert isinstance(verdict, Defer)
    assert (verdict.until, verdict.rules) == (MONDAY_NOON + opens * HOUR, (rule,))


def test_two_texts_are_fine_in_florida_and_three_in_new_york() -> None:
    """Legal caps bind only where they are law."""
    assert ask(sent(1), sent(2), number="+13055550100") is ALLOW
    assert ask(sent(1), sent(2), sent(3)) is ALLOW


def test_room_after_the_end_is_no_room() -> None:
    """A cap that frees only when the campaign is over blocks."""
    full = facts(sends=(sent(4),), policy=replace(POLICY, caps=(Cap(1, 24),)), ends_at=MONDAY_NOON + 20 * HOUR)
    assert isinstance(frequency_cap.check(draft(), full), Block)
    later = replace(full, ends_at=MONDAY_NOON + 21 * HOUR)
    assert isinstance(frequency_cap.check(draft(), later), Defer)


def test_answers_codes_and_transactional_texts_know_the_hard_limit_only() -> None:
    """Nineteen texts do not hold back a code, twenty do; a stop is confirmed even then."""
    nineteen = [sent(n / 2) for n in range(1, 20)]
    code, answer = draft(Purpose.CODE), draft(kind=Kind.ANSWER, answers="help")
    for exempt in (code, draft(Purpose.TRANSACTIONAL), answer):
        assert ask(*nineteen, about=exempt, caps=(Cap(1, 24),)) is ALLOW
        verdict = ask(*nineteen, sent(0.1), about=exempt)
        assert isinstance(verdict, Block)
        assert verdict.reason == "hard_limit"
    assert ask(*nineteen, sent(0.1), about=draft(kind=Kind.ANSWER, answers="stop")) is ALLOW


def test_a_cap_starts_at_one() -> None:
    """A cap of no texts or no hours is refused when it is made."""
    for limit, hours in ((0, 24), (1, 0)):
        with pytest.raises(ValueError, match="makes no sense"):
            Cap(limit, hours)


def test_lookback_covers_every_window() -> None:
    """The sends to load reach back a week, or as far as the longest cap."""
    assert frequency_cap.lookback(()) == timedelta(days=7)
    assert frequency_cap.lookback((Cap(1, 24), Cap(4, 720))) == timedelta(days=30)


CAPS = st.lists(
    st.builds(Cap, st.integers(1, 4), st.integers(1, 200), st.sampled_from(["program", "installation"])), max_size=3
).map(tuple)
TRIES = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 2)), min_size=1, max_size=40)


@given(st.sampled_from(["+12125550100", "+13055550100", "+971501234567"]), CAPS, TRIES)
@settings(max_examples=150, deadline=None)
def test_no_window_ever_holds_more_than_its_cap(
    number: str, caps: tuple[Cap, ...], tries: list[tuple[int, int]]
) -> None:
    """Whoever follows the verdicts, waiting exactly as told, never has more texts in any window than any cap says."""
    person, now, sends = facts(number, policy=replace(POLICY, caps=caps)), MONDAY_NOON, list[Sent]()
    for minutes, program_id in tries:
        now += timedelta(minutes=minutes)
        asked = replace(person, policy=replace(person.policy, program_id=program_id), now=now, sends=tuple(sends))
        now = wait(asked)
        sends.append(Sent(now, program_id, Purpose.MARKETING))
    for cap in caps:
        for program_id in (1, 2):
            counted = [s.at for s in sends if cap.scope == "installation" or s.program_id == program_id]
            assert_held(counted, cap)
    if number == "+13055550100":
        assert_held([s.at for s in sends], Cap(3, 24))


def wait(asked: Facts) -> datetime:
    """Return when the guard lets the text go, having checked that one deferral is enough and not too long."""
    verdict = frequency_cap.check(draft(), asked)
    if not isinstance(verdict, Defer):
        return asked.now
    early = frequency_cap.check(draft(), replace(asked, now=verdict.until - timedelta(microseconds=1)))
    assert isinstance(early, Defer)
    assert frequency_cap.check(draft(), replace(asked, now=verdict.until)) is ALLOW
    return verdict.until


def assert_held(instants: list[datetime], cap: Cap) -> None:
    """Fail if any half-open window of the cap's hours holds more texts than its limit."""
    for first, beyond in zip(instants, instants[cap.limit :], strict=False):
        assert beyond - first >= timedelta(hours=cap.hours)
