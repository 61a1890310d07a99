"""The two clocks: ``now`` for law, caps and campaign times, ``elapsed`` and ``real`` for ages inside the machine."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sender.settings import Settings


@dataclass(frozen=True, slots=True)
class Clock:
    """``now`` may be shifted and speeded in development; every process derives it from the same anchor.

    ``anchor_real`` is epoch seconds, ``anchor_now`` what ``now`` showed then, ``speed`` seconds of now per real second.
    """

    anchor_real: float = 0.0
    anchor_now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    speed: float = 1.0

    def now(self) -> datetime:
        """The instant that law and campaigns see (aware, UTC)."""
        return self.anchor_now + timedelta(seconds=(time.time() - self.anchor_real) * self.speed)

    def real(self) -> datetime:
        """The machine's own time (aware, UTC): for sweeps and leases, which outlive a process."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Monotonic seconds: for ages within one process."""
        return time.monotonic()

    @property
    def margin(self) -> timedelta:
        """What stays free before a window ends: three real seconds, whatever the speed."""
        return timedelta(seconds=3 * self.speed)


def clock_of(settings: Settings) -> Clock:
    """The clock all processes of an installation share: the same anchor gives the same ``now``."""
    if settings.clock_virtual is None or settings.clock_real is None:
        return Clock()
    return Clock(settings.clock_real, settings.clock_virtual.astimezone(UTC), settings.clock_speed)
