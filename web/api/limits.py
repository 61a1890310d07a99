"""How often a key may ask, and which requests are being worked on: both of one web process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left for a key: requests now, and seconds until all of ``limit`` are there again (or one, at none)."""

    limit: int
    remaining: int
    reset: int
    allowed: bool


class Rates:
    """A bucket per key that holds a minute's requests and fills evenly."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._left: dict[int, tuple[float, float]] = {}

    def take(self, key_id: int, elapsed: float) -> Allowance:
        """Take one request of this key at ``elapsed`` monotonic seconds."""
        each = 60 / self._per_minute
        with self._lock:
            left, since = self._left.get(key_id, (float(self._per_minute), elapsed))
            left = min(float(self._per_minute), left + (elapsed - since) / each)
            allowed = left >= 1
            left -= 1 if allowed else 0
            self._left[key_id] = (left, elapsed)
        missing = (self._per_minute - left) if allowed else 1 - left
        return Allowance(self._per_minute, int(left), int(missing * each) + 1, allowed)


class InFlight:
    """Idempotency keys that this process works on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[tuple[int, str]] = set()

    @contextmanager
    def hold(self, key_id: int, idempotency_key: str) -> Iterator[bool]:
        """Whether the key was free; it is held until the block ends."""
        name = (key_id, idempotency_key)
        with self._lock:
            free = name not in self._held
            self._held.add(name)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._held.discard(name)
