"""Imports end to end: counts, consent and opt-outs, repetition, duplicates, and being killed at any moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, SQLModel, col, select

from guards.base import Purpose, Standing
from sender.audience.importer import import_file, program_named
from sender.audience.importing.options import FileRefused, ImportOptions, ImportReport
from sender.audience.importing.refused import write_refused
from sender.audience.ledger import Act, load_standings, record, standing
from sender.audience.numbers import find
from sender.clock import Clock
from sender.crypto import Keyring
from sender.db import Database
from sender.models import ConsentEvent, Contact, ImportRefusal, ImportRun, Number, Program
from tests.tables import give_tables

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = Keyring(b"m" * 32, b"n" * 32, b"t" * 32, b"s" * 32)
ANN, BOB, CAT = "+14155550101", "+14155550102", "+14155550103"
HEADER = "phone,first_name,consent,consent_at,consent_wording,opted_out,opted_out_at\n"


class Killed(BaseException):
    """The process is gone."""


@dataclass(frozen=True, slots=True)
class Mortal(Clock):
    """A clock that kills the process once it has been asked ``lives`` times, inside a transaction or between two."""

    lives: Iterator[int] | None = None
    at: datetime = NOW

    def now(self) -> datetime:
        """The fixed instant, unless the time has come."""
        if self.lives is not None and next(self.lives, None) is None:
            raise Killed
        return self.at


@dataclass(frozen=True)
class Desk:
    """A database with the program "acme" for marketing (id 1), and a file to import from."""

    db: Database
    path: Path

    def run(self, text: str, clock: Clock | None = None, **options: Any) -> ImportReport:
        """Import this text as a file."""
        self.path.write_text(text)
        wanted = {"program_id": 1, "region": "US", "purpose": Purpose.MARKETING, **options}
        return import_file(self.db, KEYS, clock or Mortal(), self.path, ImportOptions(**wanted))

    def consent(self, text: str, **options: Any) -> ImportReport:
        """Import rows under the full header."""
        return self.run(HEADER + text, **options)

    def act(self, kind: str, source: str, at: datetime, e164: str = ANN, program_id: int | None = 1) -> None:
        """Something that happened to a number outside of the import."""
        with self.db.write() as session:
            number_id = find(session, KEYS, e164) or 0
            record(session, [Act(number_id, program_id, kind, Purpose.MARKETING, at, source)], at)

    def standing(self, e164: str = ANN) -> Standing:
        """What the ledger says for marketing in the program."""
        with self.db.read() as session:
            number_id = find(session, KEYS, e164) or 0
            return standing(load_standings(session, [number_id]).get(number_id, ()), 1, Purpose.MARKETING)

    def rows(self, table: type[SQLModel], *names: str) -> list[tuple[Any, ...]]:
        """These columns of a table, sorted."""
        with self.db.read() as session:
            found = session.execute(select(*[getattr(table, name) for name in names]))
            return sorted(map(tuple, found), key=repr)


def desk_at(url: str, folder: Path) -> Desk:
    """A desk over a database that is still empty."""
    db = Database(url)
    give_tables(db)
    program = Program(id=1, slug="acme", brand="Acme", help_contact="x", purposes=["marketing"], created_at=NOW)
    with db.write() as session:
        session.add(program)
    return Desk(db, folder / "people.csv")


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk on SQLite."""
    made = desk_at(sqlite_url, tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def either(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk on each database in turn."""
    made = desk_at(database_url, tmp_path)
    yield made
    made.db.close()


def some(report: ImportReport) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: count for name, count in report.counts.items() if count}


def test_an_import_brings_numbers_contacts_and_consent(either: Desk) -> None:
    """One row becomes a sealed number, a contact with attributes, and one event that proves the consent."""
    report = either.consent(f"{ANN},Ann,yes,2026-01-05,Text me,,\n")
    assert some(report) == {"rows": 1, "new": 1, "with_consent": 1, "written": 1}
    assert either.rows(Contact, "attributes", "import_id") == [({"first_name": "Ann"}, report.import_id)]
    assert either.rows(Number, "country", "area_code") == [("US", "415")]
    assert either.standing() == Standing("in", "express_written", datetime(2026, 1, 5, tzinfo=UTC), 1)
    [(kind, source, wording, evidence)] = either.rows(ConsentEvent, "kind", "source", "wording", "evidence")
    assert (kind, source, wording, evidence["line"]) == ("opt_in", "import", "Text me", 2)
    assert evidence["file_hash"] == report.file_hash


def test_a_file_without_consent_gives_nobody_standing(desk: Desk) -> None:
    """Contacts come in, the report says that nobody may be texted, and the ledger stays empty."""
    report = desk.run(f"phone\n{ANN}\n", purpose=None, program_id=None)
    assert some(report) == {"rows": 1, "new": 1}
    assert "No consent was imported" in report.notes[0]
    assert desk.standing().state == "none"
    assert desk.rows(ConsentEvent, "id") == []


def test_the_same_file_again_changes_nothing(either: Desk) -> None:
    """A second import counts every row as unchanged and adds no event."""
    text = f"{ANN},Ann,yes,2026-01-05,Text me,,\n{BOB},Bob,,,,yes,\n"
    either.consent(text)
    before = either.rows(ConsentEvent, "id", "number_id", "kind", "at")
    again = either.consent(text)
    assert some(again) == {"rows": 2, "unchanged": 2, "with_consent": 1, "written": 1, "opted_out": 1}
    assert either.rows(ConsentEvent, "id", "number_id", "kind", "at") == before


def test_two_spellings_are_one_contact_and_the_last_cell_that_says_something_wins(desk: Desk) -> None:
    """Later rows fill in and replace; their empty cells take nothing away."""
    report = desk.run(f"phone,city,zip\n{ANN},Waco,76701\n(415) 555-0101,Austin,\n415.555.0101,,\n{BOB},,\n")
    assert some(report) == {"rows": 4, "new": 2, "duplicate": 2}
    assert desk.rows(Contact, "attributes", "postal_code") == [({"city": "Austin"}, "76701"), ({}, None)]


def test_duplicates_are_known_however_far_apart(desk: Desk) -> None:
    """The first and the last of 1,200 rows are the same person, in different transactions."""
    body = "".join(f"+1415{200 + n // 100}{1000 + n}\n" for n in range(1200))
    report = desk.run("phone\n" + body + body[:13])
    assert some(report) == {"rows": 1201, "new": 1200, "duplicate": 1}


def test_a_number_and_a_truth_are_different_values(desk: Desk) -> None:
    """One and true are equal in Python, but the change is still seen and written."""
    desk.run(f"phone,vip\n{ANN},1\n")
    assert some(desk.run(f"phone,vip\n{ANN},true\n")) == {"rows": 1, "changed": 1}
    assert [type(value) for (row,) in desk.rows(Contact, "attributes") for value in row.values()] == [bool]


def test_refused_rows_are_kept_sealed_with_their_line(desk: Desk, tmp_path: Path) -> None:
    """The report names line and code, the raw row is ciphertext, and only its owner may read it back."""
    report = desk.run(f'phone,note\n"+1 415 555 0101","two\nlines"\nnobody,x\n{BOB},+44 20 7946 0123\n')
    assert (report.counts["refused"], report.refused) == (2, {"not_a_number": 1, "phone_in_attribute": 1})
    assert [(one.line, one.code) for one in report.first] == [(4, "not_a_number"), (5, "phone_in_attribute")]
    assert all(b"nobody" not in cipher for (cipher,) in desk.rows(ImportRefusal, "row_cipher"))
    out = tmp_path / "refused.csv"
    with desk.db.read() as session:
        assert write_refused(session, KEYS, report.import_id or 0, out) == 2
        with pytest.raises(FileRefused, match="cannot be made"):
            write_refused(session, KEYS, report.import_id or 0, out)
    assert out.stat().st_mode & 0o777 == 0o600
    assert '"nobody,x"' in out.read_text()


def test_landlines_are_imported_and_counted(desk: Desk) -> None:
    """The number's line type is kept, so that the guards can block it."""
    report = desk.run("phone\n+442079460123\n")
    assert some(report) == {"rows": 1, "new": 1, "landline": 1}
    assert desk.rows(Number, "line_type", "country") == [("fixed_line", "GB")]


def test_an_import_never_lifts_an_opt_out(either: Desk) -> None:
    """However the yes is dated, who said stop stays out, and the report counts it."""
    either.run(f"phone\n{ANN}\n")
    either.act("opt_out", "keyword", NOW - timedelta(days=30))
    report = either.consent(f"{ANN},Ann,yes,2026-02-27,Text me,,\n")
    assert (report.counts["kept_out"], report.counts["with_consent"]) == (1, 1)
    assert either.standing().state == "out"


def test_an_opt_out_in_the_file_beats_every_yes_in_it(either: Desk) -> None:
    """Before or behind it, in one slice, a row that says stop wins over rows that say yes."""
    rows = [f"{ANN},,yes,2026-02-01,Text me,,\n", f"{ANN},,,,,yes,\n", f"{ANN},,yes,2026-02-28,Text me,,\n"]
    either.consent("".join(rows))
    assert either.standing().state == "out"


def test_a_suppression_list_counts_whenever_it_is_dated(desk: Desk) -> None:
    """An opt-out older than the consent from a file still ends that consent: only a person's own act comes after it."""
    desk.consent(f"{ANN},Ann,yes,2026-02-20,Text me,,\n")
    desk.consent(f"{ANN},Ann,,,,yes,2026-01-01\n")
    assert desk.standing().state == "out"


def test_a_dated_opt_out_does_not_undo_what_the_person_did_later(desk: Desk) -> None:
    """Nightly exports repeat old opt-outs; who texted START since then stays in."""
    desk.run(f"phone\n{ANN}\n")
    desk.act("opt_in", "keyword", NOW - timedelta(days=2))
    desk.consent(f"{ANN},Ann,,,,yes,2026-01-01\n")
    assert desk.standing().state == "in"
    desk.consent(f"{ANN},Bea,,,,yes,2026-02-28\n")
    assert desk.standing().state == "out"


def test_an_opt_out_without_a_program_is_for_all(desk: Desk) -> None:
    """A suppression list names no program, so it counts everywhere."""
    desk.run(f"phone,unsubscribed\n{ANN},yes\n", program_id=None, purpose=None)
    assert desk.rows(ConsentEvent, "program_id", "kind") == [(None, "opt_out")]
    assert desk.standing().state == "out"


def test_consent_to_another_purpose_is_another_act(desk: Desk) -> None:
    """The same file imported again for another purpose is not mistaken for the same consent."""
    with desk.db.write() as session:
        session.get_one(Program, 1).purposes = ["marketing", "informational"]
    text = f"{ANN},Ann,yes,2026-01-05,Text me,,\n"
    desk.consent(text)
    desk.consent(text, purpose=Purpose.INFORMATIONAL)
    assert desk.rows(ConsentEvent, "purpose") == [("informational",), ("marketing",)]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("phone\n", {}, "no rows below"),
        ('"phone\n', {}, "cannot be read"),
        ("name\nAnn\n", {}, "No column is named"),
        (f"phone\n{ANN}\n", {"region": "XX"}, "not a country code"),
        (f"phone\n{ANN}\n", {"program_id": 9}, "no program 9"),
        (f"phone\n{ANN}\n", {"purpose": Purpose.INFORMATIONAL}, "not for informational, but marketing"),
        (f"phone,consent\n{ANN},yes\n", {"program_id": None}, "name the program"),
        (f"phone,consent\n{ANN},yes\n", {"purpose": None}, "but not to what"),
    ],
)
def test_a_file_that_cannot_be_used_writes_nothing(desk: Desk, text: str, options: dict[str, Any], words: str) -> None:
    """One sentence, and no import, number or contact is there afterwards."""
    with pytest.raises(FileRefused, match=words):
        desk.run(text, **options)
    assert desk.rows(ImportRun, "id") == desk.rows(Number, "id") == desk.rows(Contact, "id") == []


