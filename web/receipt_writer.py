"""Group commit of delivery receipts: many requests, one durable transaction, and no answer before it."""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

log = logging.getLogger("tactful.web.receipts")

WAITING_AT_MOST = 2_000
BATCH_AT_MOST = 500
ANSWER_WITHIN_SECONDS = 5.0

Receipt = TypeVar("Receipt")


class ReceiptsRefusedError(Exception):
    """The receipt is not stored; the provider has to bring it again."""


class ReceiptWriter(Generic[Receipt]):
    """A bounded queue and one thread that commits what waits in it.

    While one batch is being committed the next one gathers, so batches grow with the load and nothing waits longer
    than it has to. ``store`` must commit before it returns.
    """

    def __init__(self, store: Callable[[list[Receipt]], object], *, room: int = WAITING_AT_MOST) -> None:
        self._store = store
        self._queue: queue.Queue[tuple[Receipt, Future[None]]] = queue.Queue(room)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def waiting(self) -> int:
        """Receipts that no transaction has taken up yet."""
        return self._queue.qsize()

    def write(self, receipt: Receipt, within: float = ANSWER_WITHIN_SECONDS) -> None:
        """Return once the receipt is durable; ReceiptsRefusedError when the queue is full or storing it failed."""
        done: Future[None] = Future()
        try:
            self._queue.put_nowait((receipt, done))
        except queue.Full as error:
            raise ReceiptsRefusedError("more receipts are waiting than are taken") from error
        self._start()
        try:
            done.result(within)
        except Exception as error:
            raise ReceiptsRefusedError(f"the receipt was not stored ({type(error).__name__})") from error

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            batch = self._gather()
            try:
                self._store([receipt for receipt, _ in batch])
            except Exception as error:
                log.warning("%d receipts were not stored: %s", len(batch), type(error).__name__)
                for _, done in batch:
                    done.set_exception(error)
            else:
                for _, done in batch:
                    done.set_result(None)

    def _gather(self) -> list[tuple[Receipt, Future[None]]]:
        batch = [self._queue.get()]
        while len(batch) < BATCH_AT_MOST:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch
