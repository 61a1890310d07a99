"""Figures that cost too much to count for every look: kept for a while, and shown with the time of counting."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

Figures = TypeVar("Figures")
KEPT = 200
PATIENCE = 100.0
"""Figures that say when they were counted may be kept so many times as long as that took: a hundredth goes into it."""
LONGEST_SECONDS = 600.0
WAITS_SECONDS = 0.08
"""So long a page waits for what is counted aside, before it shows what was counted last."""
COUNTERS = 2


class Counting(Exception):
    """Nothing is known yet; it is being counted, and the same question will have an answer soon."""


class Remembered:
    """Results by key, each for so many seconds of the monotonic clock."""

    def __init__(self, waits: float = WAITS_SECONDS) -> None:
        self._waits = waits
        self._known: OrderedDict[Hashable, tuple[float, float, Any]] = OrderedDict()
        self._under_way: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()
        self._counters = ThreadPoolExecutor(COUNTERS, thread_name_prefix="counting")

    def get(
        self, key: Hashable, elapsed: float, seconds: float, count: Callable[[], Figures], patience: float = 0.0
    ) -> Figures:
        """What was counted less than ``seconds`` ago, else counted now.

        With ``patience`` also what was counted less than so many times ago as counting took, at most ten minutes.
        """
        known = self._find(key)
        if known is not None and elapsed - known[0] < max(seconds, known[1]):
            found: Figures = known[2]
            return found
        return self._count(key, elapsed, count, patience)

    def aside(
        self, key: Hashable, elapsed: float, seconds: float, count: Callable[[], Figures], patience: float = 0.0
    ) -> Figures:
        """The same, but a thread counts, once for all who ask: who asks meanwhile gets what was counted last.

        Raises Counting where nothing was, and what ``count`` raised.
        """
        known = self._find(key)
        if known is not None and elapsed - known[0] < max(seconds, known[1]):
            fresh: Figures = known[2]
            return fresh
        with self._lock:
            under_way = self._under_way.get(key)
            if under_way is None:
                under_way = self._counters.submit(self._count_aside, key, elapsed, count, patience)
                self._under_way[key] = under_way
        if wait([under_way], self._waits).done:
            with self._lock:
                self._under_way.pop(key, None)
            found: Figures = under_way.result()
            return found
        if known is None:
            raise Counting
        last: Figures = known[2]
        return last

    def _count_aside(self, key: Hashable, *asked: Any) -> Any:
        """Count and be forgotten; what went wrong stays for the next who asks."""
        fresh = self._count(key, *asked)
        with self._lock:
            self._under_way.pop(key, None)
        return fresh

    def _find(self, key: Hashable) -> tuple[float, float, Any] | None:
        with self._lock:
            return self._known.get(key)

    def _count(self, key: Hashable, elapsed: float, count: Callable[[], Figures], patience: float) -> Figures:
        began = time.perf_counter()
        fresh = count()
        pause = min(patience * (time.perf_counter() - began), LONGEST_SECONDS)
        with self._lock:
            self._known[key] = (elapsed, pause, fresh)
            self._known.move_to_end(key)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return fresh
