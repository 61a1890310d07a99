"""One way to open a transaction, on SQLite and PostgreSQL alike.

SQLite has one writer at a time and an unfair queue for it: whoever asks most often wins. So every write says what it
is: ``BULK`` leaves a gap after its commit, ``URGENT`` (a STOP) goes before all who wait.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from pydantic_core import from_json, to_json
from sqlalchemy import Dialect, Engine, Executable, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from sender import copying
from sender.precedence import Line, Precedence

log = structlog.get_logger()
GAP_SECONDS = 0.004
LARGE = 1000
"""So many rows in one bulk transaction on SQLite make it a large one, which leaves the log to be filed later."""
FILED_EVERY = 10_000
"""Rows of large transactions after which SQLite's log is brought into its file: 3,000 to 4,000 pages of an import."""
LOG_PAGES = 4_000
"""Pages in that log at which any other transaction but an urgent one files it as it commits: more than large ones leave
in it. Whoever says STOP does not wait for that."""
CACHE_KIB = 16_384
"""What a connection that writes much may keep of the file; the others have SQLite's own 2 MiB."""
LONGEST_WAIT_SECONDS = 15.0
GIVES_WAY_SECONDS = 1.0
"""How long one write gives way to STOPs: a flood of them slows all else down and does not end it."""
ASKS_AGAIN_SECONDS = 0.25


class Pace(Enum):
    """How a write behaves towards others that wait for SQLite's single lock."""

    NORMAL = "normal"
    BULK = "bulk"
    URGENT = "urgent"


ASKS_EVERY = {Pace.URGENT: 0.0005, Pace.NORMAL: 0.002, Pace.BULK: 0.002}
"""Seconds between two requests for SQLite's write lock."""


class Database:
    """The engine of one process and the two kinds of transaction it offers."""

    def __init__(self, url: str, *, pool: int = 10) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(url) if self.is_sqlite else _postgresql(url, pool)
        self._line, self._urgent_line = Line(), Line()
        self._unlocked = threading.Event()
        self._unlocked.set()
        self._gap_ends = 0.0
        self._unfiled = 0

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads; rolled back at the end."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self, pace: Pace = Pace.NORMAL, *, redoable: bool = False) -> Iterator[Session]:
        """A transaction that writes: durable when the block ends, undone when it raises.

        ``redoable`` work does not wait for the disk: a power cut may undo it, and it is then found and done again. Both
        databases keep the order: once a later transaction is durable, so are all before it.
        """
        bind = self.engine.execution_options(tactful_write=pace, tactful_redoable=redoable)
        if self.is_sqlite:
            yield from self._write_sqlite(bind, pace)
            return
        with Session(bind, expire_on_commit=False) as session:
            if redoable:
                session.execute(text("SET LOCAL synchronous_commit = off"))
            yield session
            session.commit()

    def _write_sqlite(self, bind: Engine, pace: Pace) -> Iterator[Session]:
        if pace is Pace.BULK:
            self._make_room()
        with self._in_turn(pace), Session(bind, expire_on_commit=False) as session:
            own: Any = session.connection().connection.dbapi_connection
            self._unlocked.clear()
            try:
                before = own.total_changes
                yield session
                written = own.total_changes - before if pace is Pace.BULK else 0
                if written >= LARGE:
                    own.execute("PRAGMA wal_autocheckpoint=0")
                    own.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
                session.commit()
            finally:
                self._unlocked.set()
        if pace is Pace.BULK:
            self._gap_ends = time.monotonic() + GAP_SECONDS
            self._unfiled += written if written >= LARGE else 0

    def _make_room(self) -> None:
        """Let others in since the last bulk write: while its maker made the next one ready, or the log is filed."""
        if self._unfiled >= FILED_EVERY:
            self._unfiled = 0
            connection: Any = self.engine.raw_connection()
            try:
                connection.driver_connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()
        time.sleep(max(0.0, self._gap_ends - time.monotonic()))

    @contextmanager
    def _in_turn(self, pace: Pace) -> Iterator[None]:
        """On SQLite one thread of this process at a time asks for the lock; what is urgent has a line of its own."""
        if pace is not Pace.URGENT:
            with self._line.turn(LONGEST_WAIT_SECONDS):
                yield
            return
        with Precedence(Path(self.url.database or "")) as precedence:
            precedence.claim()
            with self._urgent_line.turn(LONGEST_WAIT_SECONDS):
                yield

    def stand_aside(self, within: float) -> bool:
        """Wait, for so many seconds at most, until no thread of this process holds SQLite's write lock.

        For threads whose work can wait: their turns of the interpreter would keep everybody who waits for the lock.
        Returns whether it had to.
        """
        if self._unlocked.is_set():
            return False
        self._unlocked.wait(within)
        return True

    def await_answer(self, within: float) -> None:
        """Return as soon as the database answers; OperationalError when it has not after so many seconds.

        A process that starts while the database restarts must not die of it.
        """
        give_up = time.monotonic() + within
        while True:
            try:
                with self.engine.connect():
                    return
            except OperationalError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(ASKS_AGAIN_SECONDS)

    def silent(self, error: OperationalError) -> str:
        """The sentence for a database that does not answer."""
        where = self.url.render_as_string(hide_password=True)
        why = str(error.orig).splitlines()[0]
        return f"The database {where} does not answer ({why}); check TACTFUL_DATABASE_URL."

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def _sqlite(url: str) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        json_serializer=_as_json,
        json_deserializer=from_json,
        connect_args={"timeout": 15, "check_same_thread": False},
    )
    file = Path(engine.url.database or "")

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if "tactful_write" not in options:
            connection.exec_driver_sql("BEGIN")
        else:
            pace, redoable = options["tactful_write"], options["tactful_redoable"]
            _begin_writing(connection.connection.dbapi_connection, pace, redoable, file)

    return engine


