"""``python -m tests.bench.segments URL``: what counting segments takes of the processor, by shape, scaled to a million.

URL is an empty database (SQLite or PostgreSQL on this machine); it is filled with ``--contacts`` people and left so.
"""

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, SQLModel

from sender.audience import segments
from sender.audience.segment_sql import count_contacts
from sender.bench.usage import of_tree
from sender.db import Database, insert_all
from sender.models import Contact, Number

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TIMES, MILLION = 8, 1_000_000


def _is(name: str, value: object) -> dict[str, Any]:
    return {"field": name, "is": value}


GOLD, TOWN = _is("attributes.tier", "gold"), _is("attributes.city", "Town 7")
SHAPES: dict[str, dict[str, Any]] = {
    "region, language, one attribute": {"all": [_is("region", "TX"), _is("language", "es"), GOLD]},
    "two attributes, country": {"all": [TOWN, GOLD, _is("country", "US")]},
    "three attributes": {"all": [TOWN, GOLD, {"field": "attributes.orders", "ge": 3}]},
    "any of region, attribute, start of the postal code": {
        "any": [_is("region", "TX"), GOLD, {"field": "postal_code", "starts_with": "12"}]
    },
    "area code, added on, attribute": {
        "all": [_is("area_code", "512"), {"field": "created_at", "within_days": 30}, GOLD]
    },
}


def people(count: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Invented rows of numbers and contacts."""
    draw = Random(1)
    for place in range(1, count + 1):
        at = NOW - timedelta(days=90) + timedelta(days=90) * (place / count)
        number = {
            "id": place, "key": draw.randbytes(32), "key_version": 1, "cipher": draw.randbytes(41),
            "data_key": draw.randbytes(60), "country": "US", "line_type": "fixed_line_or_mobile", "state": "ok",
            "area_code": draw.choice(["212", "415", "305", "512", "206"]), "state_reason": "", "created_at": at,
        }  # fmt: skip
        attributes = {
            "first_name": f"Person {draw.randrange(5000)}", "city": f"Town {draw.randrange(300)}",
            "tier": draw.choice(["gold", "silver", "basic"]), "orders": draw.randrange(9),
        }  # fmt: skip
        yield number, {
            "id": place, "number_id": place, "language": draw.choice(["en", "en", "en", "es"]), "import_id": None,
            "postal_code": f"{place % 99999:05}", "region": draw.choice(["NY", "CA", "FL", "TX", "WA"]),
            "attributes": attributes, "created_at": at, "changed_at": at,
        }  # fmt: skip


def fill(database: Database, count: int) -> None:
    """Make the tables and the people."""
    SQLModel.metadata.create_all(database.engine)
    rows = list(people(count))
    with database.write() as session:
        insert_all(session, Number, [number for number, _ in rows])
        insert_all(session, Contact, [contact for _, contact in rows])
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))


def spent(database: Database, session: Session) -> float:
    """Processor seconds so far of whoever counts: this thread, or the backend."""
    if database.is_sqlite:
        return time.thread_time()
    return of_tree(session.execute(text("SELECT pg_backend_pid()")).scalar_one()).cpu


def measure(database: Database, count: int) -> Iterator[tuple[str, int, float]]:
    """Each shape with how many it matches and the mean milliseconds of a count, as many as a million would take."""
    with database.read() as session:
        if not database.is_sqlite:
            session.execute(text("SET max_parallel_workers_per_gather = 0"))
        for name, definition in SHAPES.items():
            asked = segments.where(segments.parse(definition), NOW, database.engine.dialect.name)
            found = count_contacts(session, asked)
            began = spent(database, session)
            for _ in range(TIMES):
                count_contacts(session, asked)
            yield name, found, (spent(database, session) - began) / TIMES * MILLION / count * 1000


def main() -> None:
    """Read the words, fill, measure, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("url")
    asked.add_argument("--contacts", type=int, default=200_000)
    options = asked.parse_args()
    database = Database(options.url)
    fill(database, options.contacts)
    for name, found, milliseconds in measure(database, options.contacts):
        print(f"| {name} | {found:,} of {options.contacts:,} | {milliseconds:,.0f} ms |", flush=True)  # noqa: T201
    database.close()


if __name__ == "__main__":
    main()
