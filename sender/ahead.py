"""Work beside what is done with it: the next pieces are worked on while one is used.

Of work on very many people processes beside this one do the reckoning, once they are up (``sender/reckoners.py``).
Else, on PostgreSQL, threads do: the server works in processes of its own, so this one need not stand still while it
waits for an answer. On SQLite this process reads and writes: a piece is worked on when the one before is done with.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import TypeVar

from sender.reckoners import Reckoner, Work
from sender.runtime import Runtime

LANES = 2
"""While one thread waits for the server the other reckons: Python lets one at a time. More were not tried."""
P = TypeVar("P")
T = TypeVar("T")


@contextmanager
def lanes(runtime: Runtime) -> Iterator["Lanes"]:
    """Where the next pieces of some work are worked on. At the end nobody is at work any more.

    Who stops early waits for what is being worked on: at most ``width`` pieces are in vain.
    """
    with ExitStack() as borrowed:
        pool = ThreadPoolExecutor(max(LANES, runtime.reckoners.count), thread_name_prefix="ahead")
        try:
            yield Lanes(runtime, pool, borrowed)
        finally:
            # Before the reckoners go to somebody else nobody may be talking with them.
            pool.shutdown(cancel_futures=True)


class Lanes:
    """In reckoners that are up, else in threads, else here, when a piece is asked for."""

    def __init__(self, runtime: Runtime, pool: ThreadPoolExecutor, borrowed: ExitStack) -> None:
        self._runtime, self._pool, self._borrowed = runtime, pool, borrowed
        self._starting: list[Reckoner] = []
        self._up = 0
        self._idle: SimpleQueue[Reckoner] = SimpleQueue()

    def expect(self, people: int) -> None:
        """So many people are still to be asked about: where they are very many, reckoners are asked to come."""
        if not self._up and not self._starting:
            self._starting += self._borrowed.enter_context(self._runtime.reckoners.lent(people))

    @property
    def width(self) -> int:
        """So many pieces are worked on while one is used; 0: each in its turn."""
        for reckoner in [one for one in self._starting if one.up]:
            self._starting.remove(reckoner)
            self._idle.put(reckoner)
            self._up += 1
        if self._up:
            return self._up + 1
        return 0 if self._runtime.db.is_sqlite else LANES

    def ahead(self, pieces: Iterable[P], work: Work[P, T]) -> Generator[T]:
        """What ``work`` makes of each piece, in the order of the pieces; they are found here, by whoever asks.

        What goes wrong with a piece is raised where its result is asked for, in finding one where it is looked for.
        """
        coming: deque[Future[T]] = deque()
        for piece in pieces:
            if self.width == 0:
                yield work(self._runtime, piece)
                continue
            coming.append(self._pool.submit(self._work, work, piece))
            if len(coming) > self.width:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()

    def _work(self, work: Work[P, T], piece: P) -> T:
        if self._up:
            reckoner = self._idle.get()
            try:
                done, made = reckoner.ask(work, piece)
            finally:
                self._idle.put(reckoner)
            if done:
                return made  # type: ignore[return-value]  # None where that is what was made
        return work(self._runtime, piece)
