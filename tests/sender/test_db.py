"""Transactions and schema: durable or undone, the same tables on both databases, and an urgent write gets in."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, StatementError
from sqlmodel import SQLModel, col

from sender import copying, migrations, schema
from sender.backup import copies
from sender.backup.sealed import BackupError
from sender.db import FILED_EVERY, LARGE, Database, Pace, insert_new, upsert
from sender.models import Comparison
from sender.precedence import Precedence
from tests.installation import TUESDAY, install
from tests.servers import Postgres
from tests.waiting import eventually


def test_the_migrations_make_exactly_the_tables_of_the_code(database_url: str) -> None:
    """After every migration there is no difference left, on either database."""
    database = Database(database_url)
    schema.upgrade(database)
    schema.upgrade(database)
    schema.require_current(database)
    assert schema.differences(database) == []
    database.close()


def test_migrations_only_add(sqlite_url: str) -> None:
    """The version before lives on: no table, column or type goes, and no new column needs a value."""
    database, before = Database(sqlite_url), dict[str, dict[str, str]]()
    for number in sorted(file.name[:4] for file in Path(migrations.__file__).parent.glob("versions/0*.py")):
        with database.engine.begin() as connection:
            schema.upgrade_within(connection, number)
            tables = inspect(connection).get_table_names()
            columns = {table: inspect(connection).get_columns(table) for table in tables}
        for table, known in before.items():
            now = {each["name"]: str(each["type"]) for each in columns[table]}
            assert known.items() <= now.items(), f"{number} takes something from {table}"
            needy = [each["name"] for each in columns[table] if not each["nullable"] and each["default"] is None]
            assert set(needy) <= known.keys(), f"{number} adds to {table} what the version before does not write"
        before = {table: {each["name"]: str(each["type"]) for each in columns[table]} for table in tables}
    database.close()


def test_the_version_before_goes_on_with_a_newer_schema(database_url: str, tmp_path: Path) -> None:
    """Processes start and write on a schema that a later version made; whole copies are left to that version."""
    installation = install(tmp_path / "home", database_url)
    database = installation.runtime.db
    with database.write() as session:
        session.execute(text("ALTER TABLE message ADD COLUMN later VARCHAR DEFAULT '' NOT NULL"))
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    schema.require_current(database, or_newer=True)
    with pytest.raises(schema.SchemaError, match="upgrade Tactful on this host"):
        schema.require_current(database)
    schema.upgrade(database)
    assert schema.revision(database) == "9999"
    assert installation.message(installation.contact("+12125550123"))
    with pytest.raises(BackupError, match="with that one"):
        copies.backup(database, installation.runtime.keys, tmp_path / "x.tactful", TUESDAY)
    assert copies.before_upgrade(database, installation.runtime.keys, tmp_path, TUESDAY) is None
    database.close()


def test_a_transaction_that_raises_is_undone(database_url: str) -> None:
    """Nothing of a failed block stays, all of a finished one does."""
    database = Database(database_url)
    with database.write() as session:
        session.execute(text("CREATE TABLE things (n INTEGER UNIQUE)"))
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(text("INSERT INTO things VALUES (1), (2), (2)"))
    with database.write() as session:
        session.execute(text("INSERT INTO things VALUES (2)"))
    with database.read() as session:
        assert session.execute(text("SELECT n FROM things")).scalars().all() == [2]
    database.close()


def test_many_rows_are_written_like_few(database_url: str) -> None:
    """One by one or by COPY: known rows are passed over or written over, and nulls of JSON stay nulls."""
    database = Database(database_url)
    SQLModel.metadata.create_all(database.engine, [Comparison.__table__])  # type: ignore[attr-defined]
    for count in (copying.WORTH - 1, copying.WORTH + 50):
        days = [f"{count}-{n:03}" for n in range(count)]
        with database.write() as session:
            insert_new(session, Comparison, [_compared(day, 1) for day in days])
            insert_new(session, Comparison, [_compared(day, 2) for day in [*days, f"{count} more"]])
            upsert(session, Comparison, [_compared(day, 3) for day in days[1:]], ["day"])
        with database.read() as session:
            found = session.execute(select(Comparison).where(col(Comparison.day).like(f"{count}%"))).scalars()
            rows = {row.day: row for row in found}
        assert {day: rows.pop(day).agreed for day in days} == {days[0]: 1} | dict.fromkeys(days[1:], 3)
        (more,) = rows.values()
        assert (more.agreed, more.at, more.ours_alone, more.theirs_alone) == (2, TUESDAY, ["SM2"], None)
    database.close()


def test_json_comes_back_as_it_went(database_url: str) -> None:
    """Whoever writes it and whoever reads it: every value with its own type, large numbers and rare letters too."""
    database = Database(database_url)
    SQLModel.metadata.create_all(database.engine, [Comparison.__table__])  # type: ignore[attr-defined]
    told = [{"é\U0001f600": [1, 1.0, -0.5, 1e-7, 2**70, True, None, "", 'a "quote" \\ \u2028', {"deep": [[]]}]}]
    days = [str(n) for n in range(copying.WORTH)]
    with database.write() as session:
        insert_new(session, Comparison, [{**_compared(day, 1), "ours_alone": told} for day in days])
        session.add(Comparison(**{**_compared("by the ORM", 1), "ours_alone": told}))
    with database.read() as session:
        found = session.execute(select(col(Comparison.ours_alone))).scalars().all()
    assert [repr(one) for one in found] == [repr(told)] * (len(days) + 1)
    database.close()


@pytest.mark.parametrize("rows", [1, copying.WORTH])
def test_what_is_no_text_goes_into_no_json(database_url: str, rows: int) -> None:
    """Half of a letter, which no reader of JSON takes, is refused when it is written, and nothing is kept."""
    database = Database(database_url)
    SQLModel.metadata.create_all(database.engine, [Comparison.__table__])  # type: ignore[attr-defined]
    halves = [{**_compared(str(n), n), "ours_alone": ["\ud800"]} for n in range(rows)]
    with pytest.raises((ValueError, StatementError)), database.write() as session:
        insert_new(session, Comparison, halves)
    with database.read() as session:
        assert session.execute(select(func.count(col(Comparison.day)))).scalar() == 0
    database.close()


def test_rows_that_are_hardly_ever_known_may_be_known(database_url: str) -> None:
    """Where none is they go in at once; else the known ones are passed over, and what was written before stays."""
    database = Database(database_url)
    SQLModel.metadata.create_all(database.engine, [Comparison.__table__])  # type: ignore[attr-defined]
    days = [str(n) for n in range(copying.WORTH)]
    with database.write() as session:
        assert insert_new(session, Comparison, [_compared(day, 1) for day in days], strange=True) == len(days)
        again = [_compared(day, 2) for day in [*days, "one more"]]
        assert insert_new(session, Comparison, again, strange=True) == 1
    with database.read() as session:
        found = dict(session.execute(select(col(Comparison.day), col(Comparison.agreed))).all())
    assert found == dict.fromkeys(days, 1) | {"one more": 2}
    database.close()


def test_what_copy_refuses_is_an_error_that_everybody_catches(pg_url: str) -> None:
    """The driver's own error comes as SQLAlchemy's, and nothing of the transaction stays."""
    database = Database(pg_url)
    SQLModel.metadata.create_all(database.engine, [Comparison.__table__])  # type: ignore[attr-defined]
    rows = [_compared(str(n), n) for n in range(copying.WORTH)]
    with pytest.raises(DataError), database.write() as session:
        insert_new(session, Comparison, [*rows, _compared("a zero byte: \0", 1)])
    with database.read() as session:
        assert session.execute(select(func.count(col(Comparison.day)))).scalar() == 0
    database.close()


def _compared(day: str, agreed: int) -> dict[str, Any]:
    return {"day": day, "at": TUESDAY, "agreed": agreed, "ours_alone": [f"SM{agreed}"], "theirs_alone": None}


def test_an_empty_database_names_the_command(sqlite_url: str) -> None:
    """A database without our tables says which command makes them."""
    with pytest.raises(schema.SchemaError, match="tactful db upgrade"):
        schema.require_current(Database(sqlite_url))


def test_a_process_waits_for_a_database_that_restarts(own_postgres: Postgres) -> None:
    """Whoever starts while PostgreSQL is away gets in when it is back; without patience the setting is named."""
    database = Database(own_postgres.url())
    own_postgres.stop()
    with pytest.raises(OperationalError) as refused:
        database.await_answer(0)
    assert "check TACTFUL_DATABASE_URL" in database.silent(refused.value)
    waiting = threading.Thread(target=database.await_answer, args=(30,))
    waiting.start()
    own_postgres.start()
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    database.await_answer(0)
    database.close()


def test_a_write_has_the_lock_before_it_reads(tmp_path: Path) -> None:
    """What a writer on SQLite reads nobody changes before it writes: one that began as a reader could not go on."""
    file = tmp_path / "tactful.db"
    database = Database(f"sqlite:///{file}")
    with database.write() as session, closing(sqlite3.connect(file, timeout=0)) as other:
        assert session.execute(text("SELECT 1")).scalar() == 1
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("BEGIN IMMEDIATE")
    database.close()


def test_an_urgent_write_gets_in_between_bulk_writes(tmp_path: Path) -> None:
    """Beside a writer that never rests, urgent transactions on SQLite are served, and the writer goes on after them."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    database = Database(url)
    with database.write() as session:
        session.execute(text("CREATE TABLE things (n INTEGER)"))
    stop, written = threading.Event(), []

    def bulk() -> None:
        mine = Database(url)
        while not stop.is_set():
            with mine.write(Pace.BULK) as session:
                session.execute(text("INSERT INTO things SELECT value FROM json_each('[1,2,3]')"))
            written.append(1)
        mine.close()

    writer = threading.Thread(target=bulk)
    writer.start()
    eventually(lambda: len(written) > 3)
    for _ in range(10):
        with database.write(Pace.URGENT) as session:
            session.execute(text("INSERT INTO things VALUES (0)"))
    before = len(written)
    eventually(lambda: len(written) > before)
    stop.set()
    writer.join()
    database.close()


