"""The two clocks of a simulated world: real seconds for waiting, virtual time for what is told and judged."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """virtual = virtual_anchor + (real - real_anchor) × speed; real is epoch seconds, virtual an aware UTC instant."""

    real_anchor: float
    virtual_anchor: datetime
    speed: float = 1.0

    def __post_init__(self) -> None:
        if self.speed <= 0:
            raise ValueError(f"The clock's speed must be above 0, not {self.speed}.")
        if self.virtual_anchor.tzinfo is None:
            raise ValueError("The clock's virtual anchor needs a time zone, for example 2027-03-01T15:00:00Z.")

    @classmethod
    def unshifted(cls) -> "Clock":
        """A clock whose virtual time is the real one."""
        real = time.time()
        return cls(real, datetime.fromtimestamp(real, UTC))

    def real(self) -> float:
        """Real time in epoch seconds."""
        return time.time()

    def now(self) -> datetime:
        """Virtual time, UTC."""
        return self.at(self.real())

    def at(self, real: float) -> datetime:
        """The virtual instant of a real one."""
        return (self.virtual_anchor + timedelta(seconds=(real - self.real_anchor) * self.speed)).astimezone(UTC)

    def real_seconds(self, virtual_seconds: float) -> float:
        """How long a stretch of virtual time takes in real seconds."""
        return virtual_seconds / self.speed

    def real_until(self, virtual: datetime) -> float:
        """Real seconds from now until a virtual instant; never negative."""
        return max(0.0, self.real_seconds((virtual - self.now()).total_seconds()))
