"""Whether this process may believe its own clock. A gate whose clock is wrong texts people at night.

What the clock shows is compared, in real seconds, with the time the provider wrote on its last answer, carried on by
the monotonic clock (so a jump shows at once), and with the database's clock where that is another machine's. Beyond
30 s, or before any answer was heard, the gates of this process stay closed; they open when the clocks agree again.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from sender.clock import Clock

LIMIT_SECONDS = 30.0
SLOW_ANSWER_SECONDS = 5.0
KEPT_SECONDS = 3600.0
WHOLE_SECOND = timedelta(seconds=1)
UNHEARD = "the provider's clock was not heard yet"

# Hundreds of answers are written in the same second.
_read = lru_cache(maxsize=8)(parsedate_to_datetime)


@dataclass(frozen=True, slots=True)
class Heard:
    """The provider wrote ``date`` (cut to whole seconds) at some moment between two of our monotonic seconds."""

    date: datetime
    sent: float
    received: float


class Watch:
    """What one process has heard of other clocks; safe to share between threads."""

    def __init__(self) -> None:
        self._heard: Heard | None = None
        self._database = 0.0
        self._lock = threading.Lock()

    def hear(self, date: str, sent: float, received: float) -> None:
        """Take in the Date header of an answer; one that is unreadable, or came slowly, tells nothing."""
        if received - sent > SLOW_ANSWER_SECONDS:
            return
        try:
            at = _read(date)
        except ValueError:
            return
        with self._lock:
            if at.tzinfo is not None and (self._heard is None or sent >= self._heard.sent):
                self._heard = Heard(at, sent, received)

    def hear_database(self, at: datetime | None, clock: Clock) -> None:
        """Take in what the database's own clock shows at this moment; None where it is this machine's."""
        self._database = 0.0 if at is None else (clock.real() - at).total_seconds()

    def error(self, clock: Clock) -> float:
        """Real seconds by which the clock is ahead of the provider's (negative: behind); 0 within what can be told."""
        heard, now, elapsed = self._heard, clock.now(), clock.elapsed()
        if heard is None:
            return 0.0
        earliest = heard.date + timedelta(seconds=(elapsed - heard.received) * clock.speed)
        latest = heard.date + WHOLE_SECOND + timedelta(seconds=(elapsed - heard.sent) * clock.speed)
        apart = min(now - earliest, timedelta()) + max(now - latest, timedelta())
        return apart.total_seconds() / clock.speed

    def right(self, clock: Clock) -> datetime:
        """``now`` with what is known of its error taken off: within the limit, workers so agree on the hour."""
        return clock.now() - timedelta(seconds=self.error(clock) * clock.speed)

    def trouble(self, clock: Clock) -> str:
        """Why no gate may open in this process, in words; empty when its clock can be believed."""
        if self._heard is None or clock.elapsed() - self._heard.received > KEPT_SECONDS:
            return UNHEARD
        if abs(error := self.error(clock)) > LIMIT_SECONDS:
            return f"the clock is {_apart(error)} the provider's"
        if abs(self._database) > LIMIT_SECONDS:
            return f"the clock is {_apart(self._database)} the database's"
        return ""


def _apart(seconds: float) -> str:
    return f"{abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'}"
