"""The quick way to ask tests about a spoilt function: one process collects them once, each mutant is a fork of it.

The function's code is changed in place, and only the tests that run the function are asked, the quickest first and
before them whichever noticed the faults before. What stands outside functions cannot be changed in place, and what ran
while modules were imported may have left its traces: of those a survivor is asked again the slow way (mutation.py).
"""

import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.guards.spoiling import Mutant, module_code

ROOT = Path(__file__).parents[2]
GUARDS = str(ROOT / "guards")
SECONDS = 120
"""A spoilt guard that takes more processor time than this is caught in a loop. A busy machine does not count: the
whole set of tests takes some 25 seconds of processor time, however long it waits for a processor."""
EACH = 3
"""So much processor time one test may take beyond four times what it took unspoilt."""
MEMORY = 6 << 30

Ran = set[tuple[str, str]]
"""Functions that ran: their file and name."""


class Outcome(StrEnum):
    """What became of a spoilt guard."""

    KILLED = "killed"
    """A test failed."""
    LOOPED = "looped"
    """Its tests ran out of processor time."""
    SURVIVED = "survived"


class Watch:
    """Notes which functions of guards/ run, by their file and their name outside of any other function."""

    def __init__(self) -> None:
        self.ran: Ran = set()

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        """Answer the interpreter."""
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(GUARDS):
            self.ran.add((code.co_filename, outermost(code.co_qualname)))

    def __enter__(self) -> "Watch":
        sys.setprofile(self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)


def outermost(qualname: str) -> str:
    """The function that holds a nested one: "f.<locals>.<lambda>" stands in "f"."""
    return qualname.split(".<locals>")[0]


def in_child(work: Callable[[int], int], seconds: float = SECONDS) -> tuple[Outcome, bytes]:
    """Do something in a process of its own, which may write to a pipe; returns what became of it and what it wrote.

    It survived when its status is 0, and is caught in a loop after so many seconds of processor time.
    """
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.setitimer(signal.ITIMER_PROF, seconds)
        status = 1
        try:
            status = work(writes)
        finally:
            os._exit(status)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        said = pipe.read()
    return outcome_of(os.waitpid(child, 0)[1]), said


def outcome_of(status: int) -> Outcome:
    """Read how a child ended, by what ``os.waitpid`` says of it."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
        return Outcome.LOOPED
    return Outcome.KILLED if status else Outcome.SURVIVED


class House:
    """Has every test collected, knows which functions each runs, and asks them about mutants."""

    def __init__(self, items: Sequence[pytest.Item], at_import: Ran) -> None:
        self.items = {item.nodeid: item for item in items}
        self.at_import = at_import
        self.seconds: dict[str, float] = {}
        self.runs: dict[str, Ran] = {}
        self.noticed: list[str] = []

    def watch(self) -> None:
        """Run each test once, unspoilt and by itself. RuntimeError names the first that fails even so."""
        for name, item in self.items.items():
            outcome, said = in_child(lambda pipe, item=item: _watched(item, pipe))  # type: ignore[misc]
            if outcome is not Outcome.SURVIVED:
                raise RuntimeError(f"{name} fails unspoilt; mend it first.")
            seconds, ran = json.loads(said)
            self.seconds[name], self.runs[name] = seconds, {(file, function) for file, function in ran}

    def tests_of(self, where: tuple[str, str]) -> list[str]:
        """The tests that run a function, those first which noticed something lately, then the quickest."""
        running = [name for name, ran in self.runs.items() if where in ran]
        lately = {name: rank for rank, name in enumerate(self.noticed)}
        return sorted(running, key=lambda name: (-lately.get(name, -1), self.seconds[name]))

    def outcome(self, path: Path, mutant: Mutant, plain: CodeType) -> Outcome | None:
        """Ask every test that runs the spoilt function; None where this way cannot tell."""
        spoilt, whole = function_code(mutant.code, mutant.function), function_code(plain, mutant.function)
        if spoilt is None or whole is None or spoilt == whole:
            return None
        where = (str(path), spoilt.co_qualname)
        names = self.tests_of(where)
        outcome, said = in_child(lambda pipe: self._ask(spoilt, where, names, pipe))
        if outcome is not Outcome.SURVIVED:
            self._remember(said.decode())
            return outcome
        return None if where in self.at_import or said == b"stuck" else outcome

    def _ask(self, spoilt: CodeType, where: tuple[str, str], names: Sequence[str], pipe: int) -> int:
        live = live_function(where)
        if live is None or len(live.__code__.co_freevars) != len(spoilt.co_freevars):
            os.write(pipe, b"stuck")
            return 0
        live.__code__ = spoilt
        for name in names:
            signal.setitimer(signal.ITIMER_PROF, EACH + 4 * self.seconds[name])
            if not passes(self.items[name]):
                os.write(pipe, name.encode())
                return 1
        return 0

    def _remember(self, name: str) -> None:
        if name in self.items:
            self.noticed = [*(other for other in self.noticed if other != name), name][-30:]


def passes(item: pytest.Item) -> bool:
    """Run one collected test, with its fixtures made and ended."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _watched(item: pytest.Item, pipe: int) -> int:
    started = time.process_time()
    with Watch() as watch:
        passed = passes(item)
    said = json.dumps([time.process_time() - started, sorted(watch.ran)]).encode()
    with os.fdopen(pipe, "wb") as out:
        out.write(said)
    return 0 if passed else 1


def function_code(code: CodeType, function: str) -> CodeType | None:
    """The code of a function or method of a module; the outermost one where it is nested."""
    for part in function.split(".") if function else ():
        inner = next((one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == part), None)
        if inner is None:
            return None
        code = inner
        if code.co_flags & 0x01:  # inspect.CO_OPTIMIZED: a function, where a class body is not
            return code
    return None


def live_function(where: tuple[str, str]) -> FunctionType | None:
    """The function itself, under caches, properties and the like."""
    module = next((one for one in list(sys.modules.values()) if getattr(one, "__file__", None) == where[0]), None)
    found: Any = module
    for part in where[1].split("."):
        found = vars(found).get(part) if found is not None else None
    for layer in ("fget", "__func__", "__wrapped__"):
        found = getattr(found, layer, found)
    return found if isinstance(found, FunctionType) else None


class Plugin:
    """Lets pytest collect under watch, then takes the place of its loop."""

    def __init__(self, work: Callable[[Sequence[pytest.Item], Ran], None]) -> None:
        self.work, self.watch = work, Watch()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge instead of running the tests."""
        sys.setprofile(None)
        gc.collect()
        gc.freeze()
        self.work(session.items, self.watch.ran)
        return True


def collected(arguments: Sequence[str], work: Callable[[Sequence[pytest.Item], Ran], None]) -> int:
    """Collect the tests that pytest finds with these arguments, and do something with all of them at hand.

    ``work`` is told, too, which functions ran while their modules were imported.
    """
    plugin = Plugin(work)
    with plugin.watch:
        return int(pytest.main([*arguments], plugins=[plugin]))


def answers(house: House, path: Path, wanted: Sequence[Mutant]) -> Iterator[tuple[Mutant, Outcome | None]]:
    """Ask about mutants of one file in turn."""
    plain = module_code(path.read_text("utf-8"), path)
    for mutant in wanted:
        yield mutant, house.outcome(path, mutant, plain)
