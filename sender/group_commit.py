"""One thread that writes what many hand in, so that the price of a durable commit is paid once for all of them."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from sender.db import Database, Pace

log = structlog.get_logger()
Item = TypeVar("Item")
AT_MOST = 500


class GroupCommit(Generic[Item]):
    """Writes items by ``write(session, items)``, one transaction after the other.

    A transaction takes all that came in while it waited for the database: the busier, the larger. ``after(items)`` is
    called when they are durable. ``gather`` are seconds in which an idle one lets company come. ``pauses`` are the
    seconds between attempts while the database is away; ``write`` must then bear to be repeated.
    """

    def __init__(
        self,
        database: Database,
        write: Callable[[Session, Sequence[Item]], None],
        *,
        after: Callable[[Sequence[Item]], None] | None = None,
        pace: Pace = Pace.NORMAL,
        gather: float = 0.0,
        pauses: Sequence[float] = (),
    ) -> None:
        self._database = database
        self._write = write
        self._after = after
        self._pace = pace
        self._gather = gather
        self._pauses = pauses
        self._waiting: queue.SimpleQueue[tuple[Item, Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="group commit", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> "Future[None]":
        """Hand an item in; the future is done when it is durable, or has the error that kept it from being so."""
        written: Future[None] = Future()
        self._waiting.put((item, written))
        return written

    @property
    def waiting(self) -> int:
        """How many items no transaction has taken yet."""
        return self._waiting.qsize()

    def close(self, within: float | None = None) -> None:
        """Write what was handed in before this, and end; wait for that at most ``within`` seconds."""
        self._waiting.put(None)
        self._thread.join(within)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            if self._gather:
                time.sleep(self._gather)
            batch = [first]
            try:
                self._commit(batch)
                if self._after:
                    self._after([item for item, _ in batch])
            except Exception as error:
                log.error("a batch was not written", count=len(batch), error=type(error).__name__)
                for written in _awaited(batch):
                    written.set_exception(error)
            else:
                for written in _awaited(batch):
                    written.set_result(None)

    def _commit(self, batch: "list[tuple[Item, Future[None]]]") -> None:
        for pause in (*self._pauses, None):
            try:
                with self._database.write(self._pace) as session:
                    self._fill(batch)
                    self._write(session, [item for item, _ in batch])
                return
            except OperationalError:
                if pause is None:
                    raise
                time.sleep(pause)

    def _fill(self, batch: "list[tuple[Item, Future[None]]]") -> None:
        while len(batch) < AT_MOST:
            try:
                found = self._waiting.get_nowait()
            except queue.Empty:
                return
            if found is None:
                self._waiting.put(None)
                return
            batch.append(found)


def _awaited(batch: "list[tuple[Item, Future[None]]]") -> "list[Future[None]]":
    """The futures that somebody still waits for: one given up must not end the thread that serves all."""
    return [written for _, written in batch if written.set_running_or_notify_cancel()]
