"""SIGTERM to workers with texts on the wire, as a new version is rolled out: they drain in time, nothing is doubled."""

import os
import signal
import time
from pathlib import Path
from random import Random
from typing import Any

from sender.processes.scheduler import run_scheduler
from sender.processes.worker import run_worker
from sender.settings import Settings
from tests.chaos.crew import start
from tests.chaos.house import House, house, runtime_of
from tests.chaos.rounds import Place, Round
from tests.chaos.settle import judged, recover
from tests.servers import Valkey, private
from tests.waiting import eventually

WORKERS = 2
TEXTS_A_TERM = 250
LATENCY = 0.3
SETTINGS = {"connections": 40 * WORKERS, "workers": WORKERS}
LONGEST = 20.0
FAULTS = {"shares": {"hang": 0.001, "500_after": 0.002, "drop_after": 0.002}, "hang_seconds": 30}


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` times SIGTERM to one of two workers in the middle of a batch; another one takes its place."""
    result = Round()
    with (
        private(Valkey) as valkey,
        house(place.folder, place.database_url, latency=LATENCY, faults=FAULTS, settings=SETTINGS) as made,
    ):
        ids = made.messages(made.people(size * TEXTS_A_TERM), made.campaign(), "pending")
        scheduler = start(schedule, made.settings, valkey.url)
        workers = [start(work, made.settings, valkey.url) for _ in range(WORKERS)]
        try:
            for turn in range(size):
                _one(made, valkey, workers, turn % WORKERS, dice, result)
            for child in (*workers, scheduler):
                result.times.setdefault("drain", []).append(_end(child, result))
        finally:
            for child in (*workers, scheduler):
                child.kill()
                child.join()
        left = made.statuses(ids)
        recover(made)
        statuses, taken = made.statuses(ids), made.taken(ids)
        reached = statuses["sent"] + statuses["delivered"]
        unlike = [] if reached == taken else [f"the database says {dict(statuses)}, the provider took {taken}"]
        result.broken += judged(made, unlike, settled=True)
        result.counts += {"texts": len(ids), "unproven": statuses["unproven"]}
        result.counts += {"left on the wire": left["sending"], "answers lost": left["unconfirmed"]}
    return result


def work(settings: Settings, url: str) -> None:
    """A worker as it is."""
    run_worker(runtime_of(settings), url)


def schedule(settings: Settings, url: str) -> None:
    """The scheduler as it is."""
    run_scheduler(runtime_of(settings), url)


def _one(made: House, valkey: Valkey, workers: list[Any], place: int, dice: Random, result: Round) -> None:
    wanted = made.arrived() + dice.randrange(1, TEXTS_A_TERM // 2)
    eventually(lambda: made.arrived() >= wanted or not _left(made), 60)
    result.counts["on the wire at SIGTERM"] += eventually(lambda: made.simulator.world.in_flight or not _left(made), 30)
    result.times.setdefault("drain", []).append(_end(workers[place], result))
    result.counts["terms"] += 1
    workers[place] = start(work, made.settings, valkey.url)


def _left(made: House) -> int:
    statuses = made.statuses()
    return statuses["pending"] + statuses["queued"] + statuses["sending"]


def _end(child: Any, result: Round) -> float:
    """SIGTERM, and how long the process then took; one that takes too long, or ends badly, breaks the promise."""
    eventually(lambda: _hears(child.pid) or not child.is_alive(), 60)
    began = time.monotonic()
    os.kill(child.pid, signal.SIGTERM)
    child.join(2 * LONGEST)
    took = time.monotonic() - began
    if child.exitcode != 0 or took > LONGEST:
        result.broken.append(f"after SIGTERM a process took {took:.1f} s and ended with {child.exitcode}")
    return took


def _hears(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM: one that has hardly begun may die of it, which harms nobody."""
    said = Path(f"/proc/{pid}/status")
    caught = (
        next((line for line in said.read_text().splitlines() if line.startswith("SigCgt")), "") if said.exists() else ""
    )
    return not caught or bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
