import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
import sqlalchemy

from tests.servers import BASE, Postgres, Valkey, shared
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]


def test_each_test_gets_an_empty_database(database_url: str) -> None:
    """A table can be made in the database a test is given, on either engine, and nobody else's is there."""
    engine = sqlalchemy.create_engine(database_url)
    assert sqlalchemy.inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE word (id INTEGER PRIMARY KEY)"))
    assert sqlalchemy.inspect(engine).get_table_names() == ["word"]
    engine.dispose()


def test_a_database_can_be_copied_from_a_template(postgres: Postgres, pg_url: str, database_names: str) -> None:
    """A prepared database is copied whole, which is how migrated ones are made quickly."""
    template, copy = pg_url.rpartition("/")[2], next(database_names)
    with psycopg.connect(pg_url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE word (id INTEGER PRIMARY KEY)")
    url = postgres.create(copy, template=template)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM word").fetchone() == (0,)
    postgres.drop(copy)


def test_postgres_keeps_what_was_committed_through_a_crash(own_postgres: Postgres) -> None:
    """fsync is on, only loopback is served, and a commit survives an immediate restart."""
    with psycopg.connect(own_postgres.url().replace("+psycopg", "")) as connection:
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "listen_addresses")]
        connection.execute("CREATE TABLE kept (id INTEGER)")
    own_postgres.restart()
    with psycopg.connect(own_postgres.url().replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert shown == [("on",), ("127.0.0.1",)]
    assert own_postgres.port < 32768


def test_valkey_is_empty_for_each_test(valkey_url: str) -> None:
    """A test starts with no keys and may write some."""
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0
        assert client.set("key", "value")


def test_valkey_can_be_crashed(own_valkey: Valkey) -> None:
    """A private Valkey comes back after kill -9."""
    own_valkey.restart()
    with redis.Redis.from_url(own_valkey.url) as client:
        assert client.ping()


@pytest.mark.parametrize("kind", [Postgres, Valkey])
def test_the_server_of_a_killed_run_is_reaped_by_the_next(kind: type, test_run: str) -> None:
    """A test run killed with -9 leaves a server; the next one to start any server ends it and removes its folder."""
    code = (
        "import signal; from tests import servers\n"
        f"with servers.shared(servers.{kind.__name__}, 'dead-{test_run}') as server:\n"
        "    print('up', flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as killed:
        assert killed.stdout
        assert killed.stdout.readline() == b"up\n"
        os.kill(killed.pid, signal.SIGKILL)
    folder = BASE / f"{kind.__name__.lower()}-dead-{test_run}"
    pid = int(next(file for file in folder.rglob("*.pid")).read_text().split()[0])
    assert psutil.pid_exists(pid)
    with shared(Valkey, f"next-{test_run}"):
        assert not folder.exists()
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
