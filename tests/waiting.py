"""Waiting for something that another process or thread does, with a deadline instead of a nap."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

_PAUSE = threading.Event()


def eventually(ask: Callable[[], Found | None], within: float = 20.0) -> Found:
    """Ask every 10 ms until the answer is true and return it; fail after ``within`` seconds."""
    deadline = time.monotonic() + within
    while True:
        found = ask()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"Still {found!r} after {within:g} s: {ask}")
        _PAUSE.wait(0.01)
