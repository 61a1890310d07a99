"""Work in two halves: order, faults and an early end are those of one piece after the other."""

from collections.abc import Iterator
from contextlib import closing
from threading import Event

import pytest

from sender.ahead import ahead
from sender.db import Database


def test_on_postgresql_the_next_is_made_while_one_is_worked_on(pg_url: str) -> None:
    """Who works on the first piece can wait for the second to be made; the order stays."""
    second_made, database = Event(), Database(pg_url)

    def pieces() -> Iterator[int]:
        yield 1
        second_made.set()
        yield 2

    found = []
    with closing(ahead(database, pieces())) as made:
        for piece in made:
            assert second_made.wait(10)
            found.append(piece)
    assert found == [1, 2]
    database.close()


def test_on_sqlite_nothing_is_made_before_it_is_asked_for(sqlite_url: str) -> None:
    """Each piece is made when the one before is done."""
    done: list[str] = []

    def pieces() -> Iterator[int]:
        for piece in (1, 2):
            done.append(f"made {piece}")
            yield piece

    database = Database(sqlite_url)
    for piece in ahead(database, pieces()):
        done.append(f"written {piece}")
    assert done == ["made 1", "written 1", "made 2", "written 2"]
    database.close()


def test_a_fault_is_raised_where_its_piece_is_asked_for(database_url: str) -> None:
    """What was made before it is handed out first, and worked on to the end."""
    database = Database(database_url)

    def pieces() -> Iterator[int]:
        yield 1
        raise ValueError("the second piece")

    made = ahead(database, pieces())
    assert next(made) == 1
    with pytest.raises(ValueError, match="the second piece"):
        next(made)
    database.close()


def test_who_stops_early_leaves_no_maker_behind(database_url: str) -> None:
    """One piece at most was made in vain, and none is made later."""
    database, made = Database(database_url), []

    def pieces() -> Iterator[int]:
        for piece in range(1, 100):
            made.append(piece)
            yield piece

    with closing(ahead(database, pieces())) as asked:
        next(asked)
    assert made in ([1], [1, 2])
    database.close()
