"""The command line of imports: what a person types, sees and gets back."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner, Result

from sender.cli.contacts import app
from sender.crypto import make_keys
from sender.db import Database
from sender.models import Audit, Program
from tests.tables import give_tables

ANN = "+14155550101"


@pytest.fixture
def home(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with keys and a database with the program "acme", which the environment points at."""
    make_keys(tmp_path)
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path))
    monkeypatch.setenv("TACTFUL_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("TACTFUL_TWILIO_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TACTFUL_TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    monkeypatch.setenv("TACTFUL_TWILIO_AUTH_TOKEN", "0" * 32)
    db = Database(sqlite_url)
    give_tables(db)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with db.write() as session:
        session.add(Program(slug="acme", brand="Acme", help_contact="x", purposes=["marketing"], created_at=now))
    yield tmp_path
    db.close()


def run(home: Path, text: str, *words: str) -> Result:
    """Import this text from a file, with these further words on the command line."""
    file = home / "people.csv"
    file.write_text(text)
    return CliRunner().invoke(app, ["import", str(file), *words])


def test_the_report_is_a_table_with_the_first_refusals(home: Path) -> None:
    """Counts, the code and line of what was refused, how to get it back, and what to know of consent."""
    result = run(home, f"phone,city\n{ANN},Waco\nnobody,Waco\n")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    for words in ("new │ 1", "not_a_number", "line 3", "contacts refused 1 --why", "No consent was imported"):
        assert words in said


def test_json_is_the_whole_report(home: Path) -> None:
    """One JSON object on standard output and nothing else."""
    attested = ["--consent-source", "till", "--consent-wording", "Text me", "--consent-at", "2026-01-02"]
    attested += ["--collected", "in_person", "--collected-by", "our staff"]
    words = [*attested, "--attested-by", "Kim", "--purpose", "marketing", "--program", "acme", "--json"]
    result = run(home, f"Handy;Ort\n{ANN};Waco\n", "--map", "Handy=number", "--map", "Ort=attributes.city", *words)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["counts"]["new"], report["counts"]["written"], report["refused"], report["notes"]) == (1, 1, {}, [])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--program", "acne"], "There is no program 'acne'; there is acme."),
        (["--map", "city"], "is not of the form"),
        (["--delimiter", "::"], "is not one character"),
        (
            ["--consent-source", "till", "--program", "acme"],
            "lacks wording, attested by, date, how, collected by",
        ),
        (["--region", "us1"], "The region 'US1' is not a country code"),
    ],
)
def test_bad_words_end_in_one_sentence(home: Path, words: list[str], sentence: str) -> None:
    """Status 1, the sentence on standard error, and no traceback."""
    result = run(home, f"phone,city\n{ANN},Waco\n", *words)
    assert result.exit_code == 1
    assert sentence in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_refused_rows_come_back_as_a_private_file(home: Path) -> None:
    """Line, code, reason and the row as it stood, in a file of mode 0600."""
    run(home, f"phone,city\n{ANN},Waco\nnobody,Waco\n")
    out = home / "refused.csv"
    assert CliRunner().invoke(app, ["refused", "1", "--out", str(out), "--why", " "]).exit_code == 1
    result = CliRunner().invoke(app, ["refused", "1", "--out", str(out), "--why", "mend"])
    assert result.exit_code == 0, result.output
    database = Database(f"sqlite:///{home}/tactful.db")
    with database.read() as session:
        act = session.execute(select(Audit).where(col(Audit.action) == "people.export")).scalars().one()
    database.close()
    assert (act.subject, act.detail) == ("refused rows of import 1", {"why": "mend", "rows": 1})
    assert out.read_text().splitlines()[1].startswith("3,not_a_number,")
    assert out.stat().st_mode & 0o777 == 0o600
    assert CliRunner().invoke(app, ["refused", "9", "--out", str(home / "x"), "--why", "mend"]).exit_code == 1


def test_an_import_is_undone_after_it_was_said_what_goes(home: Path) -> None:
    """The command counts what goes before it asks, and a second undo is refused."""
    run(home, f"phone,city\n{ANN},Waco\n")
    asked = CliRunner().invoke(app, ["undo", "1"], input="n\n")
    assert "1 contacts go and 0 consents are withdrawn" in asked.output
    done = CliRunner().invoke(app, ["undo", "1", "--yes"])
    assert "Undone: 1 contacts removed" in " ".join(done.output.split())
    again = CliRunner().invoke(app, ["undo", "1", "--yes"])
    assert (again.exit_code, "is undone; only a finished one" in " ".join(again.stderr.split())) == (1, True)
