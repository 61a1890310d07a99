"""The command line of a rehearsal: verdicts, cost, hours and findings, for people and for programs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sender.campaigns import control
from sender.campaigns.audience import members
from sender.campaigns.control import CampaignIn, VariantIn
from sender.campaigns.planning import decide, load_plan
from sender.campaigns.rehearsal import rehearse
from sender.cli.campaigns import app
from sender.models import Campaign, FetchedPrice, FromNumber
from tests.installation import Installation, install


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation with a campaign to ten people, which the environment points at."""
    made = install(tmp_path / "home", sqlite_url)
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TACTFUL_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("TACTFUL_TWILIO_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TACTFUL_TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    monkeypatch.setenv("TACTFUL_TWILIO_AUTH_TOKEN", "0" * 32)
    for n in range(100, 110):
        made.contact(f"+1212555{n:04}")
    words = VariantIn("all", {}, "BEST BEANS OF THE WHOLE TOWN")
    control.create(made.runtime, CampaignIn("Sale", "acme", [words]), "ann")
    yield made
    made.runtime.db.close()


def test_people_see_cost_hours_and_findings(installation: Installation) -> None:
    """Each has its place in what is printed."""
    result = CliRunner().invoke(app, ["rehearse", "Sale"])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    for words in ("10 numbers, 10 parts", "US │ 10", "At least USD 0.08", "When they would leave", "warning in 10"):
        assert words in said


def test_programs_get_the_same_in_json(installation: Installation) -> None:
    """One object: everybody is in the hours or not, and the sum is that of the countries."""
    result = CliRunner().invoke(app, ["rehearse", "Sale", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["cost"]["countries"]["US"]["parts"] == 10
    assert told["cost"]["at_least"] == told["cost"]["countries"]["US"]["at_least"] > 0
    assert sum(told["hours"].values()) + told["not_today"] + told["not_before_the_end"] == 10
    assert [one["code"] for one in told["findings"]] == ["all_capitals"]


def test_prices_that_were_fetched_count(installation: Installation) -> None:
    """A rehearsal reckons with the provider's own price and names its day, and so do the texts that are planned."""
    now = installation.clock.now()
    row = FetchedPrice(country="US", since=now.date(), amount=500, source="the list", fetched_at=now)
    with installation.runtime.db.write() as session:
        session.add(row)
    told = rehearse(installation.runtime, 1, now)
    assert (told.cost, told.costs["US"].since) == (10 * 500, now.date())
    with installation.runtime.db.read() as session:
        plan = load_plan(session, session.get_one(Campaign, 1))
        some = members(session, plan.audience, now, 0, 100, 2)
        assert [one.cost for one in decide(installation.runtime, session, plan, some, now)] == [500, 500]


def test_who_will_not_make_it_today_is_told(installation: Installation) -> None:
    """With a from_number that is busy with others until the window closes, nobody makes it today, and it is said."""
    number_id = installation.contact("+12125550199")
    with installation.runtime.db.write() as session:
        session.get_one(FromNumber, installation.line_id).rate = 1.0
    installation.message(number_id, status="pending", parts=24 * 3600)
    told = json.loads(CliRunner().invoke(app, ["rehearse", "Sale", "--json"]).stdout)
    assert (told["not_today"], told["hours"]) == (11, {})
    said = " ".join(CliRunner().invoke(app, ["rehearse", "Sale"]).output.split())
    assert "11 would not leave before their window closes" in said
