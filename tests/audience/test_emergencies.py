"""Emergencies: the switch holds at once for every gate, is kept with its reason, and a person or its day ends it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner

from sender import schema
from sender.audience.emergencies import EmergencyError, declare, declared, declared_places, end
from sender.cli import app
from sender.delivery.gate import open_gate
from sender.models import Audit, Decision
from tests.installation import Installation, install


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def closed(installation: Installation) -> frozenset[str]:
    """Return the places that are closed now."""
    with installation.runtime.db.read() as session:
        return declared_places(session, installation.clock.now())


def test_the_migrations_make_the_table(installation: Installation) -> None:
    """The table in the code and the one the migrations make are the same on both databases."""
    assert schema.differences(installation.runtime.db) == []


def test_no_text_goes_where_an_emergency_is_declared(installation: Installation) -> None:
    """A Louisiana number is blocked with its reason, a New York number goes; afterwards both go."""
    runtime = installation.runtime
    orleans, york = installation.contact("+15045550100"), installation.contact("+12125550101")
    assert declare(runtime, " us-la ", "hurricane, governor's order 12", "owner") == "US-LA"
    first, second = installation.message(orleans), installation.message(york)
    assert [one.message_id for one in open_gate(runtime, [first, second])] == [second]
    assert installation.status(first) == "blocked"
    with runtime.db.read() as session:
        kept = session.execute(select(Decision).where(col(Decision.message_id) == first)).scalars().one()
        assert (kept.guard, kept.reason, kept.rules) == ("emergency", "emergency", ["US-LA"])
    end(runtime, "US-LA", "order lifted", "owner")
    installation.clock.move(timedelta(days=2))
    again = installation.message(orleans)
    assert [one.message_id for one in open_gate(runtime, [again])] == [again]


def test_an_end_that_is_known_ends_it(installation: Installation) -> None:
    """An emergency holds until its own end and not a second longer."""
    now = installation.clock.now()
    declare(installation.runtime, "US-LA", "storm", "owner", now + timedelta(hours=1))
    declare(installation.runtime, "FR", "another", "owner")
    assert closed(installation) == {"US-LA", "FR"}
    installation.clock.move(timedelta(seconds=3599))
    assert closed(installation) == {"US-LA", "FR"}
    installation.clock.move(timedelta(seconds=1))
    assert closed(installation) == {"FR"}


def test_ending_ends_every_declaration_of_the_place(installation: Installation) -> None:
    """Two people who declared the same place are both answered by one end, and who did what stays on record."""
    runtime = installation.runtime
    declare(runtime, "US-LA", "storm", "ann")
    declare(runtime, "US-LA", "flood", "bob")
    with runtime.db.read() as session:
        assert [(one.why, one.declared_by) for one in declared(session, runtime.clock.now())] == [
            ("storm", "ann"),
            ("flood", "bob"),
        ]
    end(runtime, "us-la", "over", "cem")
    assert closed(installation) == frozenset()
    with runtime.db.read() as session:
        trail = session.execute(select(Audit).order_by(col(Audit.id))).scalars()
        assert [(row.actor, row.action, row.subject, row.detail["why"]) for row in trail] == [
            ("ann", "emergency.declare", "US-LA", "storm"),
            ("bob", "emergency.declare", "US-LA", "flood"),
            ("cem", "emergency.end", "US-LA", "over"),
        ]


@pytest.mark.parametrize("place", ["", "US-ZZ", "Louisiana", "XX", "EU"])
def test_a_place_nobody_knows_is_refused(installation: Installation, place: str) -> None:
    """A slip of the pen does not look like a closed state."""
    with pytest.raises(EmergencyError, match="Nobody knows a place"):
        declare(installation.runtime, place, "storm", "owner")


def test_reasons_and_ends_are_checked(installation: Installation) -> None:
    """No reason, an end that is over, and an end of what nobody declared: each is one sentence and changes nothing."""
    runtime, now = installation.runtime, installation.clock.now()
    with pytest.raises(EmergencyError, match="needs a reason"):
        declare(runtime, "US-LA", " ", "owner")
    with pytest.raises(EmergencyError, match="over already"):
        declare(runtime, "US-LA", "storm", "owner", now)
    with pytest.raises(EmergencyError, match="needs a reason"):
        end(runtime, "US-LA", "", "owner")
    with pytest.raises(EmergencyError, match="No emergency is declared in US-LA"):
        end(runtime, "US-LA", "over", "owner")
    assert closed(installation) == frozenset()


def test_the_command_switches_a_place(tmp_path: Path) -> None:
    """A person closes a state, sees it in the list, and opens it again; mistakes end with one sentence."""
    home = tmp_path / "home"
    environment = {"TACTFUL_HOME": str(home), "TACTFUL_DATABASE_URL": f"sqlite:///{tmp_path / 'tactful.db'}"}
    assert CliRunner().invoke(app, ["db", "upgrade"], env=environment).exit_code == 0

    def ask(*words: str) -> str:
        answer = CliRunner().invoke(app, ["rules", "emergency", *words], env={**environment, "COLUMNS": "200"})
        return answer.stdout + answer.stderr

    assert "No emergency is declared." in ask("list")
    assert "US-LA is closed" in ask("declare", "us-la", "--why", "storm", "--until", "2126-09-03T00:00Z")
    rows = json.loads(ask("list", "--json"))
    assert [(row["place"], row["until"], row["why"]) for row in rows] == [("US-LA", "2126-09-03T00:00:00Z", "storm")]
    assert "storm" in ask("list")
    assert "no time with its offset" in ask("declare", "us-la", "--why", "storm", "--until", "2126-09-03")
    assert "US-LA is open again" in ask("end", "US-LA", "--why", "over")
    assert "No emergency is declared in US-LA" in ask("end", "US-LA", "--why", "over")