def test_a_file_that_is_not_there_is_refused(desk: Desk) -> None:
    """The sentence names the file."""
    with pytest.raises(FileRefused, match="cannot be read"):
        import_file(desk.db, KEYS, Mortal(), desk.path.with_name("nothing.csv"), ImportOptions())


def test_a_program_is_found_by_its_short_name(desk: Desk) -> None:
    """An unknown one is refused with those there are."""
    assert program_named(desk.db, "acme") == 1
    with pytest.raises(FileRefused, match="there is acme"):
        program_named(desk.db, "acne")


def test_a_dry_run_counts_the_same_and_writes_nothing(either: Desk) -> None:
    """What it foretells is what the import then does."""
    either.run(f"phone\n{ANN}\n")
    either.act("opt_out", "keyword", NOW)
    text = f"{ANN},Ann,yes,,,,\n{BOB},Bob,yes,,,,\n(415) 555-0102,Bob,,,,,\nx,,,,,,\n{CAT},,,,,yes,\n{CAT},,yes,,,,\n"
    runs = either.rows(ImportRun, "id")
    foretold = either.consent(text, dry_run=True)
    assert either.rows(ImportRun, "id") == runs
    assert (foretold.import_id, foretold.counts["kept_out"]) == (None, 2)
    done = either.consent(text)
    assert (foretold.counts, foretold.refused, foretold.first) == (done.counts, done.refused, done.first)


