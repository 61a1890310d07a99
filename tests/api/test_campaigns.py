"""Campaigns, programs, templates and segments over the API: seen and stopped, approved by nobody but people."""

from datetime import timedelta
from pathlib import Path

from sender.audience import registers
from sender.campaigns import approval, control
from sender.campaigns.control import CampaignIn, VariantIn
from sender.campaigns.library import save_template
from sender.campaigns.planner import plan_slice
from sender.models import Program
from tests.api.conftest import caller
from tests.installation import TUESDAY, Installation


def test_a_campaign_is_seen_rehearsed_and_stopped(installation: Installation) -> None:
    """Its counts are told, pause, resume and cancel do what they say once, and another program's key sees nothing."""
    installation.contact("+12125550123")
    wanted = CampaignIn("Sale", "acme", [VariantIn("all", {}, "Sale today", {})])
    campaign = control.create(installation.runtime, wanted, "ann")
    shop = caller(installation)
    rehearsed = shop.post("/campaigns/cmp_1/rehearsals", None).json
    assert (rehearsed["people"], rehearsed["verdicts"]) == (1, {"allow": 1})
    assert shop.post("/campaigns/cmp_1/pause", None).json["code"] == "not_possible"
    control.schedule(installation.runtime, campaign, None, "ann")
    control.start_due(installation.runtime)
    plan_slice(installation.runtime, campaign)
    assert shop.get("/campaigns/cmp_1").json["messages"] == {"pending": 1}
    for act, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        answer = shop.post(f"/campaigns/cmp_1/{act}", None)
        assert (answer.status_code, answer.json["status"]) == (200, status)
    assert shop.post("/campaigns/cmp_1/resume", None).status_code == 409
    assert [one["name"] for one in shop.get("/campaigns", status="cancelled").json["data"]] == ["Sale"]
    with installation.runtime.db.write() as session:
        session.add(Program(slug="other", brand="Other", help_contact="x", created_at=TUESDAY))
    scopes = ("campaigns:write", "programs:read", "templates:read")
    others = caller(installation, *scopes, name="other", programs=("other",))
    assert others.get("/campaigns").json["data"] == []
    assert others.post("/campaigns/cmp_1/cancel", None).status_code == 404
    assert [one["slug"] for one in others.get("/programs").json["data"]] == ["other"]


def test_a_key_decides_of_a_draft_when_its_people_are_fixed(installation: Installation) -> None:
    """It is told, kept with the key's name in the audit, and refused for what people have handed in."""
    installation.contact("+12125550123")
    control.create(installation.runtime, CampaignIn("Sale", "acme", [VariantIn("all", {}, "Sale today", {})]), "ann")
    shop = caller(installation)
    assert shop.get("/campaigns/cmp_1").json["audience_at"] == "start"
    told = shop.send("PUT", "/campaigns/cmp_1/audience", {"audience_at": "submission"}).json
    assert (told["audience_at"], told["status"], told["recipients"]) == ("submission", "draft", None)
    assert shop.send("PUT", "/campaigns/cmp_1/audience", {"audience_at": "never"}).json["code"] == "invalid_request"
    approval.submit(installation.runtime, 1, "ann")
    assert shop.get("/campaigns/cmp_1").json["recipients"] == 1
    late = shop.send("PUT", "/campaigns/cmp_1/audience", {"audience_at": "start"})
    assert (late.status_code, late.json["detail"]) == (
        409, "Campaign 'Sale' is submitted; only of a draft this may be said.",
    )  # fmt: skip


def test_a_rehearsal_tells_its_findings(installation: Installation, tmp_path: Path) -> None:
    """An old do-not-call file is one, with how to mend it."""
    installation.contact("+12125550123")
    file = tmp_path / "register.txt"
    file.write_text("+12125550199\n")
    registers.take_in(installation.runtime, file, "US", TUESDAY.date() - timedelta(days=40), "ann")
    wanted = CampaignIn("Sale", "acme", [VariantIn("all", {}, "Sale today", {})])
    control.create(installation.runtime, wanted, "ann")
    told = caller(installation).post("/campaigns/cmp_1/rehearsals", None).json["findings"]
    (one,) = [one for one in told if one["code"] == "register_outdated"]
    assert (one["severity"], one["times"]) == ("warning", 1)
    assert "40 days old" in one["sentence"]
    assert one["mend"].startswith("Take in a newer one")


def test_templates_and_segments(installation: Installation) -> None:
    """The library is told in its newest versions; a segment is kept once, and a wrong one is refused by its place."""
    save_template(installation.runtime, "welcome", "Hi", "ann", program="acme")
    save_template(installation.runtime, "welcome", "Hello", "ann", program="acme")
    shop = caller(installation)
    (told,) = shop.get("/templates").json["data"]
    assert told == {"name": "welcome", "version": 2, "text": "Hello", "program": "acme"}
    gold = {"name": "Gold", "definition": {"field": "attributes.tier", "is": "gold"}}
    made = shop.post("/segments", gold)
    assert made.status_code == 201
    assert shop.post("/segments", gold).json["code"] == "invalid_segment"
    assert shop.get("/segments").json["data"] == [made.json]
    wrong = shop.post("/segments", {"name": "x", "definition": {"field": "nobody", "is": 1}})
    assert "segment.field" in wrong.json["detail"]
