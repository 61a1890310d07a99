"""Many rows at once on PostgreSQL: COPY into a table of the connection's own, then one INSERT from there.

A statement for each row costs the server and us several times as much, and COPY alone knows no ON CONFLICT. The table
beside is made once for each connection and is empty after every transaction.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Error
from pydantic_core import to_json
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError, IntegrityError

WORTH = 48
"""So many rows make four statements cheaper than one for each row."""
_VERSION = b"\x01"
_DRIVER_NAMES = {"float": "float8", "timestamp with time zone": "timestamptz"}


def copy_rows(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    columns: Sequence[Sequence[Any]],
    keys: Sequence[str] | None,
    strange: bool = False,
) -> int:
    """Insert rows, given column by column, in their order; returns how many were written. Of one that an index knows:

    with ``keys`` all columns but those are written over, with none of them it is passed over, with None it is an error.
    ``strange`` ones are hardly ever known: they are tried as if none were, which costs the server a sixth less.
    Values are Python's own: dictionaries for JSON, aware datetimes, bytes.
    """
    quote = connection.dialect.identifier_preparer.quote
    target, beside, listed = quote(table.name), quote(f"copied_{table.name}"), ", ".join(map(quote, names))
    types = [_type_name(connection, table, name) for name in names]
    ready = [_as_sent(column) if kind == "jsonb" else column for kind, column in zip(types, columns, strict=True)]
    types = ["bytea" if kind == "jsonb" else kind for kind in types]
    straight = f"COPY {target} ({listed}) FROM STDIN (FORMAT BINARY)"
    if keys is None:
        _copy(connection, straight, types, ready)
        return len(columns[0])
    if strange and _copied_whole(connection, straight, types, ready):
        return len(columns[0])
    like = f"AS SELECT * FROM {target} WITH NO DATA"  # noqa: S608 - names of our own tables and columns, here and below
    connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {beside} ON COMMIT DELETE ROWS {like}")
    connection.exec_driver_sql(f"DELETE FROM {beside}")  # noqa: S608
    _copy(connection, f"COPY {beside} ({listed}) FROM STDIN (FORMAT BINARY)", types, ready)
    others = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names if name not in keys)
    conflict = f"({', '.join(map(quote, keys))}) DO UPDATE SET {others}" if keys else "DO NOTHING"  # nosec B608
    rest = f"({listed}) SELECT {listed} FROM {beside} ON CONFLICT {conflict}"  # noqa: S608
    return connection.exec_driver_sql(f"INSERT INTO {target} {rest}").rowcount


def _copied_whole(
    connection: Connection, statement: str, types: Sequence[str], columns: Sequence[Sequence[Any]]
) -> bool:
    """Whether no index knew any of these rows; else none is written."""
    try:
        with connection.begin_nested():
            _copy(connection, statement, types, columns)
    except IntegrityError:
        return False
    return True


def _copy(connection: Connection, statement: str, types: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in zip(*columns, strict=True):
                copy.write_row(row)
    except Error as error:
        raise DBAPIError.instance(statement, None, error, Error, dialect=connection.dialect) from error


def _type_name(connection: Connection, table: Table, name: str) -> str:
    word = table.c[name].type.compile(dialect=connection.dialect).lower()
    return _DRIVER_NAMES.get(word, word)


def _as_sent(column: Sequence[Any]) -> list[bytes]:
    """JSON as the server takes it in binary: its version, its text. None becomes the null of JSON, as elsewhere."""
    return [_VERSION + to_json(value) for value in column]