def test_progress_tells_bytes_and_counts(desk: Desk) -> None:
    """It ends at the size of the file, and never goes back."""
    desk.path.write_text("phone\n" + "".join(f"+1415555{n:04}\n" for n in range(100, 400)))
    told: list[tuple[int, int, int]] = []
    import_file(
        desk.db,
        KEYS,
        Mortal(),
        desk.path,
        ImportOptions(),
        lambda done, total, c: told.append((done, total, c["rows"])),
    )
    size = desk.path.stat().st_size
    assert told == sorted(told)
    assert told[-1] == (size, size, 300)


def test_one_import_is_not_run_by_two_processes(desk: Desk) -> None:
    """Who comes second is told so, and its slice is undone."""
    desk.path.write_text("phone\n" + "".join(f"+1415555{n:04}\n" for n in range(100, 400)))
    options = ImportOptions()

    def meddle(done: int, total: int, counts: Any) -> None:
        with desk.db.write() as session:
            session.get_one(ImportRun, 1).line = 999

    with pytest.raises(FileRefused, match="another process"):
        import_file(desk.db, KEYS, Mortal(), desk.path, options, meddle)
    assert len(desk.rows(Contact, "id")) == 100


def outcome(desk: Desk) -> tuple[Any, ...]:
    """Everything an import leaves behind, by number rather than by row id."""
    with desk.db.read() as session:
        return (_people(session), _events(session), desk.rows(ImportRefusal, "line", "code", "reason"))


