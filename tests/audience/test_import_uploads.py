"""Files that came in through the pages: kept sealed, looked at, foretold, imported and undone by whoever tends them."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from guards.base import Purpose
from sender.audience.importing import uploads
from sender.audience.importing.options import FileRefused, ImportOptions
from sender.audience.importing.refused import refused_lines
from sender.audience.importing.undoing import begin_undo
from sender.models import Contact, ImportChunk, ImportRun
from tests.installation import Installation, install

TEXT = "phone,first_name,consent\n+14155550101,Ann,yes\n+14155550102,Bob,\n=HYPERLINK(1),Cat,\n"
ACTOR = "ana@example.org"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def upload(house: Installation, text: str = TEXT) -> int:
    """Take a file in."""
    return uploads.take_in(house.runtime, "people.csv", io.BytesIO(text.encode()), ACTOR)


def run_of(house: Installation, import_id: int) -> ImportRun:
    """The import as it stands."""
    with house.runtime.db.read() as session:
        found = uploads.find(session, import_id)
    assert found is not None
    return found


def count(house: Installation, table: type[Contact] | type[ImportChunk]) -> int:
    """How many rows a table has."""
    with house.runtime.db.read() as session:
        return len(session.execute(select(table)).all())


def test_an_upload_goes_from_a_look_to_an_undo(house: Installation) -> None:
    """Sealed until it is done; the dry run says what the import then does, and the undo takes it back."""
    import_id = upload(house)
    with house.runtime.db.read() as session:
        piece = session.get_one(ImportChunk, (import_id, 0))
    assert b"4155550101" not in piece.cipher
    seen = uploads.glance(house.runtime, import_id, {})
    assert seen.meant == {"phone": "number", "first_name": "attributes.first_name", "consent": "consent"}
    assert seen.rows[0] == ["+14155550101", "Ann", "yes"]

    options = ImportOptions(program_id=house.program_id, purpose=Purpose.MARKETING, region="US")
    uploads.check(house.runtime, import_id, options, ACTOR)
    assert uploads.tend(house.runtime) == 1
    foretold = run_of(house, import_id)
    assert (foretold.status, foretold.outlook["counts"]["new"], foretold.outlook["refused"]) == (
        "checked",
        2,
        {"not_a_number": 1},
    )
    assert [(one["outcome"], one["number"]) for one in foretold.outlook["samples"]] == [
        ("new", "+1•••••0101"),
        ("new", "+1•••••0102"),
    ]
    assert count(house, Contact) == 0

    uploads.commit(house.runtime, import_id, ACTOR)
    assert uploads.tend(house.runtime) == 1
    done = run_of(house, import_id)
    assert (done.status, done.counts["new"], done.counts["refused"]) == ("finished", 2, 1)
    assert (count(house, Contact), count(house, ImportChunk), uploads.tend(house.runtime)) == (2, 0, 0)
    with house.runtime.db.read() as session:
        lines = list(refused_lines(session, house.runtime.keys, import_id))
    assert lines[1].endswith('"\'=HYPERLINK(1),Cat,"\n')

    begin_undo(house.runtime.db, house.clock, import_id, ACTOR)
    assert uploads.tend(house.runtime) == 1
    assert (run_of(house, import_id).status, count(house, Contact)) == ("undone", 0)


def test_what_is_no_table_is_not_kept(house: Installation) -> None:
    """The sentence comes at once, and nothing of the file stays."""
    with pytest.raises(FileRefused, match="PDF"):
        upload(house, "%PDF-1.7")
    assert count(house, ImportChunk) == 0


def test_a_mapping_that_does_not_fit_is_said_with_the_top_of_the_file(house: Installation) -> None:
    """Without a number column there is a sentence, and still the rows to choose by."""
    import_id = upload(house, "Handy,Ort\n+14155550101,Waco\n")
    seen = uploads.glance(house.runtime, import_id, {})
    assert ("No column is named" in seen.problem, seen.rows) == (True, [["+14155550101", "Waco"]])
    assert uploads.glance(house.runtime, import_id, {"Handy": "number"}).problem == ""
    with pytest.raises(FileRefused, match="No column"):
        uploads.check(house.runtime, import_id, ImportOptions(), ACTOR)


def test_whoever_is_killed_over_an_import_loses_it_after_a_minute(house: Installation) -> None:
    """Two who tend do not take the same one; a step taken twice is refused."""
    import_id = upload(house)
    uploads.check(house.runtime, import_id, ImportOptions(mapping={"consent": "skip"}), ACTOR)
    with house.runtime.db.write() as session:
        session.get_one(ImportRun, import_id).touched_at = house.clock.real()
    assert uploads.tend(house.runtime) == 0
    with pytest.raises(FileRefused, match="has moved on"):
        uploads.commit(house.runtime, import_id, ACTOR)
    house.clock.move(timedelta(seconds=61))
    assert uploads.tend(house.runtime) == 1


def test_an_upload_is_not_kept_for_good(house: Installation) -> None:
    """After a week without its person a file is discarded; what was imported stays."""
    import_id = upload(house)
    assert uploads.discard_old(house.runtime) == 0
    house.clock.move(timedelta(days=8))
    assert uploads.discard_old(house.runtime) == 1
    assert (run_of(house, import_id).status, count(house, ImportChunk)) == ("discarded", 0)
