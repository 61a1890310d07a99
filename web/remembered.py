"""Figures that cost too much to count for every look: kept for a while, and shown with the time of counting."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Figures = TypeVar("Figures")
KEPT = 200
PATIENCE = 100.0
"""Figures that say when they were counted may be kept so many times as long as that took: a hundredth goes into it."""
LONGEST_SECONDS = 600.0


class Remembered:
    """Results by key, each for so many seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, tuple[float, float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, key: Hashable, elapsed: float, seconds: float, count: Callable[[], Figures], patience: float = 0.0
    ) -> Figures:
        """What was counted less than ``seconds`` ago, else counted now.

        With ``patience`` also what was counted less than so many times ago as counting took, at most ten minutes.
        """
        with self._lock:
            known = self._known.get(key)
        if known is not None and elapsed - known[0] < max(seconds, known[1]):
            found: Figures = known[2]
            return found
        began = time.perf_counter()
        fresh = count()
        pause = min(patience * (time.perf_counter() - began), LONGEST_SECONDS)
        with self._lock:
            self._known[key] = (elapsed, pause, fresh)
            self._known.move_to_end(key)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return fresh
