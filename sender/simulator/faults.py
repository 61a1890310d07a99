"""What goes wrong on a create, and when: by share, or for the next requests as told."""

import random
from collections import Counter
from dataclasses import dataclass

from sender.simulator.config import Fault, Faults

# These take the message first, so that a sender who tries again texts the person twice.
ACCEPTING = frozenset({Fault.ERROR_AFTER, Fault.DROP_AFTER, Fault.HANG, Fault.EMPTY, Fault.BROKEN, Fault.HALF})

CODES = {
    Fault.TOO_MANY: 20429,
    Fault.QUEUE_FULL: 21611,
    Fault.DAILY_CAP: 63038,
    Fault.ERROR_BEFORE: 20500,
    Fault.ERROR_AFTER: 20500,
    Fault.UNAVAILABLE: 20503,
}


@dataclass(slots=True)
class Planned:
    """A fault for the next ``count`` creates (to ``to`` only, if given)."""

    fault: Fault
    count: int = 1
    to: str | None = None


class FaultPlan:
    """Decides which create meets which fault; planned ones come before drawn ones."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self._dice = random.Random(f"{seed}:faults")
        self._planned: list[Planned] = []
        self.faults = faults
        self.met: Counter[Fault] = Counter()

    def plan(self, planned: Planned) -> None:
        """Schedule a fault behind those already scheduled."""
        self._planned.append(planned)

    def stop(self) -> None:
        """No more faults from now on."""
        self._planned.clear()
        self.faults = self.faults.model_copy(update={"shares": {}})

    def draw(self, to: str) -> Fault | None:
        """The fault this create meets, if any."""
        fault = self._next(to)
        if fault:
            self.met[fault] += 1
        return fault

    def _next(self, to: str) -> Fault | None:
        for planned in self._planned:
            if planned.to in (None, to):
                planned.count -= 1
                self._planned = [left for left in self._planned if left.count > 0]
                return planned.fault
        roll = self._dice.random()
        for fault, share in self.faults.shares.items():
            if roll < share:
                return fault
            roll -= share
        return None
