"""Work in two halves on PostgreSQL: the next piece is made ready in a thread while the one before is written.

The database's server works in a process of its own, so this one need not stand still meanwhile. On SQLite it is this
process that writes, with everybody's lock held: there a piece is made ready when the one before is done.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sender.db import Database

T = TypeVar("T")


def ahead(db: Database, pieces: Iterator[T]) -> Generator[T]:
    """The pieces in their order, on PostgreSQL each made while whoever asks works on the one before.

    What making one raises is raised where that one is asked for. Who stops early closes this, which waits for the
    piece that is being made: at most one is made in vain.
    """
    if db.is_sqlite:
        yield from pieces
        return
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as aside:
        coming = aside.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = aside.submit(next, pieces, None)
            yield piece
