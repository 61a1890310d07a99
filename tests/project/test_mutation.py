"""The runner of mutations calls noticed what fails a test, and apart from it what runs out of processor time."""

import os
import select

from tests.guards.quick import Outcome, in_child


def loops(pipe: int) -> int:
    """Go round for ever."""
    while True:
        os.getpid()


def waits(pipe: int) -> int:
    """Wait for longer than it may compute, and do nothing."""
    select.select([], [], [], 0.3)
    return 0


def test_a_loop_is_told_from_a_failed_test() -> None:
    """A child that uses up its processor time looped, one that ends with a fault is killed, one without survives."""
    assert in_child(loops, seconds=0.05)[0] is Outcome.LOOPED
    assert in_child(lambda pipe: 1)[0] is Outcome.KILLED
    assert in_child(lambda pipe: 0)[0] is Outcome.SURVIVED


def test_waiting_for_a_busy_machine_is_no_loop() -> None:
    """A child that takes long on the wall but little processor time survives."""
    assert in_child(waits, seconds=0.2)[0] is Outcome.SURVIVED
