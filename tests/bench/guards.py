"""How many verdicts the chain gives a second on one core: `python -m tests.bench.guards [SECONDS]`.

Three questions: people whose places are known (the gate's case: facts are loaded, the chain decides), people whose
places must be found from the number first, and numbers alone.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle

from guards import chain
from guards.base import Cap, Draft, Facts, Policy, Purpose, Sent, Standing
from guards.places import places_of
from guards.zones import table

PEOPLE = 2_000
ROUNDS = 200
NOON = datetime(2026, 11, 23, 18, tzinfo=UTC)
POLICY = Policy(
    1,
    "Acme",
    "Reply STOP to opt out.",
    (Cap(2, 24), Cap(6, 168)),
    countries=frozenset({"US", "GB"}),
    least=Purpose.MARKETING,
)
DRAFT = Draft("Acme: new beans are in.\nReply STOP to opt out.", Purpose.MARKETING)
ABROAD = ("+4474001234", "+336123456", "+491512345", "+614123456")


def numbers(dice: random.Random, amount: int) -> list[str]:
    """Return so many invented numbers, no two alike: three of four American, the rest from four countries."""
    codes = sorted(table().area_codes)
    american = [f"+1{dice.choice(codes)}55501{n % 100:02}{n}"[:14] for n in range(amount)]
    return [f"{dice.choice(ABROAD)}{n:05}"[:13] if n % 4 == 3 else one for n, one in enumerate(american)]


def person(number: str, sends: tuple[Sent, ...]) -> Facts:
    """Return the facts of one person with consent."""
    return Facts(
        now=NOON,
        country="US" if number.startswith("+1") else "GB",
        places=places_of(number),
        standing=Standing("in", "express_written"),
        policy=POLICY,
        line_type="mobile",
        sends=sends,
        margin=timedelta(seconds=3),
    )


def rate(name: str, ask: Callable[[], object], seconds: float) -> float:
    """Call ``ask`` in short rounds of processor time and print the best rate: others use this machine too."""
    best = 0.0
    for _ in range(ROUNDS):
        calls, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            for _ in range(100):
                ask()
            calls += 100
        best = max(best, calls / (time.process_time() - start))
    print(f"{name:52} {best:>12,.0f} a second")  # noqa: T201
    return best


def verdicts(people: Sequence[Facts]) -> Callable[[], object]:
    """Return a call that asks the chain about the next person."""
    next_one = cycle(people).__next__
    return lambda: chain.run(DRAFT, next_one())


def uncached(people: Sequence[Facts], some: Sequence[str]) -> Callable[[], object]:
    """Return a call that finds the places of the next number anew, then asks the chain."""
    both = cycle(zip(people, some, strict=True)).__next__

    def ask() -> object:
        facts, number = both()
        return chain.run(DRAFT, replace(facts, places=places_of(number)))

    return ask


def main(seconds: float = 0.01) -> None:
    """Print the rates."""
    dice = random.Random(1)
    some = numbers(dice, PEOPLE)
    earlier = (Sent(NOON - timedelta(hours=30), 1, Purpose.MARKETING), Sent(NOON - timedelta(hours=5), 2, Purpose.CODE))
    fresh = [person(number, ()) for number in some]
    texted = [person(number, earlier if n % 2 else ()) for n, number in enumerate(some)]
    rate("chain, places known, nobody texted before", verdicts(fresh), seconds)
    rate("chain, places known, half texted before, two caps", verdicts(texted), seconds)
    rate("chain, place of every number found anew", uncached(texted, some), seconds)
    next_one = cycle(some).__next__
    rate("place of a number alone, found anew", lambda: places_of(next_one()), seconds)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.01)
