"""The audit is chained, append-only, and shows tampering."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from sender import audit
from sender.cli import app
from sender.crypto import Keyring, make_keys
from sender.db import Database
from sender.halt import found
from sender.sealing import BrokenChain
from tests.installation import TUESDAY
from tests.tables import give_tables

KEYS = Keyring(*(bytes([place]) * 32 for place in range(4)))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with five acts in it, all sealed."""
    made = Database(database_url)
    give_tables(made)
    with made.write() as session:
        for number in range(5):
            audit.note(session, TUESDAY, "ana@example.org", "campaign.pause", f"campaign {number}", {"why": "é"})
    assert audit.seal_some(made, KEYS) == 5
    assert audit.seal_some(made, KEYS) == 0
    yield made
    made.close()


def test_a_sealed_audit_holds(database: Database) -> None:
    """What was sealed is verified, also after more was written and sealed."""
    with database.write() as session:
        assert audit.verify(session, KEYS) == 5
        audit.note(session, TUESDAY, "system", "campaign.finish", "campaign 1")
    audit.seal_some(database, KEYS)
    with database.read() as session:
        assert audit.verify(session, KEYS) == 6
        assert [act.actor for act in audit.listing(session, action="campaign.f")] == ["system"]
        assert [act.subject for act in audit.listing(session, actor="ana@example.org", limit=1)] == ["campaign 4"]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET actor = 'eve'", "UPDATE audit SET hash = NULL", "DELETE FROM audit WHERE id = 3"],
)
def test_the_database_refuses_to_change_an_act(database: Database, statement: str) -> None:
    """Neither its words nor its seal can be changed, and no act can be removed."""
    with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE audit SET actor = 'eve' WHERE id = 3", "Act 3 of the audit was changed"),
        ("UPDATE audit SET hash = previous WHERE id = 2", "Act 2 of the audit was changed"),
        ("DELETE FROM audit WHERE id = 2", "Act 2 of the audit is missing"),
    ],
)
def test_tampering_behind_the_triggers_is_named(database: Database, statement: str, sentence: str) -> None:
    """Somebody who takes the triggers away and edits is found out at the first act that does not fit."""
    drop = "DROP TRIGGER {}" if database.is_sqlite else "DROP TRIGGER {} ON audit"
    with database.engine.begin() as connection:
        for name in ("audit_kept", "audit_sealed", "audit_stays"):
            connection.execute(text(drop.format(name)))
        connection.execute(text(statement))
    with database.read() as session, pytest.raises(BrokenChain, match=sentence):
        audit.verify(session, KEYS)


def test_the_commands_show_and_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tactful audit list` shows who halted, and `tactful audit verify` counts what is sealed."""
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    database = Database(f"sqlite:///{tmp_path / 'tactful.db'}")
    give_tables(database)
    keys = make_keys(tmp_path)
    with database.write() as session:
        found(session)
    run = CliRunner()
    assert run.invoke(app, ["halt", "a wrong list"]).exit_code == 0
    assert '"action": "halt"' in run.invoke(app, ["audit", "list", "--json"]).stdout
    audit.seal_some(database, keys)
    assert "1 sealed acts" in run.invoke(app, ["audit", "verify"]).stdout
    database.close()
