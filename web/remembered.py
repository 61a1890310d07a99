"""Figures that cost too much to count for every look: kept for a while, and shown with the time of counting."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Figures = TypeVar("Figures")
KEPT = 200


class Remembered:
    """Results by key, each for so many seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, elapsed: float, seconds: float, count: Callable[[], Figures]) -> Figures:
        """What was counted less than ``seconds`` ago, else counted now."""
        with self._lock:
            known = self._known.get(key)
        if known is not None and elapsed - known[0] < seconds:
            found: Figures = known[1]
            return found
        fresh = count()
        with self._lock:
            self._known[key] = (elapsed, fresh)
            self._known.move_to_end(key)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return fresh