def _people(session: Session) -> list[Any]:
    found = session.execute(select(Contact, Number.key).join(Number, col(Number.id) == col(Contact.number_id)))
    return sorted((key, person.attributes, person.postal_code) for person, key in found)


def _events(session: Session) -> list[Any]:
    found = session.execute(
        select(ConsentEvent, Number.key).join(Number, col(Number.id) == col(ConsentEvent.number_id))
    )
    return sorted((key, event.kind, event.source_ref, event.level) for event, key in found)


def killed_and_resumed(desk: Desk, text: str, lives: list[int]) -> ImportReport:
    """Import, dying after so many questions to the clock each time, until it comes to its end."""
    for count in lives:
        try:
            return desk.run(text, clock=Mortal(lives=iter(range(count))))
        except Killed:
            continue
    return desk.run(text)


FILLING = [f"+1415555{n:04},Nim,,,,,\n" for n in range(104, 200)]
LINES = st.sampled_from([
    f"{ANN},Ann,yes,2026-01-05,Text me,,\n",
    "(415) 555-0101,Anna,,,,,\n",
    f"{ANN},Ann,yes,2026-02-05,Text me,,\n",
    f"{ANN},Ann,,,,yes,\n",
    f"{BOB},Bob,yes,,,,\n",
    f"{BOB},Bob,,,,yes,2026-01-01\n",
    f'{CAT},"Cat\nLee",no,,,,\n',
    "nobody,,,,,,\n",
    "\n",
])  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file of several slices, with a few telling rows anywhere in it."""
    lines = FILLING * draw(st.integers(2, 5))
    for line in draw(st.lists(LINES, max_size=12)):
        lines.insert(draw(st.integers(0, len(lines))), line)
    return HEADER + "".join(lines)


@settings(max_examples=30)
@given(text=files(), lives=st.lists(st.integers(1, 6), max_size=4))
def test_killed_anywhere_it_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory, text: str, lives: list[int]
) -> None:
    """However often an import dies, inside a transaction or between two, the end is that of one quiet run."""
    folder = tmp_path_factory.mktemp("import")
    quiet, troubled = (desk_at(f"sqlite:///{folder / name}", folder) for name in ("quiet", "troubled"))
    expected = quiet.run(text)
    report = killed_and_resumed(troubled, text, lives)
    assert (report.counts, report.refused) == (expected.counts, expected.refused)
    assert outcome(troubled) == outcome(quiet)
    assert troubled.rows(ImportRun, "status") == [("finished",)]
    for made in (quiet, troubled):
        made.db.close()


def test_other_options_start_another_import(desk: Desk) -> None:
    """A stopped import goes on only under the words it was begun with."""
    text = "phone\n" + "".join(f"+1415555{n:04}\n" for n in range(100, 400))
    with pytest.raises(Killed):
        desk.run(text, clock=Mortal(lives=iter(range(3))))
    other = desk.run(text, mapping={"phone": "number"})
    assert (other.resumed_after, other.counts["rows"]) == (0, 300)
    same = desk.run(text)
    assert same.resumed_after > 1
    assert (same.counts["rows"], same.import_id) == (300, 1)


def test_the_database_knows_how_many_came(tmp_path: Path, pg_url: str) -> None:
    """Right after an import PostgreSQL plans with its figures: a slice of a campaign does not read all who are left."""
    desk = desk_at(pg_url, tmp_path)
    desk.consent("".join(f"+1212555{line:04},Ann,,,,,\n" for line in range(100, 160)))
    with desk.db.read() as session:
        found = session.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'contact'")).scalar_one()
    desk.db.close()
    assert found == 60


def test_a_served_database_gets_large_slices(tmp_path: Path, pg_url: str) -> None:
    """On PostgreSQL a slice locks only its own people, so it has two thousand where SQLite has at most five hundred."""
    desk, told = desk_at(pg_url, tmp_path), list[int]()
    desk.path.write_text("phone\n" + "".join(f"+1212555{line:04}\n" for line in range(100, 2300)))
    report = import_file(
        desk.db, KEYS, Mortal(), desk.path, ImportOptions(), lambda _done, _size, counts: told.append(counts["rows"])
    )
    desk.db.close()
    assert (told, report.counts["new"]) == ([100, 2100, 2200], 2200)
