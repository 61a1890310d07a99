"""An empty place, or a small installation, on each database in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sender.delivery.wire import Wire
from tests.chaos.rounds import Place
from tests.installation import Installation, install


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Place:
    """A folder and a database that are empty."""
    return Place(tmp_path, database_url)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation that records instead of sending."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    """The loop that requests live on."""
    made = Wire()
    yield made
    made.close()
