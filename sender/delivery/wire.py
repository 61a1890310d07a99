"""The event loop of one process, on which its requests live, and the places there are on it."""

import asyncio
import concurrent.futures
import selectors
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")

CROWDED_SECONDS = 1.0
ASIDE_SECONDS = 0.05


class Courteous(selectors.DefaultSelector):
    """Lets others finish before it tells what has happened on the connections; whatever came meanwhile comes at once.

    ``stand_aside`` waits for at most so many seconds and says whether it did.
    """

    def __init__(self, stand_aside: Callable[[float], bool]) -> None:
        super().__init__()
        self._stand_aside = stand_aside

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As every selector does."""
        ready = super().select(timeout)
        return super().select(0) if self._stand_aside(ASIDE_SECONDS) else ready


class Wire:
    """An asyncio loop on a thread of its own; the provider's connections belong to it.

    ``stand_aside`` is asked to wait before the loop goes on, see :class:`Courteous`.
    """

    def __init__(self, stand_aside: Callable[[float], bool] | None = None) -> None:
        selector = Courteous(stand_aside) if stand_aside else selectors.DefaultSelector()
        self._loop = asyncio.SelectorEventLoop(selector)
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
    """The places on the wire of one process; a batch waits for a handful, since each gate costs a durable commit.

    Where the provider takes fewer requests of an account at once than there are places, they become fewer by halves and
    more by one for each round of answers, as TCP does (additive increase, multiplicative decrease; RFC 5681).
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._open = float(places)
        self._taken = 0
        self.awaited: list[int] = []
        """How many each of those who wait wants."""
        self._halved = -CROWDED_SECONDS
        self._changed = threading.Condition()

    @property
    def open(self) -> int:
        """How many may be taken at the moment."""
        return int(self._open)

    def take(self, wanted: int) -> int:
        """Wait for so many free places, or half of all, and take up to ``wanted``; returns how many."""
        with self._changed:
            self.awaited.append(wanted)
            self._changed.wait_for(lambda: self._has_room(wanted))
            self.awaited.remove(wanted)
            taken = min(wanted, self.open - self._taken)
            self._taken += taken
            return taken

    def await_all_free(self, within: float) -> None:
        """Wait until nobody holds a place, for at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken, within)

    def give_back(self, places: int) -> None:
        """Free places again; who waits is woken only for as many as he waits for."""
        with self._changed:
            self._taken -= places
            if not self._taken or any(map(self._has_room, self.awaited)):
                self._changed.notify_all()

    def _has_room(self, wanted: int) -> bool:
        return self.open - self._taken >= min(wanted, max(1, self.open // 2))

    def narrow(self, at: float) -> None:
        """Half as many, once for all refusals of the same moment; ``at`` in monotonic seconds."""
        with self._changed:
            if at - self._halved >= CROWDED_SECONDS:
                self._halved = at
                self._open = max(1.0, self._open / 2)

    def widen(self) -> None:
        """One more after as many answers as there are places."""
        with self._changed:
            self._open = min(float(self._places), self._open + 1 / self._open)
