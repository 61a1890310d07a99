"""``column`` is one of a list that comes as one parameter, however long it is.

PostgreSQL gets one array: words that never change are read and planned once, where a parameter for each of five hundred
values costs the driver and the server more than the look-up. SQLite, which has no arrays, gets the values one by one.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Dialect, Integer, TypeDecorator, any_, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal


class among(ColumnElement[bool]):  # noqa: N801 - it reads as a condition
    """Whether a column has one of the values of the list parameter ``named``; never so where that is empty."""

    inherit_cache = True
    type = Boolean()
    _traverse_internals = [  # noqa: RUF012 - as SQLAlchemy has it
        ("column", InternalTraversal.dp_clauseelement),
        ("named", InternalTraversal.dp_string),
    ]

    def __init__(self, column: Any, named: str) -> None:
        self.column: ColumnElement[Any] = column
        self.named = named

    def self_group(self, against: Any = None) -> "among":
        """As it is: SQLAlchemy would write ``… = 1`` where a database has no truth values, and no index serves that."""
        return self


class _Integers(TypeDecorator[Any]):
    """An array that goes to the server as its words: the driver looks at each value for six times as long."""

    impl = ARRAY
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """What becomes of a list."""
        return lambda values: f"{{{','.join(map(str, values))}}}"


@compiles(among)
def _one_by_one(element: among, compiler: SQLCompiler, **how: Any) -> str:
    return compiler.process(element.column.in_(bindparam(element.named, expanding=True)), **how)


@compiles(among, "postgresql")
def _as_array(element: among, compiler: SQLCompiler, **how: Any) -> str:
    kind, listed = element.column.type, _Integers if isinstance(element.column.type, Integer) else ARRAY
    values: Any = bindparam(element.named, type_=listed(kind))
    return compiler.process(element.column == any_(values), **how)
