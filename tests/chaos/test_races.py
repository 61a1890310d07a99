"""STOP, pause, cancel, halt and caps against workers that never pause."""

from random import Random

from tests.chaos import answers, caps, controls, stops
from tests.chaos.rounds import Place


def test_no_gate_opens_after_a_stop(place: Place) -> None:
    """Forty people say STOP while two processes text them: no gate after the commit, nothing on the wire 2 s later."""
    result = stops.play(place, 40, Random(4))
    assert result.broken == []
    assert result.counts["STOPs"] == 40


def test_no_gate_opens_after_a_pause_cancel_or_halt(place: Place) -> None:
    """Six acts at random moments while sixteen threads gate: no gate after the commit."""
    result = controls.play(place, 6, Random(5))
    assert result.broken == []
    assert result.counts["acts amid gates"] >= 1


def test_no_cap_is_passed(place: Place) -> None:
    """Sixteen threads and four campaigns: everybody gets exactly the two texts the cap allows."""
    result = caps.play(place, 100, Random(6))
    assert result.broken == []


def test_every_stop_that_got_a_2xx_counts(place: Place) -> None:
    """The process that takes STOPs is killed twice among twenty: each that was answered blocks for good."""
    result = answers.play(place, 2, Random(10))
    assert result.broken == []
    assert result.counts["STOPs"] == 20
