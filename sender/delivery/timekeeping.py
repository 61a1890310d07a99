"""Keeps the gates of a process shut while its clock cannot be believed (drift.py says when), and says so."""

import socket
import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sender.db import clock_of_database
from sender.delivery.wire import Wire
from sender.providers.base import SendError
from sender.runtime import Runtime
from sender.watching import notices

log = structlog.get_logger()
ASKS_EVERY, TELLS_EVERY = 1.0, 60.0


class Timekeeper:
    """Asks provider and database for the time when nothing was heard of them, or when the clocks do not agree."""

    def __init__(self, runtime: Runtime, wire: Wire) -> None:
        self._runtime = runtime
        self._wire = wire
        self._asked = float("-inf")
        self._told: bool | None = None
        self._told_at = float("-inf")
        self._turn = threading.Lock()

    def is_right(self) -> bool:
        """Whether this process may go by its clock now; asks at most once a second where that is in doubt."""
        with self._turn:
            trouble = self._trouble()
            if trouble and self._elapsed() - self._asked >= ASKS_EVERY:
                self._ask()
                trouble = self._trouble()
            if self._told is not bool(trouble) or (trouble and self._elapsed() - self._told_at >= TELLS_EVERY):
                self._tell(trouble)
        return not trouble

    def _elapsed(self) -> float:
        return self._runtime.clock.elapsed()

    def _trouble(self) -> str:
        return self._runtime.watch.trouble(self._runtime.clock)

    def _ask(self) -> None:
        self._asked = self._elapsed()
        try:
            self._wire.ask(self._runtime.provider.tell_time())
        except SendError as error:
            # An answer that refuses us still has its date; none at all leaves the gates shut.
            log.warning("the provider did not say the time", error=error.sentence)
        with self._runtime.db.read() as session:
            self._runtime.watch.hear_database(clock_of_database(session), self._runtime.clock)

    def _tell(self, trouble: str) -> None:
        """In the log, and to people: of a machine, since its processes share its clock.

        It is said again every minute, for a notice ends once no process of its machine says that it is there.
        """
        host, real = socket.gethostname(), self._runtime.clock.real()
        try:
            with self._runtime.db.write() as session:
                if trouble:
                    log.error("no gate opens in this process", why=trouble)
                    sentence = f"{host} sends nothing: {trouble}; set its clock (NTP)."
                    notices.begin(session, f"{notices.CLOCK}{host}", "alarm", sentence, real)
                else:
                    log.info("the clock is right")
                    notices.end(session, f"{notices.CLOCK}{host}", real)
            self._told, self._told_at = bool(trouble), self._elapsed()
        except SQLAlchemyError as error:
            log.error("the state of the clock was not written down", error=type(error).__name__)
