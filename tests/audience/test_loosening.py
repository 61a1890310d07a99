"""Loosening a rule: an owner's right, with a reason and a line in the audit, and never for law on texts."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from sender.accounts import ALL_PROGRAMS, Person
from sender.audience.loosening import LooseningError, keep, loosen, loosened
from sender.cli import app
from sender.delivery.gate import open_gate
from sender.models import Audit
from tests.installation import Installation, install

WHY = "Our customers asked for Sundays."
OWNER, MARKETER = (Person(1, f"{role}@acme.example", 1, {ALL_PROGRAMS: role}) for role in ("owner", "marketer"))
SUNDAY = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def trail(installation: Installation) -> list[tuple[str, str, str, str]]:
    """Return actor, action, rule and reason of every audit row about rules, oldest first."""
    with installation.runtime.db.read() as session:
        rows = session.execute(select(Audit).order_by(Audit.id)).scalars()  # type: ignore[arg-type]
        return [
            (row.actor, row.action, row.detail["rule"], row.detail["why"])
            for row in rows
            if row.action.startswith("rule.")
        ]


def test_an_owner_loosens_and_keeps_again_and_both_are_on_record(installation: Installation) -> None:
    """The program's policy changes with each, and the audit has who, which rule and why."""
    runtime = installation.runtime
    loosen(runtime, "acme", "GB", f" {WHY} ", OWNER)
    with runtime.db.read() as session:
        assert loosened(session) == [{"program": "acme", "rule": "GB", "why": WHY}]
    keep(runtime, "acme", "GB", "the regulator wrote", OWNER)
    with runtime.db.read() as session:
        assert loosened(session) == []
    assert trail(installation) == [
        ("owner@acme.example", "rule.loosen", "GB", WHY),
        ("owner@acme.example", "rule.keep", "GB", "the regulator wrote"),
    ]


@pytest.mark.parametrize(
    ("program", "rule", "why", "by", "sentence"),
    [
        ("acme", "US", WHY, OWNER, r"US is law-text \(.*\): nobody can loosen it\."),
        ("acme", "GB", " ", OWNER, "write why"),
        ("acme", "GB", WHY, MARKETER, "Only an owner"),
        ("acme", "Atlantis", WHY, OWNER, "no rule 'Atlantis'"),
        ("acmee", "GB", WHY, OWNER, "no program 'acmee'"),
    ],
)
def test_what_may_not_be_loosened_changes_nothing(
    installation: Installation, program: str, rule: str, why: str, by: Person, sentence: str
) -> None:
    """Law on texts, no reason, no right, an unknown rule or program: one sentence, no change, nothing in the audit."""
    with pytest.raises(LooseningError, match=sentence):
        loosen(installation.runtime, program, rule, why, by)
    with installation.runtime.db.read() as session:
        assert loosened(session) == []
    assert trail(installation) == []


def test_what_is_kept_already_cannot_be_kept_again(installation: Installation) -> None:
    """Keeping a rule that is not loosened is a slip, and said to be one."""
    with pytest.raises(LooseningError, match="acme does not loosen GB"):
        keep(installation.runtime, "acme", "GB", WHY, OWNER)


def test_the_command_line_loosens_lists_and_keeps(tmp_path: Path) -> None:
    """The three commands do what they say, and a refusal is one sentence with status 1."""
    database = f"sqlite:///{tmp_path / 'tactful.db'}"
    install(tmp_path / "home", database).runtime.db.close()
    environment = {"TACTFUL_HOME": str(tmp_path / "home"), "TACTFUL_DATABASE_URL": database, "COLUMNS": "300"}

    def call(*words: str) -> str:
        result = CliRunner().invoke(app, ["rules", *words], env=environment)
        return result.stdout if result.exit_code == 0 else f"{result.exit_code} {result.stderr}"

    assert "acme no longer keeps GB" in call("loosen", "GB", "--program", "acme", "--why", WHY)
    assert json.loads(call("loosened", "--json")) == [{"program": "acme", "rule": "GB", "why": WHY}]
    assert WHY in call("loosened")
    assert "acme keeps GB" in call("keep", "GB", "--program", "acme", "--why", "enough")
    assert call("loosened").strip() == "Every program keeps every rule."
    assert call("keep", "GB", "--program", "acme", "--why", "enough").startswith("1 ")
    assert "nobody can loosen it" in call("loosen", "US", "--program", "acme", "--why", WHY)


def test_the_gate_reads_it_at_once(installation: Installation) -> None:
    """A text to Germany waits on a Sunday, and goes as soon as the program does not keep that courtesy."""
    number_id = installation.contact("+4915112345678")
    installation.clock.move(SUNDAY - installation.clock.now())
    first = installation.message(number_id)
    assert open_gate(installation.runtime, [first]) == []
    loosen(installation.runtime, "acme", "DE", WHY, OWNER)
    second = installation.message(number_id)
    assert [one.message_id for one in open_gate(installation.runtime, [second])] == [second]
