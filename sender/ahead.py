"""Work beside the database's server: on PostgreSQL the next pieces are worked on in threads while one is used.

The server works in processes of its own, so this one need not stand still while it waits for an answer. On SQLite it is
this process that reads and writes: there a piece is worked on when the one before is done with.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sender.db import Database

LANES = 2
"""While one waits for the server the other reckons: Python lets one at a time. More were not tried."""
P = TypeVar("P")
T = TypeVar("T")


def ahead(db: Database, pieces: Iterable[P], work: Callable[[P], T]) -> Generator[T]:
    """What ``work`` makes of each piece, in the order of the pieces; they are found here, by whoever asks.

    What goes wrong with a piece is raised where its result is asked for, in finding one where it is looked for. Who
    stops early closes this, which waits for what is being worked on: at most two pieces are in vain.
    """
    if db.is_sqlite:
        yield from map(work, pieces)
        return
    coming: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(LANES, thread_name_prefix="ahead")
    try:
        for piece in pieces:
            coming.append(pool.submit(work, piece))
            if len(coming) > LANES:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
