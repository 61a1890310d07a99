"""Many rows changed at once, each to values of its own.

PostgreSQL gets one statement with an array for each column: a statement for each row costs the driver and the server
several times as much. SQLite, which has no arrays, runs the words once for each row, inside the process.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Table, Update, bindparam, column, func, update
from sqlmodel import Session

from sender.db import run_below


def rewrite(
    session: Session, table: Table, key: str, rows: Sequence[dict[str, Any]], *still: ColumnElement[bool]
) -> None:
    """Give each row that is found by ``key`` its new values; where ``still`` does not hold any more, it stays.

    ``rows`` have the same names, among them ``key``, which is different in each. Nothing is said of rows not found.
    ``still`` has no lists: SQLAlchemy does not spell them out in words that are run once for each row.
    """
    if not rows:
        return
    names = [name for name in rows[0] if name != key]
    if session.get_bind().dialect.name == "postgresql":
        lists = {f"given_{name}": [row[name] for row in rows] for name in (key, *names)}
        run_below(session, _at_once(table, key, names).where(*still), lists)
    else:
        each = [{f"given_{name}": value for name, value in row.items()} for row in rows]
        run_below(session, _one_by_one(table, key, names).where(*still), each)


def _at_once(table: Table, key: str, names: Sequence[str]) -> Update:
    lists: list[Any] = [bindparam(f"given_{name}", type_=ARRAY(table.c[name].type)) for name in (key, *names)]
    columns: list[Any] = [column(name, table.c[name].type) for name in (key, *names)]
    given = func.unnest(*lists).table_valued(*columns).render_derived(name="given")
    return update(table).where(table.c[key] == given.c[key]).values({name: given.c[name] for name in names})


def _one_by_one(table: Table, key: str, names: Sequence[str]) -> Update:
    values: dict[str, Any] = {name: bindparam(f"given_{name}") for name in names}
    return update(table).where(table.c[key] == bindparam(f"given_{key}")).values(values)
