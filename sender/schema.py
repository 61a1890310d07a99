"""Brings a database to the newest schema, and says whether it is there."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

from sender.db import Database, sqlite_file

UPGRADE_LOCK = 7703


class SchemaError(Exception):
    """The database does not have the schema this version needs; the sentence says what to do."""


def upgrade(database: Database) -> None:
    """Run the migrations that are missing, all or none; two processes at once wait for each other.

    The transaction begins as a writing one: beside processes that send, SQLite refuses whoever reads first.
    """
    with database.write() as session:
        upgrade_within(session.connection())


def upgrade_within(connection: Connection, to: str = "head") -> None:
    """Run the migrations that are missing up to ``to`` in the transaction of this connection; a newer schema stays."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
    if _is_newer(MigrationContext.configure(connection).get_current_revision()):
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def revision(database: Database) -> str | None:
    """Which migration ran last; None in an empty database."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current(database: Database) -> bool:
    """Whether the newest migration has run."""
    return revision(database) == known()


def is_newer(database: Database) -> bool:
    """Whether a later version has upgraded this database; this version works on without what that one added."""
    return _is_newer(revision(database))


def require_current(database: Database, *, or_newer: bool = False) -> None:
    """Raise SchemaError unless the newest migration has run; ``or_newer`` takes a database that a later version has
    upgraded, too: processes of both versions work side by side while hosts are upgraded one by one.
    """
    at, head = revision(database), known()
    if at == head or (or_newer and _is_newer(at)):
        return
    if _is_newer(at):
        raise SchemaError(f"The database is at schema {at}, this version knows {head}: upgrade Tactful on this host.")
    raise SchemaError(f"The database is at schema {at or 'none'}, this version needs {head}: run `tactful db upgrade`.")


def known() -> str:
    """The newest migration of this version."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _is_newer(at: str | None) -> bool:
    """Migrations are numbered without gaps, in four digits."""
    return at is not None and at > known()


def has_tables(database: Database) -> bool:
    """Whether anything of ours is in this database; an SQLite file that is not there is not made by asking."""
    file = sqlite_file(database)
    if file is not None and not file.exists():
        return False
    return inspect(database.engine).has_table("installation")


def differences(database: Database) -> list[object]:
    """What the tables in the code have that the migrations do not make, or the other way round."""
    with database.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), SQLModel.metadata))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
