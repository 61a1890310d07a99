"""Redis is emptied, killed, stalled, made read-only or full while a campaign goes on: it is only the bell.

Sending has resumed when creates arrive again and no later gap is longer: what was lost in Redis counts until it goes.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from random import Random

import redis

from sender.delivery.dispatcher import BATCH, DEPTH
from sender.processes.scheduler import run_scheduler
from sender.processes.worker import run_worker
from sender.settings import Settings
from tests.chaos.crew import crew
from tests.chaos.house import House, house, runtime_of
from tests.chaos.rounds import Place, Round
from tests.chaos.settle import judged, recover
from tests.servers import Valkey, private
from tests.waiting import eventually

# One worker with one thread: what workers have fetched ahead is in their memory, and Redis cannot lose it.
WORKERS = THREADS = 1
LATENCY, CONNECTIONS = 0.15, 20
TEXTS_A_FAULT = DEPTH + 600
"""All that is queued leaves after each fault, and another full queue is to be had for the next."""
DEEP = DEPTH - BATCH
RESUMED_WITHIN = 15.0
STALL, AWAY = 8.0, 3.0
FULL, ROOMY = "1", "256mb"
SETTINGS = {"connections": WORKERS * CONNECTIONS, "workers": WORKERS, "worker_threads": THREADS}


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` faults of all kinds in turn, begun at random moments of a campaign with a full queue."""
    result = Round()
    with private(Valkey) as valkey, house(place.folder, place.database_url, latency=LATENCY, settings=SETTINGS) as made:
        made.messages(made.people(size * TEXTS_A_FAULT), made.campaign(), "pending")
        work = [(_scheduler, made.settings, valkey.url), *[(_worker, made.settings, valkey.url)] * WORKERS]
        with crew(work):
            for turn in range(size):
                kind = sorted(FAULTS)[turn % len(FAULTS)]
                eventually(lambda: made.statuses()["queued"] > DEEP, 60)
                threading.Event().wait(dice.random())
                _fault(made, valkey, kind, result)
        recover(made)
        result.counts["texts"] += len(made.accepted())
        result.broken += judged(made, [], settled=True)
    return result


def _scheduler(settings: Settings, url: str) -> None:
    run_scheduler(runtime_of(settings), url)


def _worker(settings: Settings, url: str) -> None:
    run_worker(runtime_of(settings), url)


def _fault(made: House, valkey: Valkey, kind: str, result: Round) -> None:
    queued = made.statuses()["queued"]
    FAULTS[kind](valkey)
    over, enough = time.time(), made.arrived() + queued + WORKERS * CONNECTIONS
    # As many as were queued then have gone since: what was in Redis cannot be missing any more.
    eventually(lambda: made.arrived() > enough, 60)
    gap = _longest_gap(made, over)
    result.counts += Counter({kind: 1})
    result.times.setdefault(f"resumed after {kind}", []).append(gap)
    if gap > RESUMED_WITHIN:
        result.broken.append(f"after {kind} sending paused for {gap:.1f} s")


def _longest_gap(made: House, over: float) -> float:
    times = sorted([over, *(entry["arrived"] for entry in made.requests() if entry["arrived"] > over)])
    return max(later - earlier for earlier, later in pairwise(times))


def _flush(valkey: Valkey) -> None:
    redis.Redis.from_url(valkey.url).flushall()


def _kill(valkey: Valkey) -> None:
    valkey.kill()
    threading.Event().wait(AWAY)
    valkey.start()


def _stall(valkey: Valkey) -> None:
    pid = int((valkey.folder / "valkey.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    threading.Event().wait(STALL)
    os.kill(pid, signal.SIGCONT)


def _read_only(valkey: Valkey) -> None:
    client = redis.Redis.from_url(valkey.url)
    client.replicaof("127.0.0.1", 1)
    threading.Event().wait(AWAY)
    client.replicaof("NO", "ONE")


def _full(valkey: Valkey) -> None:
    client = redis.Redis.from_url(valkey.url)
    client.config_set("maxmemory", FULL)
    threading.Event().wait(AWAY)
    client.config_set("maxmemory", ROOMY)


FAULTS: dict[str, Callable[[Valkey], None]] = {
    "flush": _flush,
    "kill": _kill,
    "stall": _stall,
    "read-only": _read_only,
    "full": _full,
}
