"""Processes beside this one that reckon for it where very many people are asked about. They read, and write nothing.

Python reckons on one core at a time. What is decided of each of a hundred thousand people is reckoned in these instead,
at a lower priority than whatever sends or answers.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from sender.clock import Clock
from sender.settings import Settings

if TYPE_CHECKING:
    from sender.runtime import Runtime

log = structlog.get_logger()
MANY = 50_000
"""People for whom it is worth starting them, which takes a second of a core for each; they are reckoned in three."""
MOST = 4
RESTS_SECONDS = 30.0
"""So long they wait for more work, and so long nobody starts them again where one of them has died."""
ENDS_SECONDS = 2.0
NICE = 3
"""On a machine that is busy two of them get together what one process gets that sends or answers."""
ASKED_FOR = ("sender.campaigns.planner", "sender.campaigns.rehearsal")
"""What they read before they say that they are up: whoever asks then does not wait for it."""
P = TypeVar("P")
T = TypeVar("T")
Work = Callable[["Runtime", P], T]
"""What is done with one piece. It is a function of a module, or a ``partial`` of one, and all it is given can be
pickled."""


class Reckoner:
    """One such process, and the line to it. It ends with the line, however this process went.

    It does not come up where our code has changed since ``began`` (epoch seconds): it would decide by other rules.
    """

    def __init__(self, settings: Settings, clock: Clock, began: float) -> None:
        context = get_context("spawn")
        self._line, theirs = context.Pipe()
        given = settings, clock, began, theirs
        self.process = context.Process(target=reckon, args=given, name="reckoner", daemon=True)
        self.process.start()
        theirs.close()
        self._up = self._lost = False

    @property
    def lives(self) -> bool:
        """Whether the process is there and its line holds: a process that was killed is not gone at once."""
        return not self._lost and self.process.is_alive()

    @property
    def up(self) -> bool:
        """Whether it has said that it is ready."""
        with suppress(EOFError, OSError):
            self._up = self._up or (self._line.poll() and self._line.recv())
        return self._up

    def ask(self, work: Work[P, T], piece: P) -> tuple[bool, T | None]:
        """What ``work`` made of the piece; False before it where that went wrong there, or the process is gone."""
        try:
            self._line.send((work, piece))
            answer: tuple[bool, T | None] = self._line.recv()
        except (EOFError, OSError):
            self._lost = True
            return False, None
        return answer

    def end(self) -> None:
        """End the process; what it was doing is in vain."""
        self._line.close()
        self.process.join(ENDS_SECONDS)
        self.process.kill()
        self.process.join()


class Reckoners:
    """Those of one process: started for whoever first has much to do, lent to one at a time, ended when idle."""

    def __init__(
        self,
        settings: Settings | None = None,
        clock: Clock | None = None,
        *,
        many: int = MANY,
        rests: float = RESTS_SECONDS,
    ) -> None:
        self._settings, self._clock, self._many, self._rests = settings, clock or Clock(), many, rests
        self.count = 0 if settings is None else as_many_as(settings.reckoners)
        self._lent = threading.Lock()
        self._reckoners: list[Reckoner] = []
        self._resting: threading.Timer | None = None
        self._not_before = 0.0
        self._began = time.time()

    @contextmanager
    def lent(self, people: int) -> Iterator[Sequence[Reckoner]]:
        """All of them to one who has so many people to ask about; none where they are few or somebody has them."""
        if self.count == 0 or people < self._many or not self._lent.acquire(blocking=False):
            yield ()
            return
        try:
            yield self._started()
        finally:
            self._rest_later()
            self._lent.release()

    def end(self) -> None:
        """End them all, once whoever has them is done."""
        with self._lent:
            self._stop()

    def _started(self) -> Sequence[Reckoner]:
        if self._resting is not None:
            self._resting.cancel()
        if not all(reckoner.lives for reckoner in self._reckoners):
            self._do_without("it has gone")
        if not self._reckoners and self._settings is not None and time.monotonic() >= self._not_before:
            try:
                for _ in range(self.count):
                    self._reckoners.append(Reckoner(self._settings, self._clock, self._began))
            except OSError as error:
                self._do_without(str(error.strerror))
        return self._reckoners

    def _do_without(self, why: str) -> None:
        log.warning("the work is done without reckoners", why=why, seconds=self._rests)
        self._stop()
        self._not_before = time.monotonic() + self._rests

    def _rest_later(self) -> None:
        self._resting = threading.Timer(self._rests, self._rest)
        self._resting.daemon = True
        self._resting.start()

    def _rest(self) -> None:
        if self._lent.acquire(blocking=False):
            try:
                self._stop()
            finally:
                self._lent.release()

    def _stop(self) -> None:
        for reckoner in self._reckoners:
            reckoner.end()
        self._reckoners = []


def as_many_as(wanted: int | None, cores: int | None = None) -> int:
    """So many were asked for; else one for each core this process may use, at most four, and none where it has one."""
    if wanted is not None:
        return wanted
    if cores is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if cores == 1 else min(cores, MOST)


def reckon(settings: Settings, clock: Clock, began: float, line: Connection) -> None:
    """What a reckoner does until its line ends: each piece in its turn. What goes wrong is done again by who asked."""
    from guards import CHAIN
    from sender.crypto import load_keys
    from sender.db import Database
    from sender.logs import speak
    from sender.processes.collector import spare_what_lasts
    from sender.providers.absent import AbsentProvider
    from sender.runtime import Runtime

    # Ctrl-C reaches everything in the foreground; whoever asked decides what comes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    speak(settings, "reckoner")
    if _changed_since(began):
        log.warning("the code has changed since the process that asks was started: restart that one")
        return
    runtime = Runtime(
        settings, Database(settings.database, pool=1), load_keys(settings.home), clock, CHAIN, AbsentProvider()
    )
    for name in ASKED_FOR:
        import_module(name)
    spare_what_lasts()
    os.nice(NICE)
    with suppress(EOFError, OSError):
        line.send(True)
        while True:
            work, piece = line.recv()
            line.send(_tried(work, runtime, piece))


def _changed_since(began: float) -> bool:
    """Whether a file of ours is newer: by when it came to stand there, for an installer may keep an older date."""
    import guards

    ours = (file for package in (guards.__file__, __file__) for file in Path(package).parent.rglob("*.*"))
    # What Python itself compiles comes and goes while we look.
    return any(file.stat().st_ctime > began for file in ours if file.parent.name != "__pycache__")


def _tried(work: Work[Any, Any], runtime: "Runtime", piece: object) -> tuple[bool, Any]:
    try:
        return True, work(runtime, piece)
    except Exception as error:
        log.warning("not done here", error=type(error).__name__)
        return False, None
