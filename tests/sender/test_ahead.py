"""Work beside what is done with it: order, faults and an early end are those of one piece after the other."""

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Event

import pytest

from guards import CHAIN
from sender.ahead import LANES, lanes
from sender.clock import Clock
from sender.crypto import Keyring
from sender.db import Database
from sender.providers.absent import AbsentProvider
from sender.runtime import Runtime
from sender.settings import Settings


def runtime_on(url: str) -> Runtime:
    """What a process works with that has no reckoners."""
    keys = Keyring(b"m" * 32, b"n" * 32, b"t" * 32, b"s" * 32)
    chosen = Settings(_env_file=None, home=Path("unused"))  # type: ignore[call-arg]
    return Runtime(chosen, Database(url), keys, Clock(), CHAIN, AbsentProvider())


@pytest.fixture
def runtime(database_url: str) -> Iterator[Runtime]:
    """On either database."""
    made = runtime_on(database_url)
    yield made
    made.db.close()


@pytest.fixture
def served(pg_url: str) -> Iterator[Runtime]:
    """On PostgreSQL."""
    made = runtime_on(pg_url)
    yield made
    made.db.close()


def test_on_postgresql_the_next_are_worked_on_while_one_is_used(served: Runtime) -> None:
    """Who uses the first result can wait until the next two are there; the order stays."""
    worked_on = {piece: Event() for piece in range(1, 6)}

    def work(_: Runtime, piece: int) -> int:
        worked_on[piece].set()
        return 10 * piece

    found = []
    with lanes(served) as beside:
        for result in beside.ahead(worked_on, work):
            assert all(worked_on[piece].wait(10) for piece in range(1, min(5, result // 10 + LANES) + 1))
            found.append(result)
    assert found == [10, 20, 30, 40, 50]


def test_on_postgresql_two_are_worked_on_at_once(served: Runtime) -> None:
    """One waits for the server while the other reckons: each of a pair meets the other half-way."""
    met = Barrier(LANES)

    def work(_: Runtime, piece: int) -> int:
        met.wait(10)
        return piece

    with lanes(served) as beside:
        assert list(beside.ahead(range(2 * LANES), work)) == list(range(2 * LANES))


def test_on_sqlite_nothing_is_worked_on_before_it_is_asked_for(sqlite_url: str) -> None:
    """Each piece is found and worked on when the one before is done with."""
    runtime, done = runtime_on(sqlite_url), list[str]()

    def pieces() -> Iterator[int]:
        for piece in (1, 2):
            done.append(f"found {piece}")
            yield piece

    with lanes(runtime) as beside:
        for piece in beside.ahead(pieces(), lambda _, piece: str(piece)):
            done.append(f"used {piece}")
    assert done == ["found 1", "used 1", "found 2", "used 2"]
    runtime.db.close()


def test_a_fault_is_raised_where_its_piece_is_asked_for(runtime: Runtime) -> None:
    """What came before it is handed out first."""

    def work(_: Runtime, piece: int) -> int:
        if piece == 2:
            raise ValueError("the second piece")
        return piece

    with lanes(runtime) as beside:
        made = beside.ahead((1, 2, 3, 4, 5), work)
        assert next(made) == 1
        with pytest.raises(ValueError, match="the second piece"):
            next(made)


def test_a_fault_in_finding_one_ends_it(runtime: Runtime) -> None:
    """Where no next piece can be found the fault is raised, and nobody goes on in the dark."""

    def pieces() -> Iterator[int]:
        yield 1
        raise ValueError("no second piece")

    with lanes(runtime) as beside, pytest.raises(ValueError, match="no second piece"):
        list(beside.ahead(pieces(), lambda _, piece: piece))


def test_who_stops_early_leaves_nobody_at_work(runtime: Runtime) -> None:
    """Two pieces at most were worked on in vain, and none is later."""
    worked_on = []

    def work(_: Runtime, piece: int) -> int:
        worked_on.append(piece)
        return piece

    with lanes(runtime) as beside:
        next(beside.ahead(range(1, 100), work))
    assert sorted(worked_on) in ([1], [1, 2], [1, 2, 3], [1, 3])
