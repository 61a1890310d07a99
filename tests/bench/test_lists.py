"""The measures of segments and registers themselves, with a few rows: what they measure is measured by hand."""

from pathlib import Path

from sender.db import Database
from tests.bench import registers, segments
from tests.installation import install


def test_each_shape_of_a_segment_is_counted(tmp_path: Path, database_url: str) -> None:
    """The crowd fits today's tables on both databases, and each shape finds somebody in it."""
    database = Database(database_url)
    segments.fill(database, 2000)
    found = list(segments.measure(database, 2000))
    database.close()
    assert [name for name, _, _ in found] == list(segments.SHAPES)
    assert all(0 < people < 2000 and spent >= 0 for _, people, spent in found)


def test_a_register_is_taken_in_and_asked(tmp_path: Path, sqlite_url: str) -> None:
    """Whoever is listed is found, and nobody else."""
    made = install(tmp_path / "home", sqlite_url)
    found = list(registers.measure(made.runtime, tmp_path / "register.txt", 300))
    made.runtime.db.close()
    assert [what for what, _, _ in found] == ["taken in", "asked, listed", "asked, not listed"]
