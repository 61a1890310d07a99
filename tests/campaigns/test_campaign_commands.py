"""The command line of campaigns: from a file to an approved start, copies, tests and the library."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner

from sender.cli import app
from sender.crypto import unseal
from sender.models import Audit, Campaign, Message, Number
from tests.installation import Installation, install

SALE = {"name": "Sale", "program": "acme", "variants": [{"name": "all", "template": "Hello"}]}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with ten people and nobody else than the command line."""
    folder = tmp_path_factory.mktemp("commands")
    made = install(folder / "home", f"sqlite:///{folder / 'tactful.db'}", second_person_above=5)
    for n in range(100, 110):
        made.contact(f"+1212555{n:04}")
    yield made
    made.runtime.db.close()


@pytest.fixture
def said(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command on the installation, at its hour; what it says, whether it went well or not."""
    now, settings = installation.clock.now(), installation.runtime.settings
    monkeypatch.setenv("TACTFUL_HOME", str(settings.home))
    monkeypatch.setenv("TACTFUL_DATABASE_URL", settings.database)
    monkeypatch.setenv("TACTFUL_TWILIO_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TACTFUL_SECOND_PERSON_ABOVE", "5")
    monkeypatch.setenv("TACTFUL_CLOCK_REAL", str(time.time()))
    monkeypatch.setenv("TACTFUL_CLOCK_VIRTUAL", now.isoformat())

    def run(*words: str) -> str:
        return " ".join(CliRunner().invoke(app, list(words)).output.split())

    return run


def written(folder: Path, **changes: object) -> str:
    """A campaign file."""
    file = folder / "sale.json"
    file.write_text(json.dumps({**SALE, **changes}))
    return str(file)


def test_one_command_starts_a_campaign(installation: Installation, said: Callable[..., str], tmp_path: Path) -> None:
    """Created, approved by the one person there is, and scheduled; the waived second person is in the audit."""
    assert "It starts at 2026-03-10" in said("campaign", "create", written(tmp_path), "--start")
    with installation.runtime.db.read() as session:
        campaign = session.execute(select(Campaign).where(col(Campaign.name) == "Sale")).scalar_one()
        approved = session.execute(
            select(col(Audit.detail)).where(col(Audit.action) == "campaign.approve")
        ).scalar_one()
    assert (campaign.status, campaign.approved_as, approved["recipients"]) == ("scheduled", "one person", 10)
    assert campaign.latest_start == campaign.start_at + timedelta(minutes=15)
    assert "Cancelled" in said("campaign", "cancel", "Sale")
    assert "Campaign 2 is a draft for 10 people" in said("campaign", "rest", "Sale", "Second")
    assert "Archived" in said("campaign", "archive", "Sale")
    assert "Sale" not in said("campaign", "list")
    assert "back in the lists" in said("campaign", "restore", "Sale")


def test_step_by_step(said: Callable[..., str], tmp_path: Path) -> None:
    """Submit, approve, edit, which voids it, submit again, withdraw; each says where the campaign is."""
    said("campaign", "create", written(tmp_path, name="Steps"))
    assert "would go to 10 people" in said("campaign", "submit", "Steps")
    assert "Approved for 10 people (one person)" in said("campaign", "approve", "Steps")
    assert "its approval is void" in said("campaign", "edit", "Steps", written(tmp_path, name="Steps", budget=20))
    assert "cannot become approved" in said("campaign", "approve", "Steps")
    said("campaign", "submit", "Steps")
    assert "a draft again" in said("campaign", "withdraw", "Steps")
    assert "is a draft" in said("campaign", "duplicate", "Steps", "More steps")
    assert "There is no campaign 'None'" in said("campaign", "submit", "None")


def test_a_phone_is_proven_and_tested(installation: Installation, said: Callable[..., str], tmp_path: Path) -> None:
    """A code, then a test text in the gate's queue."""
    said("campaign", "create", written(tmp_path, name="Try"))
    assert "Phone 1 gets a code" in said("phone", "add", "+12125550155", "acme", "--label", "mine")
    with installation.runtime.db.read() as session:
        row = session.execute(select(Message).where(col(Message.kind) == "test")).scalar_one()
        key = installation.runtime.keys.unwrap(session.get_one(Number, row.number_id).data_key)
        code = unseal(key, row.text_cipher or b"").decode()[6:12]
    assert "not proven yet" in said("campaign", "test", "Try", "--phone", "1")
    assert "Proven" in said("phone", "confirm", "1", code)
    assert "waits for its turn" in said("campaign", "test", "Try", "--phone", "1")
    assert "0155 │ mine" in said("phone", "list")
    assert "No test text" in said("phone", "forget", "1")
    assert "You have no such phone" in said("phone", "forget", "2")


def test_the_library_has_versions(said: Callable[..., str], tmp_path: Path) -> None:
    """Two versions, what changed between them, and a campaign that takes the first."""
    file = tmp_path / "text.txt"
    for version, words in ((1, "Hi {{ first_name }}"), (2, "Ho {{ first_name }}")):
        file.write_text(words)
        assert f"Version {version} of hello" in said(
            "template", "save", "hello", str(file), "--default", "first_name=you"
        )
    assert "-Hi {{ first_name }} +Ho" in said("template", "diff", "hello", "1", "2")
    assert "hello │ 2 │ Ho" in said("template", "list")
    variants = [{"name": "all", "saved": "hello@1"}]
    assert "is a draft" in said("campaign", "create", written(tmp_path, name="Taken", variants=variants))
    assert "Archived" in said("template", "archive", "hello")
    assert "has no version 3" in said("template", "diff", "hello", "1", "3")
    assert "There is no saved template 'nothing'" in said("template", "show", "nothing")


def test_the_latest_start_is_named_with_the_start(
    installation: Installation, said: Callable[..., str], tmp_path: Path
) -> None:
    """One before the start is refused with a sentence, and nothing is scheduled."""
    said("campaign", "create", written(tmp_path, name="Late"))
    schedule = ("campaign", "schedule", "Late", "--at", "2026-03-11T15:00:00Z")
    assert "its latest start is before its start" in said(*schedule, "--latest", "2026-03-11T14:59:59Z")
    with installation.runtime.db.read() as session:
        assert session.execute(select(Campaign).where(col(Campaign.name) == "Late")).scalar_one().status == "draft"
    assert "Scheduled for 2026-03-11 15:00" in said(*schedule, "--latest", "2026-03-11T18:00:00Z")
    with installation.runtime.db.read() as session:
        late = session.execute(select(Campaign).where(col(Campaign.name) == "Late")).scalar_one()
    assert late.latest_start == datetime(2026, 3, 11, 18, tzinfo=UTC)
