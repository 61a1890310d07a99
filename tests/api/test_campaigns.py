"""Campaigns, programs, templates and segments over the API: seen and stopped, approved by nobody but people."""

from sender.campaigns import control
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
