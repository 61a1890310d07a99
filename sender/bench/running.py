"""The processes of one measure: started in order, measured while they run, ended with it."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from sender.bench import usage
from sender.bench.house import BenchError
from sender.bench.usage import Usage
from sender.processes.supervisor import Leash, Process

LOOK = 0.05
START_WITHIN = 60.0
GRACE = 20.0


class Running:
    """Processes by name; whatever still runs at the end of the block is ended, whatever becomes of this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._popen: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._leash = Leash(GRACE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for popen in reversed(self._popen.values()):
            popen.terminate()
        for popen in self._popen.values():
            _end(popen)
        self._leash.close()

    def start(self, process: Process, says: str = "") -> None:
        """Start one and return once it is ready, or has written ``says`` into its log; BenchError otherwise."""
        log = self._folder / f"{process.name}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(  # noqa: S603 - commands are ours
                list(process.command),
                env={**os.environ, "PYTHONUNBUFFERED": "1", **process.env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                process_group=0,
            )
        self._popen[process.name] = popen
        self._leash.hold(popen.pid)
        ready = process.ready or (lambda: says.encode() in log.read_bytes())
        self.wait(f"{process.name} did not start: {_tail(log)}", START_WITHIN, ready)

    def wait(self, complaint: str, longest: float, done: Callable[[], bool]) -> None:
        """Wait until ``done``; BenchError when that takes too long or a process ends meanwhile."""
        deadline = time.monotonic() + longest
        while not done():
            for name, popen in self._popen.items():
                if popen.poll() is not None:
                    raise BenchError(f"{name} ended: {_tail(self._folder / f'{name}.log')}")
            if time.monotonic() > deadline:
                raise BenchError(complaint)
            time.sleep(LOOK)

    def usage(self) -> dict[str, Usage]:
        """What each has used so far, with its children."""
        return {name: usage.of_tree(popen.pid) for name, popen in self._popen.items()}


def _end(popen: subprocess.Popen[bytes]) -> None:
    try:
        popen.wait(timeout=GRACE)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
