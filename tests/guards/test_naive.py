"""The guard of hours agrees with a slow second reading of the same rule files, in random places at random instants."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from guards import quiet_hours
from guards.base import Allow, Block, Defer, Places, Verdict, Window
from guards.places import places_of
from guards.zones import country_zones, table
from tests.guards import naive
from tests.guards.people import POLICY, draft, facts

START, END = datetime(2024, 6, 1, tzinfo=UTC), datetime(2035, 12, 1, tzinfo=UTC)
AREA_CODES = sorted(table().area_codes)
COUNTRIES = sorted({code for code in naive.RULED_BY if "-" not in code and country_zones(code)} | {"PY", "RU", "GL"})
STATES = sorted(table().states)
EXAMPLES = pytest.mark.parametrize("examples", [1_000, pytest.param(100_000, marks=pytest.mark.nightly)])


def somewhere(dice: random.Random) -> Places:
    """Return the places of a random number, now and then with a second place far away."""
    code = dice.choice(AREA_CODES)
    if dice.random() < 0.7:
        return places_of(f"+1{code}5550100", state=dice.choice([None, None, dice.choice(STATES)]))
    codes = sorted({dice.choice(COUNTRIES), *([dice.choice(STATES)] if dice.random() < 0.3 else [])})
    zones = sorted({dice.choice(country_zones(one)) for one in codes})
    return Places(tuple(codes), tuple(zones))


def sometime(dice: random.Random) -> datetime:
    """Return a random second of eleven years, every third near the edge of a local hour."""
    instant = START + timedelta(seconds=dice.randrange(int((END - START).total_seconds())))
    if dice.random() < 0.33:
        instant = instant.replace(minute=0, second=0) + timedelta(seconds=dice.choice([-1, 0, 1, 1799, 1800]))
    return instant


def somehow(dice: random.Random) -> tuple[Window, ...] | None:
    """Return, seldom, a program's own hours."""
    if dice.random() < 0.9:
        return None
    return tuple(
        Window(day, 60 * dice.randrange(8, 13), 60 * dice.randrange(14, 22)) for day in range(dice.randrange(7))
    )


def cases(examples: int) -> Iterator[tuple[Places, datetime, tuple[Window, ...] | None]]:
    """Yield so many questions, the same ones each time."""
    dice = random.Random(20261121)
    for _ in range(examples):
        yield somewhere(dice), sometime(dice), somehow(dice)


@EXAMPLES
def test_both_readings_agree(examples: int) -> None:
    """Allowed where the naive reading allows, until it no longer does, and put off to its very first open minute."""
    for number, (places, now, own) in enumerate(cases(examples)):
        person = facts(
            places=places, now=now, policy=POLICY if own is None else type(POLICY)(1, "Acme", "STOP", hours=own)
        )
        verdict = quiet_hours.check(draft(), person)
        assert isinstance(verdict, Allow) == naive.may_go(places.codes, places.zones, now, own), (places, now, own)
        if number % 10 == 0 or len(places.zones) < 3:
            same_times(verdict, places, now, own)


def same_times(verdict: Verdict, places: Places, now: datetime, own: tuple[Window, ...] | None) -> None:
    """Fail unless the naive reading opens and closes at the same instants as the verdict says."""
    codes, zones = places.codes, places.zones
    if isinstance(verdict, Defer):
        assert verdict.until == naive.first_minute(codes, zones, now, 9, own), (places, now, own)
    elif isinstance(verdict, Block):
        hours = (now.replace(minute=0, second=0) + timedelta(minutes=30 * n) for n in range(1, 8 * 48))
        assert not any(naive.may_go(codes, zones, instant, own) for instant in hours), (places, now, own)
    else:
        assert verdict.until is not None
        assert naive.may_go(codes, zones, verdict.until - timedelta(seconds=1), own), (places, now, own)
        assert not naive.may_go(codes, zones, verdict.until, own), (places, now, own)
