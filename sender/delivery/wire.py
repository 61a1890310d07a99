"""The event loop of one process, on which its requests live, and the places there are on it."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Wire:
    """An asyncio loop on a thread of its own; the provider's connections belong to it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()

    def start(self, request: Coroutine[Any, Any, Answer]) -> "concurrent.futures.Future[Answer]":
        """Put one request on the wire and return at once, with its answer to come."""
        return asyncio.run_coroutine_threadsafe(request, self._loop)

    def ask(self, request: Coroutine[Any, Any, Answer]) -> Answer:
        """Wait for one request's answer; raises what it raises."""
        return self.start(request).result()

    def close(self) -> None:
        """Stop the loop; requests still on it are cut."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)


class Slots:
    """The places on the wire of one process; a batch waits for a handful, since each gate costs a durable commit."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._free = places
        self._changed = threading.Condition()

    def take(self, wanted: int, at_least: int = 1) -> int:
        """Wait for ``at_least`` free places, or half of all, and take up to ``wanted``; returns how many."""
        least = min(at_least, max(1, self._places // 2))
        with self._changed:
            self._changed.wait_for(lambda: self._free >= least)
            taken = min(wanted, self._free)
            self._free -= taken
            return taken

    def await_all_free(self, within: float) -> None:
        """Wait until nobody holds a place, for at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._free >= self._places, within)

    def give_back(self, places: int) -> None:
        """Free places again."""
        with self._changed:
            self._free += places
            self._changed.notify_all()
