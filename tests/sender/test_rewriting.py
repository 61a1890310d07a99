"""Many rows changed at once: each gets its own values on both databases, in one statement on PostgreSQL."""

from pathlib import Path
from typing import Any

from sqlalchemy import Table, event
from sqlmodel import Session, col, select

from sender.models import Number
from sender.rewriting import rewrite
from tests.installation import Installation, install

NUMBERS: Table = Number.__table__  # type: ignore[attr-defined]


def three(home: Path, database_url: str) -> tuple[Installation, list[int]]:
    """An installation with three people, by number."""
    made = install(home, database_url)
    return made, [made.contact(f"+1212555010{place}") for place in range(3)]


def states(session: Session, ids: list[int]) -> list[tuple[str, str | None, bytes]]:
    """What is changed below, in the order of the ids."""
    rows = {row.id: row for row in session.exec(select(Number).where(col(Number.id).in_(ids)))}
    return [(rows[one].state, rows[one].country, rows[one].cipher) for one in ids]


def test_each_row_gets_its_own_values(tmp_path: Path, database_url: str) -> None:
    """Words with quotes and braces, bytes and nothing arrive as they are; rows that are not named stay."""
    made, ids = three(tmp_path / "home", database_url)
    hostile = '{"a",\\b}, NULL'
    with made.runtime.db.write() as session:
        untouched = states(session, ids)[1]
        wanted = [
            {"id": ids[2], "state": hostile, "country": None, "cipher": b"\x00\xff\\"},
            {"id": ids[0], "state": "", "country": "NULL", "cipher": b""},
            {"id": -1, "state": "nobody", "country": "US", "cipher": b"x"},
        ]
        rewrite(session, NUMBERS, "id", wanted)
        found = states(session, ids)
    assert found == [("", "NULL", b""), untouched, (hostile, None, b"\x00\xff\\")]
    made.runtime.db.close()


def test_what_does_not_hold_any_more_stays(tmp_path: Path, database_url: str) -> None:
    """A row somebody else has changed is passed over, the others of the list are not; no rows are no statement."""
    made, ids = three(tmp_path / "home", database_url)
    with made.runtime.db.write() as session:
        rewrite(session, NUMBERS, "id", [{"id": ids[1], "state": "invalid"}])
        rewrite(session, NUMBERS, "id", [{"id": one, "state": "moved"} for one in ids], NUMBERS.c.state == "ok")
        rewrite(session, NUMBERS, "id", [])
        found = [state for state, _, _ in states(session, ids)]
    assert found == ["moved", "invalid", "moved"]
    made.runtime.db.close()


def test_postgresql_is_asked_once(tmp_path: Path, database_url: str) -> None:
    """One statement goes out for all rows; SQLite, which has no arrays, is given the same words for each."""
    made, ids = three(tmp_path / "home", database_url)
    said: list[tuple[bool, str]] = []

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, _: Any, many: bool) -> None:
        said.append((many, statement))

    event.listen(made.runtime.db.engine, "before_cursor_execute", listen)
    with made.runtime.db.write() as session:
        rewrite(session, NUMBERS, "id", [{"id": one, "state": "ok"} for one in ids])
    assert [many for many, statement in said if statement.startswith("UPDATE")] == [made.runtime.db.is_sqlite]
    made.runtime.db.close()
