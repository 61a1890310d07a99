"""Bytes a text takes before and after it is archived, how long a page holds the lock, and how long opening one takes.

    python -m tests.archive.measure_archive [TEXTS] [DATABASE_URL]

Every text passes the real gate and has two receipts, every tenth was put off once. Sizes are the whole file after
VACUUM on SQLite, tables with their indices after VACUUM FULL on PostgreSQL; contacts and consent are left out.
"""

import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, text
from sqlmodel import col

from sender.archive.packing import pack_next
from sender.archive.past import decisions_between, past_of
from sender.db import Database
from sender.delivery.gate import open_gate, signed_token
from sender.delivery.pipeline import Pipeline
from sender.delivery.receipts import ReceiptIn, apply, store
from sender.delivery.wire import Wire
from sender.models import Attempt, Message
from sender.providers.base import Accepted
from sender.states import Status, advance
from tests.installation import TUESDAY, Installation, install

TABLES = ("message", "attempt", "receipt", "decision", "archive_page")
BATCH = 100


def main(texts: int, url: str) -> None:
    """Make the texts, measure, archive, measure again."""
    with tempfile.TemporaryDirectory() as folder:
        made = install(Path(folder) / "home", url or f"sqlite:///{folder}/tactful.db")
        empty = size(made.runtime.db)
        send(made, texts)
        before = size(made.runtime.db)
        made.clock.move(timedelta(days=365))
        seconds = archive(made)
        after = size(made.runtime.db)
        for name in TABLES:
            sizes = [(found[name] - empty[name]) / texts for found in (before, after)]
            say(f"{name:13} {sizes[0]:7.0f} {sizes[1]:7.0f}")
        totals = [sum(found[name] - empty[name] for name in TABLES) / texts for found in (before, after)]
        say(f"{'bytes a text':13} {totals[0]:7.0f} {totals[1]:7.0f}")
        took = f"median {statistics.median(seconds) * 1e3:.0f} ms, longest {max(seconds) * 1e3:.0f} ms"
        say(f"{len(seconds)} pages, {took}")
        say(f"opening a page {opening(made) * 1e3:.1f} ms, its decisions alone {deciding(made) * 1e3:.1f} ms")
        made.runtime.db.close()


def opening(made: Installation) -> float:
    """Seconds a page takes to be read and opened whole."""
    with made.runtime.db.read() as session:
        texts = session.execute(select(Message).where(col(Message.archive_page).is_not(None))).scalars().all()
        began = time.perf_counter()
        past_of(session, texts)
        return (time.perf_counter() - began) / len({text.archive_page for text in texts})


def deciding(made: Installation) -> float:
    """Seconds a page takes in a report on decisions."""
    with made.runtime.db.read() as session:
        began = time.perf_counter()
        pages = len(list(decisions_between(session, TUESDAY, made.clock.now())))
        return (time.perf_counter() - began) / pages


def say(line: str) -> None:
    """A line of the answer."""
    sys.stdout.write(line + "\n")


def send(made: Installation, texts: int) -> None:
    """People, texts, receipts, and every tenth text put off."""
    wire = Wire()
    made.provider.answer = lambda _: Accepted(f"SM{secrets.token_hex(16)}")
    pipeline = Pipeline(made.runtime, wire)
    for start in range(0, texts, BATCH):
        numbers = [made.contact(f"+1212{5_550_000 + place}") for place in range(start, start + BATCH)]
        late = [made.message(number) for number in numbers[::10]]
        made.clock.move(timedelta(hours=12))
        open_gate(made.runtime, late)
        made.clock.move(timedelta(hours=12))
        with made.runtime.db.write() as session:
            advance(session, late, Status.EXPIRED, now=made.clock.now(), real=made.clock.now(), reason="too_late")
        pipeline.deliver([made.message(number) for number in numbers])
        confirm(made)
    wire.close()


def confirm(made: Installation) -> None:
    """Two receipts for each text that has none."""
    with made.runtime.db.read() as session:
        newest = select(Attempt).order_by(col(Attempt.id).desc()).limit(BATCH)
        tried = session.execute(newest).scalars().all()
    for status in ("sent", "delivered"):
        store(
            made.runtime, [ReceiptIn(signed_token(made.runtime.keys, one.token), str(one.sid), status) for one in tried]
        )
        apply(made.runtime)


def archive(made: Installation) -> list[float]:
    """Seconds of each page."""
    took, after, over = list[float](), 0, False
    while not over:
        began = time.perf_counter()
        packed = pack_next(made.runtime, made.clock.now() - timedelta(days=180), after, "measure")
        took.append(time.perf_counter() - began)
        after, over = packed.looked_to, packed.over
    return took


def size(database: Database) -> dict[str, int]:
    """Bytes of each table with its indices, without what lies idle."""
    return _of_sqlite(str(database.url.database)) if database.is_sqlite else _of_postgresql(database)


def _of_sqlite(file: str) -> dict[str, int]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("VACUUM")
        asked = (
            "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name IN "
            "(SELECT name FROM sqlite_master WHERE tbl_name = ?)"
        )
        return {name: connection.execute(asked, [name]).fetchone()[0] for name in TABLES}


def _of_postgresql(database: Database) -> dict[str, int]:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM FULL"))
        asked = text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
        return {name: connection.execute(asked, {"name": name}).scalar_one() for name in TABLES}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000, sys.argv[2] if len(sys.argv) > 2 else "")
