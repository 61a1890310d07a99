"""An empty place on each database in turn."""

from pathlib import Path

import pytest

from tests.chaos.rounds import Place


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Place:
    """A folder and a database that are empty."""
    return Place(tmp_path, database_url)