def _begin_writing(connection: sqlite3.Connection, pace: Pace, redoable: bool, file: Path) -> None:
    """Ask for the write lock at short, even intervals until it is had, giving way to STOPs.

    SQLite's own waits grow to 100 ms each: a lock that many want lies idle meanwhile.
    """
    connection.execute(f"PRAGMA synchronous={'NORMAL' if redoable else 'FULL'}")
    connection.execute(f"PRAGMA wal_autocheckpoint={0 if pace is Pace.URGENT else LOG_PAGES}")
    connection.execute("PRAGMA busy_timeout=0")
    try:
        _wait(connection, pace, file)
    finally:
        connection.execute("PRAGMA busy_timeout=15000")


def _wait(connection: sqlite3.Connection, pace: Pace, file: Path) -> None:
    asked, waited = time.monotonic(), 0.0
    with Precedence(file) as others:
        while _gives_way(others, pace, waited) or not _has_begun(connection, waited > LONGEST_WAIT_SECONDS):
            time.sleep(ASKS_EVERY[pace])
            waited = time.monotonic() - asked


def _gives_way(others: Precedence, pace: Pace, waited: float) -> bool:
    return pace is not Pace.URGENT and waited < GIVES_WAY_SECONDS and others.is_claimed()


def _has_begun(connection: sqlite3.Connection, is_last: bool) -> bool:
    """Whether the lock was had; OperationalError for every fault but a busy database, and for that on the last try."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if is_last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise OperationalError("BEGIN IMMEDIATE", None, error) from error
        return False
    return True


def _postgresql(url: str, pool: int) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,
        pool_size=pool,
        max_overflow=pool,
        json_serializer=_as_json,
        json_deserializer=from_json,
        pool_pre_ping=True,
        connect_args={"options": "-c synchronous_commit=on -c timezone=UTC", "connect_timeout": 5},
    )


def _as_json(value: Any) -> str:
    """In a fifth of the time that Python's own writer takes; what is no UTF-8 is refused, as PostgreSQL does."""
    return to_json(value).decode()


def clock_of_database(session: Session) -> datetime | None:
    """What the database's own clock shows this moment; None for SQLite, which has this machine's."""
    if session.get_bind().dialect.name == "sqlite":
        return None
    found: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return found


def run_below(
    session: Session, statement: Executable, rows: Sequence[dict[str, Any]] | dict[str, Any] | None = None
) -> Any:
    """Execute a statement on tables below the ORM, which costs less; what is pending is written first."""
    if session.new or session.dirty:
        session.flush()
    return session.connection().execute(statement, rows)


