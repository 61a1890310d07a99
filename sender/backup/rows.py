"""Every row of an installation as of one instant, out of either database and into either.

SQLite's WAL and PostgreSQL's REPEATABLE READ give one unchanging view while others write. Rows go by column name, so a
copy of an older schema is read by this version too.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Connection, Table, column, func, insert, inspect, null, select, text
from sqlalchemy import table as lightly
from sqlmodel import SQLModel

from sender.db import Database

BATCH = 1_000
Row = tuple[Any, ...]
Batch = tuple[str, list[str], list[Row]]


@contextmanager
def view_of(database: Database) -> Iterator[Connection]:
    """A connection that sees the database as it is now for as long as it is open."""
    level = {} if database.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with database.engine.connect().execution_options(**level) as connection:
        # SQLite takes its view with the first read.
        inspect(connection).get_table_names()
        yield connection


def read(connection: Connection) -> Iterator[Batch]:
    """Table, columns and up to a thousand rows at a time, parents before children."""
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    for table in SQLModel.metadata.sorted_tables:
        if table.name not in there:
            continue
        known = {each["name"] for each in inspector.get_columns(table.name)}
        columns = [each for each in table.columns if each.name in known]
        statement = select(*columns).order_by(*table.primary_key.columns)
        rows = connection.execution_options(yield_per=BATCH).execute(statement)
        for some in rows.partitions():
            yield table.name, [each.name for each in columns], [tuple(row) for row in some]


def write(connection: Connection, batches: Iterable[Batch], count: Callable[[str, int], None]) -> None:
    """Insert these rows into empty tables; ``count`` hears of each batch. Ids go on where they end."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
    for name, columns, rows in batches:
        table = SQLModel.metadata.tables[name]
        kinds = [isinstance(table.c[each].type, JSON) for each in columns]
        named = [dict(zip(columns, _with_nulls(row, kinds), strict=True)) for row in rows]
        _insert(connection, table, columns, named)
        count(name, len(rows))
    if connection.dialect.name == "postgresql":
        _move_sequences(connection)


def is_empty(database: Database) -> bool:
    """Whether no installation is in this database yet; one whose restore was killed half-way counts as empty."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("installation"):
            return True
        return connection.execute(text("SELECT id FROM installation")).first() is None


def to_lines(batch: Batch) -> Iterator[bytes]:
    """A batch as JSON: a line with its table and columns, then a line a row."""
    name, columns, rows = batch
    yield _json({"table": name, "columns": columns})
    for row in rows:
        yield _json([_encoded(value) for value in row])


def from_lines(lines: Iterable[bytes], end: Callable[[dict[str, int]], None]) -> Iterator[Batch]:
    """The batches in these lines; the line with all counts goes to ``end``."""
    name, columns, rows = "", list[str](), list[Row]()
    for line in lines:
        body = json.loads(line)
        if isinstance(body, list):
            rows.append(tuple(_decoded(value) for value in body))
            continue
        if rows:
            yield name, columns, rows
        rows = []
        if "counts" in body:
            end(body["counts"])
        else:
            name, columns = body["table"], body["columns"]


def counts_line(counts: dict[str, int]) -> bytes:
    """The last line of a copy: how many rows each table has in it."""
    return _json({"counts": counts})


def _insert(connection: Connection, table: Table, columns: list[str], rows: list[dict[str, Any]]) -> None:
    """JSON nulls are SQL nulls, which an executemany takes only where they stand in the statement itself.

    The bare table has no defaults: a column that an older schema lacks must not be named.
    """
    bare = lightly(table.name, *(column(name, table.c[name].type) for name in columns))
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        empty = tuple(name for name in columns if row[name] is _NULL)
        alike.setdefault(empty, []).append({name: value for name, value in row.items() if value is not _NULL})
    for empty, some in alike.items():
        connection.execute(insert(bare).values({name: null() for name in empty}), some)


_NULL = object()


def _with_nulls(row: Row, kinds: list[bool]) -> list[Any]:
    return [_NULL if value is None and is_json else value for value, is_json in zip(row, kinds, strict=True)]


def _move_sequences(connection: Connection) -> None:
    for table in SQLModel.metadata.sorted_tables:
        if "id" not in table.primary_key.columns:
            continue
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": f'"{table.name}"'}
        ).scalar()
        last = connection.execute(select(func.max(table.c.id))).scalar()
        if sequence and last:
            connection.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last})


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _encoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    return {"j": value} if isinstance(value, dict | list) else value


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "b" in value:
        return base64.b64decode(value["b"])
    return datetime.fromisoformat(value["t"]) if "t" in value else value["j"]