def test_a_stop_goes_before_all_who_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked for SQLite's lock before it and as often, a STOP is let in next, ten times of ten."""
    claimed, looked = threading.Event(), set[int]()
    claim, is_claimed = Precedence.claim, Precedence.is_claimed

    def claims(precedence: Precedence) -> None:
        claim(precedence)
        claimed.set()

    def looks(precedence: Precedence) -> bool:
        looked.add(threading.get_ident())
        return is_claimed(precedence)

    monkeypatch.setattr(Precedence, "claim", claims)
    monkeypatch.setattr(Precedence, "is_claimed", looks)
    url = f"sqlite:///{tmp_path / 'x.db'}"
    held = Database(url)
    with held.write() as session:
        session.execute(text("CREATE TABLE things (n INTEGER)"))

    for _ in range(10):
        order: list[Pace] = []
        claimed.clear()
        with held.write() as session:
            session.execute(text("INSERT INTO things VALUES (0)"))
            waiting = [
                threading.Thread(target=_write, args=(url, pace, order)) for pace in [*[Pace.NORMAL] * 5, Pace.URGENT]
            ]
            for one in waiting:
                one.start()
            eventually(claimed.is_set)
            # Who looked just before the claim may still ask once; by its next look it has.
            looked.clear()
            eventually(lambda: len(looked) == 5)
        for one in waiting:
            one.join()
        assert order == [Pace.URGENT, *[Pace.NORMAL] * 5]
    held.close()


