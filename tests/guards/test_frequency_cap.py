"""Caps hold over every rolling window, and the deferral names the very instant at which there is room."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards import frequency_cap
from guards.base import ALLOW, Block, Cap, Defer, Draft, Facts, Kind, Places, Purpose, Sent, Verdict
from tests.guards.people import MONDAY_NOON, POLICY, draft, facts

HOUR = timedelta(hours=1)


def sent(
    hours_ago: float, program_id: int = 1, purpose: Purpose = Purpose.MARKETING, subject: str | None = None
) -> Sent:
    """Return a text sent so many hours before Monday noon."""
    return Sent(MONDAY_NOON - hours_ago * HOUR, program_id, purpose, subject)


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


def test_answers_fill_the_hard_limit_and_no_cap() -> None:
    """Answers to the person count towards the twenty of a day, and towards no cap of the program or of the law."""
    answered = [replace(sent(n / 2), answer=True) for n in range(1, 20)]
    assert ask(*answered, caps=(Cap(1, 24),)) is ALLOW
    florida = facts("+13055550100", sends=tuple(answered))
    assert frequency_cap.check(draft(), florida) is ALLOW
    assert frequency_cap.check(draft(), replace(florida, sends=(*answered, sent(0.1)))).reason == "hard_limit"  # type: ignore[union-attr]


def test_a_cap_starts_at_one() -> None:
    """A cap of no texts or no hours is refused when it is made."""
    for limit, hours in ((0, 24), (1, 0)):
        with pytest.raises(ValueError, match="makes no sense"):
            Cap(limit, hours)


def test_lookback_covers_every_window() -> None:
    """The sends to load reach back a week, or as far as the longest cap."""
    assert frequency_cap.lookback(()) == timedelta(days=7)
    assert frequency_cap.lookback((Cap(1, 24), Cap(4, 720))) == timedelta(days=30)


@pytest.mark.parametrize(
    ("purpose", "cap", "held"),
    [
        (Purpose.MARKETING, Cap(1, 24, purpose=Purpose.MARKETING), True),
        (Purpose.INFORMATIONAL, Cap(1, 24, purpose=Purpose.MARKETING), False),
        (Purpose.INFORMATIONAL, Cap(1, 24, purpose=Purpose.INFORMATIONAL), False),
        (Purpose.INFORMATIONAL, Cap(1, 24), True),
        (Purpose.CODE, Cap(1, 24), False),
        (Purpose.MARKETING, Cap(1, 24, "installation", Purpose.MARKETING), True),
    ],
)
def test_a_cap_may_be_for_one_purpose(purpose: Purpose, cap: Cap, held: bool) -> None:
    """After one marketing text, a cap on marketing holds back marketing only, and a cap on all holds back both."""
    assert isinstance(ask(sent(1), about=draft(purpose), caps=(cap,)), Defer) == held


def test_codes_have_a_cap_where_it_names_them() -> None:
    """A cap that names codes holds back the next code, and counts no marketing for it."""
    cap = Cap(2, 1, purpose=Purpose.CODE)
    asked = draft(Purpose.CODE)
    assert ask(sent(0.2), sent(0.3), about=asked, caps=(cap,)) is ALLOW
    two = [sent(0.2, purpose=Purpose.CODE), sent(0.5, purpose=Purpose.CODE)]
    verdict = ask(*two, about=asked, caps=(cap,))
    assert isinstance(verdict, Defer)
    assert verdict.until == MONDAY_NOON + HOUR / 2


@pytest.mark.parametrize(
    ("cap", "about", "before", "held"),
    [
        ("sale", "sale", "sale", True),
        ("sale", "sale", "news", False),
        ("sale", "news", "sale", False),
        ("sale", None, "sale", True),
        ("sale", "sale", None, True),
        ("*", "sale", "sale", True),
        ("*", "sale", "news", False),
        ("*", None, "news", True),
        ("*", "sale", None, True),
        (None, "sale", "news", True),
    ],
)
def test_a_cap_may_be_for_one_subject(cap: str | None, about: str | None, before: str | None, held: bool) -> None:
    """A cap on a subject counts texts on it, and those of which nobody knows the subject."""
    verdict = ask(sent(1, subject=before), about=draft(subject=about), caps=(Cap(1, 24, subject=cap),))
    assert isinstance(verdict, Defer) == held


@pytest.mark.parametrize(
    ("number", "about", "before", "held"),
    [
        ("+13055550100", "sale", "news", False),
        ("+13055550100", "sale", "sale", True),
        ("+13055550100", None, "news", True),
        ("+13055550100", "sale", None, True),
        ("+14105550100", "sale", "news", False),
        ("+15035550100", "sale", "news", True),
        ("+84912345678", "sale", "news", True),
    ],
)
def test_a_law_that_speaks_of_one_subject_counts_one_subject(
    number: str, about: str | None, before: str | None, held: bool
) -> None:
    """Florida and Maryland count per subject, all of it where the subject is unknown; Oregon and Viet Nam count all."""
    three = [sent(hours, subject=before) for hours in (1, 2, 3)]
    assert isinstance(ask(*three, number=number, about=draft(subject=about)), Defer) == held


PURPOSES = st.sampled_from([Purpose.MARKETING, Purpose.INFORMATIONAL])
SUBJECTS = st.sampled_from([None, "sale", "news"])
CAPS = st.lists(
    st.builds(
        Cap,
        st.integers(1, 4),
        st.integers(1, 200),
        st.sampled_from(["program", "installation"]),
        st.one_of(st.none(), PURPOSES),
        st.sampled_from([None, None, "sale", "*"]),
    ),
    max_size=3,
).map(tuple)
TRIES = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 2), PURPOSES, SUBJECTS), min_size=1, max_size=40)
Try = tuple[int, int, Purpose, str | None]


@pytest.mark.parametrize("examples", [150, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_no_window_ever_holds_more_than_its_cap(examples: int) -> None:
    """Whoever follows the verdicts, waiting exactly as told, never has more texts in any window than any cap says."""

    @settings(max_examples=examples)
    @given(st.sampled_from(["+12125550100", "+13055550100", "+971501234567"]), CAPS, TRIES)
    def holds(number: str, caps: tuple[Cap, ...], tries: list[Try]) -> None:
        sends = obey(facts(number, policy=replace(POLICY, caps=caps)), tries)
        for cap in caps:
            for program_id in (1, 2):
                mine = [s for s in sends if cap.scope == "installation" or s.program_id == program_id]
                mine = [s for s in mine if cap.purpose in (None, s.purpose)]
                for subject in ("sale", "news") if cap.subject == "*" else (cap.subject,):
                    assert_held([s.at for s in mine if subject is None or s.subject == subject], cap)
        for subject in ("sale", "news"):
            if number == "+13055550100":
                assert_held([s.at for s in sends if s.subject == subject], Cap(3, 24))

    holds()


def obey(person: Facts, tries: list[Try]) -> list[Sent]:
    """Return what was sent by someone who tries after so many minutes each, waiting as long as the guard says."""
    now, sends = MONDAY_NOON, list[Sent]()
    for minutes, program_id, purpose, subject in tries:
        now += timedelta(minutes=minutes)
        asked = replace(person, policy=replace(person.policy, program_id=program_id), now=now, sends=tuple(sends))
        now = wait(draft(purpose, subject=subject), asked)
        sends.append(Sent(now, program_id, purpose, subject))
    return sends


def wait(about: Draft, asked: Facts) -> datetime:
    """Return when the guard lets the text go, having checked that one deferral is enough and not too long."""
    verdict = frequency_cap.check(about, asked)
    if not isinstance(verdict, Defer):
        return asked.now
    early = frequency_cap.check(about, replace(asked, now=verdict.until - timedelta(microseconds=1)))
    assert isinstance(early, Defer)
    assert frequency_cap.check(about, replace(asked, now=verdict.until)) is ALLOW
    return verdict.until


def assert_held(instants: list[datetime], cap: Cap) -> None:
    """Fail if any half-open window of the cap's hours holds more texts than its limit."""
    for first, beyond in zip(instants, instants[cap.limit :], strict=False):
        assert beyond - first >= timedelta(hours=cap.hours)


