"""`tactful check`: what the gate would say, at any instant, in words and for programs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guards.base import Purpose
from sender.audience.checks import Checked, CheckError, check
from sender.audience.emergencies import declare
from sender.cli import app
from sender.delivery.gate import open_gate
from sender.models import Program
from tests.installation import Installation, install

NUMBER = "+12125550101"


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def ask(installation: Installation, at: datetime | None = None, number: str = NUMBER) -> Checked:
    """Return the answer about a marketing text of Acme."""
    with installation.runtime.db.read() as session:
        return check(installation.runtime, session, number, "acme", Purpose.MARKETING, at)


def test_the_answer_is_the_gates(installation: Installation) -> None:
    """Allowed now, and the gate sends; put off at night to the morning; blocked for a stranger, each in words."""
    number_id = installation.contact(NUMBER)
    now = ask(installation)
    assert (now.verdict, now.opens) == ("allow", installation.clock.now())
    assert now.sentences[0].startswith("Yes: a marketing text may go now, until Tue 2026-03-10 20:59 in New York")
    night = ask(installation, datetime(2026, 3, 11, 4, tzinfo=UTC))
    assert (night.verdict, night.reason, night.until) == (
        "defer", "quiet_hours", datetime(2026, 3, 11, 12, tzinfo=UTC)
    )  # fmt: skip
    assert night.opens == night.until
    assert ask(installation, number="+12125550199").sentences == (
        "No: nobody with this number is known, so there is no consent.",
    )
    assert len(open_gate(installation.runtime, [installation.message(number_id)])) == 1


def test_the_first_moment_is_found_behind_caps_and_nights(installation: Installation) -> None:
    """A cap of one in 36 hours that frees in the night leads on to the morning after it."""
    runtime, sent_at = installation.runtime, installation.clock.now()
    with runtime.db.write() as session:
        session.get_one(Program, installation.program_id).caps = [{"limit": 1, "hours": 36, "scope": "program"}]
    message_id = installation.message(installation.contact(NUMBER))
    assert len(open_gate(runtime, [message_id])) == 1
    answer = ask(installation, sent_at + timedelta(hours=3))
    assert (answer.verdict, answer.reason, answer.until) == ("defer", "frequency_cap", sent_at + timedelta(hours=36))
    assert answer.opens == sent_at + timedelta(hours=45)
    assert answer.sentences[0].endswith("the first allowed moment is Thu 2026-03-12 08:00 in New York.")


def test_what_is_queued_counts_for_those_who_look_ahead(installation: Installation) -> None:
    """Two queued texts fill a cap of two in the check, while the gate still lets the queued ones go."""
    number_id = installation.contact(NUMBER)
    ids = [installation.message(number_id), installation.message(number_id)]
    assert ask(installation).reason == "frequency_cap"
    assert [one.message_id for one in open_gate(installation.runtime, ids[:1])] == ids[:1]
    assert [one.message_id for one in open_gate(installation.runtime, ids[1:])] == ids[1:]


def test_an_emergency_shows(installation: Installation) -> None:
    """A declared place is named, with who could end it."""
    installation.contact("+15045550100")
    declare(installation.runtime, "US-LA", "storm", "owner")
    answer = ask(installation, number="+15045550100")
    assert (answer.verdict, answer.guard, answer.opens) == ("block", "emergency", None)
    assert "tactful rules emergency end" in answer.sentences[-1]


def test_a_program_nobody_knows_is_refused(installation: Installation) -> None:
    """A slip in the program's name is one sentence."""
    with installation.runtime.db.read() as session, pytest.raises(CheckError, match="There is no program 'acmee'"):
        check(installation.runtime, session, NUMBER, "acmee", Purpose.MARKETING)


def test_the_command_speaks_and_answers_in_json(tmp_path: Path) -> None:
    """On the command line the sentences are printed, or with --json the whole answer; a wrong time is one sentence."""
    database = f"sqlite:///{tmp_path / 'tactful.db'}"
    made = install(tmp_path / "home", database)
    made.contact(NUMBER)
    made.runtime.db.close()
    environment = {"TACTFUL_HOME": str(tmp_path / "home"), "TACTFUL_DATABASE_URL": database, "COLUMNS": "300"}
    words = ["check", NUMBER, "--program", "acme", "--at", "2026-03-10T07:12-04:00"]
    spoken = CliRunner().invoke(app, words, env=environment)
    assert spoken.exit_code == 0, spoken.output
    assert spoken.stdout.startswith(
        "Not now: a marketing text has to wait; the first allowed moment is Tue 2026-03-10 08:00"
    )
    assert "It is Tue 07:12 in New York: US (47 CFR" in spoken.stdout
    answer = json.loads(CliRunner().invoke(app, [*words, "--json"], env=environment).stdout)
    assert (answer["verdict"], answer["opens"]) == ("defer", "2026-03-10T12:00:00Z")
    wrong = CliRunner().invoke(app, [*words[:-1], "noon"], env=environment)
    assert "'noon' is no time with its offset" in wrong.stderr
