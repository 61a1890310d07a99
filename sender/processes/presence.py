"""Which processes work on this database, on which host and of which version: each says so itself.

No clock is compared: a process counts its row up every half minute, and the active scheduler takes away a row that
stood still for three minutes by its own monotonic clock. One that was frozen comes back with its next beat.
"""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from sender import schema
from sender.db import Database, Pace, insert_new
from sender.models import Present
from sender.runtime import Runtime

log = structlog.get_logger()
BEAT_SECONDS = 30.0
SILENT_SECONDS = 180.0
LEAVING_SECONDS = 2.0
"""How long an end waits for a beat that waits for the database; a row that stays is that of one who fell silent."""


@contextmanager
def present(database: Database, kind: str) -> Iterator[None]:
    """Be known as one process of this kind meanwhile; ``kind``: web, hooks, worker or scheduler."""
    me = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    row = {"name": me, "host": socket.gethostname(), "kind": kind, "knows": schema.known()}
    told = threading.Event()
    thread = threading.Thread(target=_go_on, args=(database, row, told), name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        told.set()
        thread.join(LEAVING_SECONDS)
        if not thread.is_alive():
            _say(database, lambda session: session.execute(delete(Present).where(col(Present.name) == me)))


def _go_on(database: Database, row: dict[str, str], told: threading.Event) -> None:
    while True:
        _say(database, lambda session: beat(session, row))
        if told.wait(BEAT_SECONDS):
            return


def _say(database: Database, what: Callable[[Session], object]) -> None:
    """A database that is away is no reason to stop: the next beat says it again."""
    try:
        with database.write(Pace.BULK, redoable=True) as session:
            what(session)
    except SQLAlchemyError as error:
        log.warning("a process could not say that it is there", error=type(error).__name__)


def beat(session: Session, row: dict[str, str]) -> None:
    """Count the row of this process up; it is made where there is none yet, or none any more."""
    mine = update(Present).where(col(Present.name) == row["name"])
    if not session.execute(mine.values(beat=col(Present.beat) + 1).returning(col(Present.name))).all():
        insert_new(session, Present, [{**row, "beat": 0}])


def hosts(session: Session) -> set[str]:
    """The hosts that a process works on."""
    return set(session.execute(select(col(Present.host)).distinct()).scalars())


def behind(session: Session, revision: str) -> list[str]:
    """Each process of a version that does not know this schema, such as "the worker on web-2", in order."""
    older = select(col(Present.kind), col(Present.host)).where(col(Present.knows) < revision).distinct()
    return [f"the {kind} on {host}" for kind, host in session.execute(older.order_by(*older.selected_columns))]


class Attendance:
    """The active scheduler's step: takes away who fell silent. ``silent``: seconds of this process's own clock."""

    def __init__(self, runtime: Runtime, silent: float = SILENT_SECONDS) -> None:
        self._runtime, self._silent = runtime, silent
        self._seen: dict[str, tuple[int, float]] = {}

    def step(self) -> int:
        """How many were taken away."""
        elapsed = self._runtime.clock.elapsed()
        with self._runtime.db.read() as session:
            beats = dict(session.execute(select(col(Present.name), col(Present.beat))).all())
        before = self._seen
        self._seen = {
            name: before[name] if name in before and before[name][0] == count else (count, elapsed)
            for name, count in beats.items()
        }
        gone = {name: count for name, (count, since) in self._seen.items() if elapsed - since >= self._silent}
        # A row that comes back counts from nought again.
        self._seen = {name: seen for name, seen in self._seen.items() if name not in gone}
        if gone:
            with self._runtime.db.write(Pace.BULK) as session:
                for name, count in gone.items():
                    still = col(Present.name) == name, col(Present.beat) == count
                    session.execute(delete(Present).where(*still))
        return len(gone)
