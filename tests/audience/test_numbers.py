"""Rows of numbers: which of them a transaction made itself is known for certain, whoever else makes them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sender.audience import numbers
from sender.audience.phone import parse
from tests.installation import TUESDAY, Installation, install

PHONES = [parse(f"+1415555{line:04}", None) for line in range(100, 160)]


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


@pytest.mark.parametrize("count", [3, 60])
def test_a_number_that_somebody_made_meanwhile_is_not_ones_own(house: Installation, count: int) -> None:
    """One was known when they were looked up and one came before they were written: all but these two are new."""
    db, keys, phones = house.runtime.db, house.runtime.keys, PHONES[:count]
    with db.write() as session:
        numbers.find_or_make(session, keys, phones[:1], TUESDAY)
    with db.read() as session:
        sought = numbers.seek(session, keys, phones, TUESDAY)
    with db.write() as session:
        numbers.find_or_make(session, keys, phones[1:2], TUESDAY)
    with db.write() as session:
        made = numbers.make(session, sought)
        found = numbers.known_among(session, keys, [phone.e164 for phone in phones])
    assert made.ids == found
    assert made.own == {number_id for e164, number_id in found.items() if e164 not in {p.e164 for p in phones[:2]}}
