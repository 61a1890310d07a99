"""Work beside the server: order, faults and an early end are those of one piece after the other."""

from collections.abc import Iterator
from contextlib import closing
from threading import Barrier, Event

import pytest

from sender.ahead import LANES, ahead
from sender.db import Database


def test_on_postgresql_the_next_are_worked_on_while_one_is_used(pg_url: str) -> None:
    """Who uses the first result can wait until the next two are there; the order stays."""
    database, worked_on = Database(pg_url), {piece: Event() for piece in range(1, 6)}

    def work(piece: int) -> int:
        worked_on[piece].set()
        return 10 * piece

    found = []
    with closing(ahead(database, worked_on, work)) as made:
        for result in made:
            assert all(worked_on[piece].wait(10) for piece in range(1, min(5, result // 10 + LANES) + 1))
            found.append(result)
    assert found == [10, 20, 30, 40, 50]
    database.close()


def test_on_postgresql_two_are_worked_on_at_once(pg_url: str) -> None:
    """One waits for the server while the other reckons: each of a pair meets the other half-way."""
    database, met = Database(pg_url), Barrier(LANES)

    def work(piece: int) -> int:
        met.wait(10)
        return piece

    assert list(ahead(database, range(2 * LANES), work)) == list(range(2 * LANES))
    database.close()


def test_on_sqlite_nothing_is_worked_on_before_it_is_asked_for(sqlite_url: str) -> None:
    """Each piece is found and worked on when the one before is done with."""
    done: list[str] = []

    def pieces() -> Iterator[int]:
        for piece in (1, 2):
            done.append(f"found {piece}")
            yield piece

    database = Database(sqlite_url)
    for piece in ahead(database, pieces(), str):
        done.append(f"used {piece}")
    assert done == ["found 1", "used 1", "found 2", "used 2"]
    database.close()


def test_a_fault_is_raised_where_its_piece_is_asked_for(database_url: str) -> None:
    """What came before it is handed out first."""
    database = Database(database_url)

    def work(piece: int) -> int:
        if piece == 2:
            raise ValueError("the second piece")
        return piece

    made = ahead(database, (1, 2, 3, 4, 5), work)
    assert next(made) == 1
    with pytest.raises(ValueError, match="the second piece"):
        next(made)
    database.close()


def test_a_fault_in_finding_one_ends_it(database_url: str) -> None:
    """Where no next piece can be found the fault is raised, and nobody goes on in the dark."""
    database = Database(database_url)

    def pieces() -> Iterator[int]:
        yield 1
        raise ValueError("no second piece")

    with pytest.raises(ValueError, match="no second piece"):
        list(ahead(database, pieces(), str))
    database.close()


def test_who_stops_early_leaves_nobody_at_work(database_url: str) -> None:
    """Two pieces at most were worked on in vain, and none is later."""
    database, worked_on = Database(database_url), []

    def work(piece: int) -> int:
        worked_on.append(piece)
        return piece

    with closing(ahead(database, range(1, 100), work)) as asked:
        next(asked)
    assert sorted(worked_on) in ([1], [1, 2], [1, 2, 3], [1, 3])
    database.close()
