"""One installation for a whole file of tests that spoil nothing for each other, on each database in turn."""

from collections.abc import Iterator

import pytest

from tests.installation import Installation, install
from tests.servers import Postgres


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, database_names: Iterator[str]
) -> Iterator[Installation]:
    """An installation that records instead of sending; a second person approves above three recipients."""
    folder = tmp_path_factory.mktemp("shared")
    if request.param == "sqlite":
        made = install(folder / "home", f"sqlite:///{folder / 'tactful.db'}", second_person_above=3)
        yield made
        made.runtime.db.close()
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = next(database_names)
    made = install(folder / "home", server.create(name), second_person_above=3)
    yield made
    made.runtime.db.close()
    server.drop(name)
