"""Two real schedulers beside one database: one works, the other stands by and takes over when the first is killed."""

import os
import threading
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col

from sender.delivery.wire import Wire
from sender.models import Lease
from sender.processes.scheduler import Scheduler
from sender.settings import Settings
from tests.chaos.crew import CONTEXT, crew
from tests.chaos.house import House, house, runtime_of
from tests.waiting import eventually

SILENT = 2.0
TEXTS = 8


def stand(settings: Settings, line: Connection) -> None:
    """In the child: a scheduler whose bell tells which process rang, and for how many."""
    runtime = runtime_of(settings)
    scheduler = Scheduler(runtime, lambda ids: line.send((os.getpid(), len(ids))), Wire(), silent=SILENT)
    # What it does beside handing over would be work for a busy machine, and a sweep for bells that nobody answers.
    scheduler.lanes = {"sending": scheduler.lanes["sending"]}
    scheduler.run(threading.Event())


def holder(made: House) -> int:
    """The process that holds the lease; 0 while nobody does."""
    with made.database.read() as session:
        held = session.execute(select(col(Lease.holder)).where(col(Lease.name) == "scheduler")).scalar()
    return int(held.split(":")[1]) if held else 0


def rung(line: Connection, count: int) -> set[int]:
    """Who rang for the next so many texts."""
    pids, heard = set[int](), 0
    while heard < count:
        assert line.poll(60)
        pid, texts = line.recv()
        pids, heard = pids | {pid}, heard + texts
    return pids


def test_the_second_takes_over_when_the_first_is_killed(tmp_path: Path, sqlite_url: str) -> None:
    """While both live only the holder hands over; after kill -9 the other does, and nothing is handed over twice."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    with house(tmp_path, sqlite_url) as made, crew([(stand, made.settings, theirs)] * 2) as children:
        first = eventually(lambda: holder(made), 60)
        made.messages(made.people(TEXTS), made.campaign(), "pending")
        assert rung(ours, TEXTS) == {first}
        killed, other = sorted(children, key=lambda child: child.pid != first)
        killed.kill()
        eventually(lambda: holder(made) == other.pid, 60)
        made.messages(made.people(TEXTS), made.campaign(), "pending")
        assert rung(ours, TEXTS) == {other.pid}
        assert made.statuses() == {"queued": 2 * TEXTS}