def insert_all(session: Session, table: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    """Insert rows; one that a unique index already knows is an error, and none is inserted."""
    if rows:
        _insert_many(session, table, rows, None)


def insert_new(session: Session, table: type[SQLModel], rows: list[dict[str, Any]], *, strange: bool = False) -> int:
    """Insert rows but for those that a unique index already knows; returns how many were written.

    ``strange``: hardly ever is any of them known, which makes it cheaper on PostgreSQL.
    """
    return _insert_many(session, table, rows, (), strange) if rows else 0


def upsert(session: Session, table: type[SQLModel], rows: list[dict[str, Any]], keys: list[str]) -> None:
    """Insert rows, or write all their other columns where a row with these ``keys`` exists. Rows differ in keys."""
    if rows:
        _insert_many(session, table, rows, tuple(keys))


def next_ids(session: Session, table: type[SQLModel], count: int) -> list[int]:
    """So many fresh ids for rows of this table, in order; the caller writes and inserts rows with them."""
    name = table.__table__.name  # type: ignore[attr-defined]
    if session.get_bind().dialect.name == "postgresql":
        named = "(SELECT pg_get_serial_sequence(:name, 'id')::regclass AS its OFFSET 0) AS sequence"
        asked = text(f"SELECT nextval(its) FROM {named}, generate_series(1, :count)")  # noqa: S608 - our own words
        return list(session.connection().execute(asked, {"name": name, "count": count}).scalars().all())
    last = session.connection().exec_driver_sql(f'SELECT max(id) FROM "{name}"').scalar() or 0  # noqa: S608 - our own
    return list(range(last + 1, last + 1 + count))


def take_stock(session: Session, tables: Sequence[type[SQLModel]]) -> None:
    """Let PostgreSQL see what these tables hold by now, before its own turn comes: SQLite plans without figures.

    A table it last saw empty is read to its end, sorted, for each thousand that somebody asks for.
    """
    if session.get_bind().dialect.name == "postgresql":
        names = ", ".join(table.__table__.name for table in tables)  # type: ignore[attr-defined]
        session.connection().exec_driver_sql(f"ANALYZE {names}")


class _Column(NamedTuple):
    """What becomes of one column's values: ``same`` where equal values may share what they become (instants)."""

    name: str
    default: Any
    process: Callable[[Any], Any] | None
    same: bool

    def of(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        """This column of the rows, as the driver takes it."""
        values = self.plain(rows)
        if self.process is None:
            return values
        if self.same:
            ready = {value: self.process(value) for value in set(values)}
            return [ready[value] for value in values]
        null = self.process(None)
        return [null if value is None else self.process(value) for value in values]

    def plain(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        """This column of the rows, untouched."""
        return [row[self.name] for row in rows] if self.name in rows[0] else [self.default] * len(rows)


@dataclass(frozen=True, slots=True)
class _Insert:
    """A statement as the driver takes it: its words and its columns in order."""

    sql: str
    columns: tuple[_Column, ...]
    by_name: bool


def _insert_many(
    session: Session,
    table: type[SQLModel],
    rows: list[dict[str, Any]],
    keys: tuple[str, ...] | None,
    strange: bool = False,
) -> int:
    """Hand all rows to the driver at once; SQLAlchemy would look at every value, which costs more than SQLite."""
    if session.new or session.dirty:
        session.flush()
    connection = session.connection()
    done = _compiled(connection.dialect, table, tuple(rows[0]), keys)
    names = [column.name for column in done.columns]
    if connection.dialect.name == "postgresql" and len(rows) >= copying.WORTH:
        values = [column.plain(rows) for column in done.columns]
        return copying.copy_rows(connection, table.__table__, names, values, keys, strange)  # type: ignore[attr-defined]
    ready: list[Any] = list(zip(*(column.of(rows) for column in done.columns), strict=True))
    if done.by_name:
        ready = [dict(zip(names, row, strict=True)) for row in ready]
    return connection.exec_driver_sql(done.sql, ready).rowcount


@lru_cache(maxsize=64)
def _compiled(
    dialect: Dialect, table: type[SQLModel], columns: tuple[str, ...], keys: tuple[str, ...] | None
) -> _Insert:
    insert: Any = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
    statement = insert(table.__table__)  # type: ignore[attr-defined]
    if keys == ():
        statement = statement.on_conflict_do_nothing()
    elif keys:
        others = {name: statement.excluded[name] for name in columns if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=others)
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(columns))
    by_name = not compiled.positional
    names = tuple(compiled.bind_names.values()) if by_name else tuple(compiled.positiontup)
    defaults = {column.key: column.default.arg for column in compiled.insert_prefetch}
    return _Insert(str(compiled), tuple(_column(table, name, defaults, compiled) for name in names), by_name)


def _column(table: type[SQLModel], name: str, defaults: dict[str, Any], compiled: Any) -> _Column:
    instants = isinstance(table.__table__.c[name].type, UTCDateTime)  # type: ignore[attr-defined]
    return _Column(name, defaults.get(name), compiled._bind_processors.get(name), instants)


def sqlite_file(database: Database) -> Path | None:
    """The file of an SQLite database, or None on PostgreSQL."""
    return Path(database.url.database) if database.is_sqlite and database.url.database else None
