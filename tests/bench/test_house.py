import csv
from pathlib import Path

import pytest
from sqlalchemy import inspect

from sender.bench.house import BenchError, House, build_house, numbers, require_empty, tear_down
from sender.db import Database


def test_people_are_many_and_none_is_real() -> None:
    """Every number is another one of the range that nobody has."""
    many = numbers(20_000)
    assert len(set(many)) == 20_000
    assert {number[5:-2] for number in many} == {"55501"}


def test_more_people_than_fictional_numbers_are_refused() -> None:
    """Nobody's real number is ever used to make the file longer."""
    with pytest.raises(BenchError, match="numbers that no person has"):
        numbers(9_000_000)


def test_the_file_holds_every_person_once(house: House) -> None:
    """As many rows as people, each with consent."""
    with house.contacts.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["phone"] for row in rows}) == house.people
    assert {row["consent"] for row in rows} == {"yes"}


def test_a_database_in_use_is_refused(house: House) -> None:
    """Where an installation lives, nothing is measured and nothing removed."""
    with pytest.raises(BenchError, match="empty one"):
        require_empty(house.settings.database)


def test_nothing_stays_behind(house: House) -> None:
    """A database that was lent is as empty afterwards as it was before."""
    tear_down(house)
    database = Database(house.settings.database)
    assert inspect(database.engine).get_table_names() == []
    database.close()
    require_empty(house.settings.database)


def test_the_next_round_begins_where_one_ended(house: House, tmp_path: Path) -> None:
    """Several rounds use one lent database, each from nothing: migrations find none of what they made before."""
    tear_down(house)
    (tmp_path / "next").mkdir()
    again = build_house(tmp_path / "next", house.settings.database_url, 3, {})
    assert again.people == 3
