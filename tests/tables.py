"""The newest tables for a test's database, copied from one that was migrated once: migrating takes a fifth of a second.

``tests/sender/test_db.py`` runs the migrations themselves.
"""

import tempfile
from functools import cache
from pathlib import Path

import psycopg
from sqlalchemy import URL

from sender import schema
from sender.db import Database, sqlite_file

MODEL = "tactful_model"
MODEL_LOCK = 7704


def give_tables(database: Database) -> None:
    """Bring an empty database to the newest schema; nothing may be using it yet."""
    file = sqlite_file(database)
    database.close()
    if file is not None:
        file.write_bytes(_model_file())
    else:
        _copy_model(database.url)


@cache
def _model_file() -> bytes:
    """An SQLite file with the newest tables."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.db"
        _migrate(f"sqlite:///{file}")
        return file.read_bytes()


def _copy_model(url: URL) -> None:
    with _server(url) as server:
        server.execute("SELECT pg_advisory_lock(%s)", (MODEL_LOCK,))
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (MODEL,)).fetchone():
            server.execute(f"CREATE DATABASE {MODEL} TEMPLATE template0")
            _migrate(url.set(database=MODEL).render_as_string(hide_password=False))
        server.execute(f'DROP DATABASE "{url.database}"')
        server.execute(f'CREATE DATABASE "{url.database}" TEMPLATE {MODEL}')


def _server(url: URL) -> psycopg.Connection:
    return psycopg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname="postgres", autocommit=True
    )


def _migrate(url: str) -> None:
    database = Database(url)
    schema.upgrade(database)
    database.close()
