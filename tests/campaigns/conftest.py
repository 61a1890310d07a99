"""One installation for a whole file of tests that spoil nothing for each other, on each database in turn."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.installation import Installation, install
from tests.servers import Postgres


@contextmanager
def on_sqlite(folders: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that records instead of sending; a second person approves above three recipients."""
    folder = folders.mktemp("shared")
    made = install(folder / "home", f"sqlite:///{folder / 'tactful.db'}", second_person_above=3)
    yield made
    made.runtime.db.close()


@contextmanager
def on_postgresql(folders: pytest.TempPathFactory, server: Postgres, name: str) -> Iterator[Installation]:
    """The same on PostgreSQL."""
    made = install(folders.mktemp("shared") / "home", server.create(name), second_person_above=3)
    yield made
    made.runtime.db.close()
    server.drop(name)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, database_names: Iterator[str]
) -> Iterator[Installation]:
    """One installation for all tests of a file, first on SQLite, then on PostgreSQL."""
    if request.param == "sqlite":
        with on_sqlite(tmp_path_factory) as made:
            yield made
        return
    with on_postgresql(tmp_path_factory, request.getfixturevalue("postgres"), next(database_names)) as made:
        yield made