def test_a_place_nobody_knows_is_blocked_and_not_raised() -> None:
    """Where the law of a place cannot be looked up, a person who was texted before is texted no more."""
    nowhere = facts(places=Places(("XX",), ("UTC",)), sends=(sent(3),))
    verdict = frequency_cap.check(draft(), nowhere)
    assert isinstance(verdict, Block)
    assert (verdict.reason, verdict.note) == ("unknown_place", "No rules are known for XX.")


def test_the_hard_limit_counts_one_day_only() -> None:
    """Twenty texts of which one is older than a day leave room for one more, and of today's twenty none is left."""
    today = [sent(hours, purpose=Purpose.TRANSACTIONAL) for hours in range(1, 20)]
    assert ask(*today, sent(24, purpose=Purpose.TRANSACTIONAL)) is ALLOW
    full = ask(*today, sent(23, purpose=Purpose.TRANSACTIONAL))
    assert isinstance(full, Block)
    assert full.reason == "hard_limit"


def test_a_cap_on_a_subject_counts_its_own_purpose_only() -> None:
    """A code about the sale is none of the marketing texts about it that a cap allows one of."""
    caps = (Cap(1, 24, subject="sale"),)
    about = draft(subject="sale")
    assert ask(sent(3, purpose=Purpose.CODE, subject="sale"), about=about, caps=caps) is ALLOW
    assert isinstance(ask(sent(3, subject="sale"), about=about, caps=caps), Defer)
