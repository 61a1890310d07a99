"""Who is texted from which from_number: the one they know, shares by rate, and few moves when a pool changes."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sender.audience.pools import choose, pool_of
from sender.models import FromNumber
from tests.installation import TUESDAY

PEOPLE = range(1, 4_001)


def made(line_id: int, country: str = "US", rate: float = 1.0) -> FromNumber:
    """One from_number of a program."""
    return FromNumber(
        id=line_id, program_id=1, country=country, address=f"+1212555{line_id:04}", kind="long_code", rate=rate
    )


def test_a_country_has_its_own_pool_else_everybodys() -> None:
    """A French number is texted from France where the program can, from the rest of the world's pool elsewhere."""
    france, world, also = made(1, "FR"), made(2, "*"), made(3, "*")
    assert pool_of([france, world, also], "FR") == (france,)
    assert pool_of([france, world, also], "DE") == (world, also)
    france.retired_at = TUESDAY
    assert pool_of([france, world, also], "FR") == (world, also)
    assert pool_of([france], "DE") == ()
    assert choose((), 1) is None


def test_people_are_shared_out_by_rate() -> None:
    """Of 4,000 people a from_number of three parts a second gets three times as many as one of one part."""
    pool = (made(1, rate=1.0), made(2, rate=3.0))
    share = Counter(choose(pool, person) is pool[1] for person in PEOPLE)[True] / len(PEOPLE)
    assert share == pytest.approx(0.75, abs=0.03)


@given(some.permutations([made(line_id, rate=line_id) for line_id in range(1, 5)]), some.integers(1, 10**9))
def test_a_pool_that_changes_moves_few_people(pool: list[FromNumber], person: int) -> None:
    """Whatever its order, who is not with the from_number that retires, or goes to the one that joins, stays."""
    before = choose(pool, person)
    assert choose(pool[::-1], person) is before
    smaller = [line for line in pool if line.id != 4]
    assert choose(smaller, person) is before or (before is not None and before.id == 4)


@given(some.integers(1, 10**9), some.integers(1, 4))
def test_who_was_texted_keeps_the_from_number(person: int, last: int) -> None:
    """As long as the pool has it; then the choice falls as if they had never been texted."""
    pool = [made(line_id) for line_id in range(1, 4)]
    kept = choose(pool, person, last)
    assert kept is not None
    assert kept is (pool[last - 1] if last <= 3 else choose(pool, person))
