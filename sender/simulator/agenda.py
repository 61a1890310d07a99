"""What happens later: one heap and one event-loop timer, however many messages are on their way."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

SLICE = 200


class Agenda:
    """Runs plain callables after real delays, in order of their due time, then of their entry."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[..., object], tuple[object, ...]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def after(self, delay: float, act: Callable[..., object], *args: object) -> None:
        """Call ``act(*args)`` on the running loop in ``delay`` real seconds."""
        due = asyncio.get_running_loop().time() + max(0.0, delay)
        heapq.heappush(self._heap, (due, next(self._order), act, args))
        if self._heap[0][0] == due:
            self._arm()

    def clear(self) -> None:
        """Forget everything that has not happened yet."""
        self._heap.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer = asyncio.get_running_loop().call_at(self._heap[0][0], self._run)

    def _run(self) -> None:
        now = asyncio.get_running_loop().time()
        try:
            for _ in range(SLICE):  # a full slice yields to the loop, so that requests are answered meanwhile
                if not self._heap or self._heap[0][0] > now:
                    break
                _, _, act, args = heapq.heappop(self._heap)
                act(*args)
        finally:
            self._arm()
