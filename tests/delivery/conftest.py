"""One installation per test, on both databases in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from tests.installation import Installation, install


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


@pytest.fixture
def pipeline(installation: Installation, wire: Wire) -> Pipeline:
    """The delivery pipeline of one worker."""
    return Pipeline(installation.runtime, wire)
