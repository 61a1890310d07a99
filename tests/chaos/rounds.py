"""What every row is made of: rounds that are played in a place with dice, and what came of each."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.servers import Postgres


@dataclass(frozen=True, slots=True)
class Place:
    """An empty folder and an empty database; ``postgres`` is the server of the latter where a round may crash it."""

    folder: Path
    database_url: str
    postgres: Postgres | None = None


@dataclass
class Round:
    """What came of a round: ``counts`` add up over rounds, ``times`` are seconds, ``broken`` says what must not be."""

    counts: Counter[str] = field(default_factory=Counter)
    times: dict[str, list[float]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def add(self, other: "Round") -> None:
        """Count another round in."""
        self.counts += other.counts
        self.broken += other.broken
        for name, seconds in other.times.items():
            self.times.setdefault(name, []).extend(seconds)


Play = Callable[[Place, int, Random], Round]
"""Plays one round with so many faults; everything random comes from the dice."""


class Within(NamedTuple):
    """So large a part of the times of this name takes at most so many seconds."""

    name: str
    part: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One promise: how it is played, how many faults a round has, and how many the promise speaks of.

    What must come soon is judged over a whole run and not in tests: a busy machine is no fault of the sender.
    """

    name: str
    play: Play
    size: int
    most: int
    databases: tuple[str, ...]
    within: tuple[Within, ...] = ()

    def too_slow(self, total: Round) -> list[str]:
        """What took longer than promised."""
        taken = [(one, share(total.times.get(one.name, []), one.part)) for one in self.within]
        return [f"{one.name}: {took:.2f} s at {one.part:.0%}" for one, took in taken if took > one.seconds]


def share(times: list[float], part: float) -> float:
    """The value that this part of the times does not pass (0.99: the 99th percentile); 0 without any."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0
