"""The disk is full at byte n, for a moment, while a process works (SQLite): it fails closed, or goes on afterwards.

A limit on the size of files stands for the full disk: it needs no rights and hits every write of this process, and
SQLite gets the same refusals (no space, input/output error) in its log, its file and its shared memory.
"""

import resource
import sqlite3
import threading
from multiprocessing.connection import Connection
from random import Random

from sender.settings import Settings
from tests.chaos.house import House, house, runtime_of
from tests.chaos.rounds import Place, Round
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.steps import Trouble, try_once

PAGE = 4096
PAGES = 40
SPACE_RETURNS_AFTER = 0.4
FAILED = 1


def play(name: str, place: Place, size: int, dice: Random) -> Round:
    """Every page of one scenario."""
    return fill_through(place, name)


def fill_through(place: Place, name: str, first: int = 0, every: int = 1) -> Round:
    """Let the disk be full after ``first``, ``first + every`` … pages of one scenario."""
    result = Round()
    folder = place.folder / name
    folder.mkdir()
    with house(folder, f"sqlite:///{folder / 'tactful.db'}") as made:
        for pages in range(first, PAGES, every):
            _empty_log(made)
            ended = try_once(made, name, Trouble(work, pages, "page"), result)
            result.counts += {"full disks": 1, "felt": int(ended == FAILED)}
            if ended not in (0, FAILED):
                result.broken.append(f"{name}, page {pages}: the child ended with {ended}")
    return result


def work(settings: Settings, name: str, case: object, pages: int, line: Connection) -> None:
    """In the child: the work, on a disk with room for so many pages, until space returns."""
    runtime = runtime_of(settings)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    returning = threading.Timer(SPACE_RETURNS_AFTER, resource.setrlimit, (resource.RLIMIT_FSIZE, (most, most)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (pages * PAGE, most))
    returning.start()
    SCENARIOS[name].act(runtime, case, line.send)


def _empty_log(made: House) -> None:
    """Bring the write-ahead log back to no bytes, so that its next page is the first."""
    database = sqlite3.connect(made.settings.database.removeprefix("sqlite:///"))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
