"""Who goes first when many wait for SQLite's write lock: a STOP, in whatever process it waits.

SQLite keeps no queue, so one that asks often still loses against several that ask at all. A STOP marks that it waits
with a shared lock on the database's folder, and nobody else asks while a mark stands. The kernel takes back the mark of
a process that dies. A file made for it would belong to whoever wrote first, and shut out the others. Threads of one
process stand in a line instead: one of them asks, the others sleep.
"""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

TRIES = 20
LOOK_SECONDS = 0.0005


class Precedence:
    """The marks of those who wait for the database in this file, from ``with`` to its end."""

    def __init__(self, database: Path) -> None:
        self._folder = database.parent

    def __enter__(self) -> Self:
        self._mark = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._mark)

    def claim(self) -> None:
        """Let all others wait to the end of the block; without precedence where somebody looks for too long."""
        for _ in range(TRIES):
            if self._lock(fcntl.LOCK_SH):
                return
            time.sleep(LOOK_SECONDS)

    def is_claimed(self) -> bool:
        """Whether somebody else claims to be urgent, or looks whether somebody does at this very moment."""
        if not self._lock(fcntl.LOCK_EX):
            return True
        fcntl.flock(self._mark, fcntl.LOCK_UN)
        return False

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._mark, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class Line:
    """The threads of one process, one after the other in the order in which they came; a plain lock keeps none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standing: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, within: float) -> Iterator[None]:
        """The block runs when those before have left theirs, or after so many seconds beside them."""
        mine = threading.Event()
        with self._lock:
            self._standing.append(mine)
            self._standing[0].set()
        try:
            mine.wait(within)
            yield
        finally:
            with self._lock:
                self._standing.remove(mine)
                if self._standing:
                    self._standing[0].set()
