"""A house to measure in, on both databases in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sender.bench.house import House, build_house, tear_down

PEOPLE = 60


@pytest.fixture
def house(short_folder: Path, database_url: str) -> Iterator[House]:
    """An installation with a file of sixty people, nobody imported yet."""
    made = build_house(short_folder, database_url, PEOPLE, {"workers": 1, "connections": 16})
    yield made
    tear_down(made)
