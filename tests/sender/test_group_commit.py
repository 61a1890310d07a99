"""Group commit: what many hand in is durable together, and each learns what became of its own."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from sender.db import Database
from sender.group_commit import GroupCommit


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database with one table of numbers."""
    made = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with made.write() as session:
        session.execute(text("CREATE TABLE things (n INTEGER)"))
    return made


def _insert(session: Session, items: Sequence[int]) -> None:
    session.execute(text("INSERT INTO things VALUES (:n)"), [{"n": item} for item in items])


def _kept(database: Database) -> list[int]:
    with database.read() as session:
        return list(session.execute(text("SELECT n FROM things ORDER BY n")).scalars())


def test_what_comes_during_a_commit_goes_with_the_next(database: Database) -> None:
    """While one transaction is held up, all that is handed in waits for a single one after it."""
    sizes, inside, go = [], threading.Event(), threading.Event()

    def write(session: Session, items: Sequence[int]) -> None:
        sizes.append(len(items))
        inside.set()
        go.wait(10)
        _insert(session, items)

    group = GroupCommit(database, write)
    first = group.put(0)
    assert inside.wait(10)
    others = [group.put(number) for number in range(1, 41)]
    go.set()
    for one in (first, *others):
        one.result(timeout=10)
    group.close()
    assert sizes == [1, 40]
    assert _kept(database) == list(range(41))


def test_each_of_a_failed_batch_learns_the_error(database: Database) -> None:
    """What could not be written says why, and what comes later is written as ever."""
    broken = [True]

    def write(session: Session, items: Sequence[int]) -> None:
        _insert(session, items)
        if broken:
            broken.clear()
            raise ValueError("no")

    group = GroupCommit(database, write)
    assert isinstance(group.put(1).exception(timeout=10), ValueError)
    group.put(2).result(timeout=10)
    group.close()
    assert _kept(database) == [2]


def test_a_database_that_is_away_is_asked_again(database: Database) -> None:
    """With pauses the same items are written once the database answers, and ``after`` hears of them once."""
    away, heard = [True, True], []

    def write(session: Session, items: Sequence[int]) -> None:
        _insert(session, items)
        if away:
            away.pop()
            raise OperationalError("away", None, Exception())

    group = GroupCommit(database, write, after=heard.extend, pauses=(0.01, 0.01, 0.01))
    group.put(7).result(timeout=10)
    group.close()
    assert _kept(database) == [7]
    assert heard == [7]


def test_who_gives_up_waiting_stops_nobody_else(database: Database) -> None:
    """An item whose future was cancelled is written all the same, and later ones are served."""
    group = GroupCommit(database, _insert, gather=0.05)
    assert group.put(1).cancel()
    group.put(2).result(timeout=10)
    group.put(3).result(timeout=10)
    group.close()
    assert _kept(database) == [1, 2, 3]


def test_close_writes_what_was_handed_in(database: Database) -> None:
    """Nothing that was handed in before the end is left behind."""
    group = GroupCommit(database, _insert, gather=0.02)
    written = [group.put(number) for number in range(100)]
    group.close()
    assert all(one.done() for one in written)
    assert _kept(database) == list(range(100))
