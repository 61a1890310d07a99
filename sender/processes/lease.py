"""One process at a time does a work, a second stands by and takes over.

No clock is compared: the holder counts a row up, and whoever waits takes the lease when the count has stood still for a
while by the waiting one's own monotonic clock. A holder that was frozen sees at its next beat that it is no longer the
holder. What it does in between does no harm: each step of the scheduler asks the database what is due.
"""

import os
import secrets
import socket
from collections.abc import Callable

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.db import Database, Pace, insert_new
from sender.models import Lease

BEAT_SECONDS = 1.0
SILENT_SECONDS = 6.0


class Turn:
    """This process's claim on one lease; ``elapsed`` are monotonic seconds, after ``silent`` of which it is lost."""

    def __init__(
        self, database: Database, name: str, elapsed: Callable[[], float], silent: float = SILENT_SECONDS
    ) -> None:
        self._database = database
        self._name = name
        self._elapsed = elapsed
        self._silent = silent
        self._me = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._seen: tuple[str, int] | None = None
        self._since = 0.0

    def mine(self) -> bool:
        """Beat, and say whether this process holds the lease; takes one that is free or silent for six seconds."""
        with self._database.write(Pace.BULK, redoable=True) as session:
            insert_new(session, Lease, [{"name": self._name, "holder": "", "beat": 0}])
            if self._take(session, col(Lease.holder) == self._me):
                return True
            row = select(col(Lease.holder), col(Lease.beat)).where(col(Lease.name) == self._name)
            holder, beat = session.execute(row).one()
            if (holder, beat) != self._seen:
                self._seen, self._since = (holder, beat), self._elapsed()
            is_free = holder == "" or self._elapsed() - self._since >= self._silent
            return is_free and self._take(session, (col(Lease.holder) == holder) & (col(Lease.beat) == beat))

    def give_up(self) -> None:
        """Let another take over at once."""
        with self._database.write(Pace.BULK, redoable=True) as session:
            mine = (col(Lease.name) == self._name, col(Lease.holder) == self._me)
            session.execute(update(Lease).where(*mine).values(holder=""))

    def _take(self, session: Session, unchanged: object) -> bool:
        again = update(Lease).where(col(Lease.name) == self._name, unchanged)  # type: ignore[arg-type]
        beat = again.values(holder=self._me, beat=col(Lease.beat) + 1).returning(col(Lease.name))
        return bool(session.execute(beat).all())
