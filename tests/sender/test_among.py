"""Lists as one parameter: the same rows on both databases, one array on PostgreSQL, an index on SQLite."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from sender.among import among
from sender.db import run_below
from sender.models import Number
from tests.installation import install

MINE = select(col(Number.id)).where(among(col(Number.key), "keys"), col(Number.state) == "ok").order_by(col(Number.id))

OF_IDS = select(col(Number.id)).where(among(col(Number.id), "ids")).order_by(col(Number.id))


def test_those_of_the_list_are_found_and_nobody_else(tmp_path: Path, database_url: str) -> None:
    """Keys are bytes and come through as such; an empty list finds nobody, a longer one is the same statement."""
    made = install(tmp_path / "home", database_url)
    ids = [made.contact(f"+1212555010{place}") for place in range(3)]
    with made.runtime.db.read() as session:
        keys = [session.get_one(Number, one).key for one in ids]
        for some in range(4):
            found = session.execute(MINE, {"keys": [*keys[:some], b"nobody's"]}).scalars().all()
            assert found == ids[:some]
        assert session.execute(MINE, {"keys": []}).all() == []
    made.runtime.db.close()


def test_ids_of_the_list_are_found(tmp_path: Path, database_url: str) -> None:
    """Numbers go to PostgreSQL as the words of an array: the same rows, however many, and none of an empty list."""
    made = install(tmp_path / "home", database_url)
    ids = [made.contact(f"+1212555010{place}") for place in range(3)]
    with made.runtime.db.read() as session:
        for some in range(4):
            asked = {"ids": [*ids[:some], -1, 2**31 - 1]}
            assert session.execute(OF_IDS, asked).scalars().all() == ids[:some]
            assert run_below(session, OF_IDS, asked).scalars().all() == ids[:some]
        assert session.execute(OF_IDS, {"ids": []}).all() == []
    made.runtime.db.close()


def test_an_index_serves_it() -> None:
    """PostgreSQL gets one array; on SQLite no truth value is compared, which would read the whole table."""
    array = str(MINE.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "WHERE number.key = ANY (%(keys)s::BYTEA[]) AND number.state" in array
    assert "number.id = ANY (%(ids)s::INTEGER[])" in str(OF_IDS.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    single = str(MINE.compile(dialect=sqlite.dialect()))  # type: ignore[no-untyped-call]
    assert 'WHERE number."key" IN (__[POSTCOMPILE_keys]) AND number.state' in single