def _write(url: str, pace: Pace, order: list[Pace]) -> None:
    """Write once as a process of its own would, and note when it was one's turn."""
    mine = Database(url)
    with mine.write(pace) as session:
        session.execute(text("INSERT INTO things VALUES (1)"))
        order.append(pace)
    mine.close()


def test_a_write_leaves_no_file_of_its_own(tmp_path: Path) -> None:
    """Whoever writes first, perhaps as root, leaves nothing beside the database that another user could not open."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    for pace in Pace:
        with database.write(pace) as session:
            session.execute(text("CREATE TABLE IF NOT EXISTS things (n INTEGER)"))
    assert {one.name for one in tmp_path.iterdir()} <= {"x.db", "x.db-wal", "x.db-shm"}
    database.close()


def test_a_flood_of_stops_does_not_end_all_else(tmp_path: Path) -> None:
    """While STOPs never cease to wait, an ordinary write gives way for a while and is then let in."""
    path = tmp_path / "x.db"
    database = Database(f"sqlite:///{path}")
    with Precedence(path) as urgent:
        urgent.claim()
        with database.write() as session:
            session.execute(text("CREATE TABLE things (n INTEGER)"))
    database.close()


def test_a_stop_does_not_file_the_log(tmp_path: Path) -> None:
    """What large transactions left in SQLite's log is filed by the next ordinary one, never by one that is urgent."""
    path = tmp_path / "x.db"
    database = Database(f"sqlite:///{path}")
    with database.write() as session:
        session.execute(text("CREATE TABLE things (n INTEGER, bulk BLOB)"))
    add = "INSERT INTO things SELECT value, zeroblob(20000) FROM json_each(:numbers)"
    with database.write(Pace.BULK) as session:
        session.execute(text(add), {"numbers": str(list(range(LARGE)))})
    before = path.stat().st_size
    sizes = []
    for pace in (Pace.URGENT, Pace.NORMAL):
        with database.write(pace) as session:
            session.execute(text("INSERT INTO things (n) VALUES (1)"))
        sizes.append(path.stat().st_size)
    assert sizes[0] == before
    assert sizes[1] > LARGE * 20_000
    database.close()


def test_the_log_of_large_writes_comes_into_the_file(tmp_path: Path) -> None:
    """Large transactions leave SQLite's log as they commit, yet it is filed every few of them, and none is lost."""
    path = tmp_path / "x.db"
    database = Database(f"sqlite:///{path}")
    with database.write() as session:
        session.execute(text("CREATE TABLE things (n INTEGER)"))
    some = text("INSERT INTO things SELECT value FROM json_each(:numbers)")
    rounds = 2 * FILED_EVERY // LARGE + 1
    for _ in range(rounds):
        with database.write(Pace.BULK, redoable=True) as session:
            session.execute(some, {"numbers": str(list(range(LARGE)))})
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as alone:
        (filed,) = alone.execute("SELECT count(*) FROM things").fetchone()
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM things")).scalar() == rounds * LARGE
    assert filed == 2 * FILED_EVERY, "what came after the last filing is in the log only"
    database.close()
