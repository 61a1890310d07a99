"""The pace of senders: each hands over so many segments a second and queues ten hours' worth."""

from dataclasses import dataclass, field
from time import monotonic

from sender.simulator.config import SimulatorConfig


@dataclass(slots=True)
class Lane:
    """A first-in, first-out line; ``rate`` in segments per real second, ``depth`` in seconds of that rate."""

    rate: float
    depth: float
    _free_at: float = field(default=0.0)

    def wait(self) -> float:
        """Real seconds until a message that joins now would leave."""
        return max(0.0, self._free_at - monotonic())

    def full(self) -> bool:
        """True when the line holds all it may."""
        return self.wait() >= self.depth

    def take(self, parts: int) -> None:
        """Occupy the line for a message of so many parts."""
        self._free_at = max(self._free_at, monotonic()) + parts / self.rate


class Lanes:
    """The lane of every sender; the senders of a service with a rate share one."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._lanes = {number.number: Lane(number.pace, config.queue_seconds) for number in config.numbers}
        for service in config.services:
            if service.rate:
                shared = Lane(service.rate, config.queue_seconds)
                self._lanes.update(dict.fromkeys(service.senders, shared))

    def of(self, sender: str) -> Lane:
        """The lane of a sender of the account."""
        return self._lanes[sender]
