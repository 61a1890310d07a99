"""What guards, planner and gate answer in a word is said to people in a sentence."""

import re
from datetime import UTC, datetime
from pathlib import Path

import guards
import sender
from guards.explain import WHO
from web.pages.words import REASON_WORDS, reason_words, their_clock

ANSWERED = re.compile(r'(?:\b_?[Bb]lock|\bDefer)\(\s*"(\w+)"')
ROOMS = [Path(guards.__file__).parent, *(Path(sender.__file__).parent / room for room in ("campaigns", "delivery"))]
STOPPING = (
    "brand_imitated", "link_elsewhere", "link_letters", "link_number", "link_user", "shaft", "shortener", "too_long",
    "unfilled",
)  # fmt: skip


def test_every_reason_has_words() -> None:
    """What a guard, the planner or the gate answers, and every finding that stops a text, is no code on a page."""
    texts = (file.read_text("utf-8") for room in ROOMS for file in room.glob("*.py"))
    answered = {code for text in texts for code in ANSWERED.findall(text)}
    assert len(answered) > 20
    codes = answered | set(WHO) | {f"content_{code}" for code in STOPPING}
    assert sorted(codes - set(REASON_WORDS)) == []
    assert reason_words("content_shaft_tobacco") == reason_words("content_shaft")


def test_what_was_dropped_is_told_from_what_waits() -> None:
    """The same reason says of a blocked text that it does not wait."""
    assert reason_words("quiet_hours", "pending") == "Quiet hours where they are"
    assert reason_words("quiet_hours", "blocked").endswith("and the campaign does not wait")
    assert reason_words("frequency_cap", "block").endswith("and the campaign does not wait")


def test_an_instant_is_said_on_their_clocks() -> None:
    """With its weekday; of several clocks the earliest and the latest; of nobody's nothing."""
    late = datetime(2026, 3, 3, 5, 30, tzinfo=UTC)
    said = their_clock(late, ("America/New_York",)).replace("\u202f", " ")
    assert said == "Tue 12:30 AM there"
    several = their_clock(late, ("America/New_York", "America/Chicago", "America/Los_Angeles")).replace("\u202f", " ")
    assert several == "Mon 9:30 PM – Tue 12:30 AM there"
    assert their_clock(late, ()) == ""
