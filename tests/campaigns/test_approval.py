"""Approval: for exactly what is there, by a second person where many would be texted, and void after any change."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlmodel import col

from sender.campaigns import approval, control, planner, writing
from sender.campaigns.control import CampaignIn, ControlError, VariantIn
from sender.delivery.gate import open_gate
from sender.models import Audit, Campaign, Message, Program, Role, User, Variant
from sender.states import Status
from tests.installation import TUESDAY, Installation

EVERYBODY = VariantIn("all", {"field": "area_code", "is": "212"}, "Hi {{ first_name }}", {"first_name": "there"})
SPANISH = VariantIn("es", {"field": "language", "is": "es"}, "Hola")
_names = count()


@pytest.fixture(scope="module", autouse=True)
def people(shared: Installation) -> None:
    """Five people to text, two of them Spanish."""
    for n in range(5):
        shared.contact(f"+1212555010{n}", language="es" if n < 2 else "en")


@pytest.fixture(autouse=True)
def nobody(shared: Installation) -> None:
    """Nobody has an account yet."""
    with shared.runtime.db.write() as session:
        session.execute(delete(Role))
        session.execute(delete(User))


def draft(shared: Installation, variant: VariantIn = EVERYBODY, **columns: Any) -> int:
    """A draft with a name of its own, written by ana."""
    wanted = CampaignIn(f"Sale {next(_names)}", "acme", (variant,), **columns)
    return control.create(shared.runtime, wanted, "ana@acme.example")


def account(shared: Installation, name: str, role: str = "marketer") -> str:
    """Somebody who may sign in; returns how they stand in the audit."""
    email = f"{name}@acme.example"
    with shared.runtime.db.write() as session:
        user = User(email=email, password_hash="", created_at=TUESDAY)
        session.add(user)
        session.flush()
        session.add(Role(user_id=user.id or 0, program_id=shared.program_id, name=role))
    return email


def row(shared: Installation, campaign: int) -> Campaign:
    """The campaign as it is now."""
    with shared.runtime.db.read() as session:
        return session.get_one(Campaign, campaign)


def acts(shared: Installation, campaign: int) -> list[tuple[str, str]]:
    """Who did what to the campaign, in order."""
    with shared.runtime.db.read() as session:
        mine = select(col(Audit.actor), col(Audit.action)).where(col(Audit.subject) == f"campaign {campaign}")
        return [
            (actor, action.removeprefix("campaign.")) for actor, action in session.execute(mine.order_by(col(Audit.id)))
        ]


@contextmanager
def cancelled(shared: Installation, campaign: int) -> Iterator[None]:
    """Whatever comes of it, the campaign ends with the test."""
    yield
    control.cancel(shared.runtime, campaign, "test")
    control.cancel_waiting(shared.runtime)


def test_one_act_starts_a_campaign_where_one_person_is_enough(shared: Installation) -> None:
    """A draft for few is submitted, approved and scheduled at once, and each of it stands in the audit."""
    campaign = draft(shared, SPANISH)
    with cancelled(shared, campaign):
        control.schedule(shared.runtime, campaign, None, "ana@acme.example")
        found = row(shared, campaign)
        assert (found.status, found.approved_as, found.recipients) == ("scheduled", "small", 2)
        assert [act for _, act in acts(shared, campaign)] == ["create", "submit", "approve", "schedule"]


def test_one_person_waives_the_second_and_it_is_recorded(shared: Installation) -> None:
    """Above the limit the only person of an installation may approve alone; the audit says on which grounds."""
    ana = account(shared, "ana")
    campaign = draft(shared)
    with cancelled(shared, campaign):
        control.schedule(shared.runtime, campaign, None, ana)
        assert row(shared, campaign).approved_as == "one person"
        with shared.runtime.db.read() as session:
            approved = select(col(Audit.detail)).where(
                col(Audit.action) == "campaign.approve", col(Audit.subject) == f"campaign {campaign}"
            )
            detail = session.execute(approved).scalar_one()
        assert (detail["grounds"], detail["recipients"]) == ("one person", 5)


def test_above_the_limit_a_second_person_approves(shared: Installation) -> None:
    """Neither who submitted, nor the command line, nor a viewer is a second person; another marketer is."""
    ana, bob, eve = account(shared, "ana"), account(shared, "bob"), account(shared, "eve", "viewer")
    campaign = draft(shared)
    with cancelled(shared, campaign):
        with pytest.raises(ControlError, match="would go to 5 people, more than 3"):
            control.schedule(shared.runtime, campaign, None, ana)
        assert row(shared, campaign).status == "draft"
        assert approval.submit(shared.runtime, campaign, ana) == 5
        for alone in (ana, eve, "command line"):
            with pytest.raises(ControlError, match="another person"):
                approval.approve(shared.runtime, campaign, alone)
        assert approval.approve(shared.runtime, campaign, bob).grounds == "second person"
        control.schedule(shared.runtime, campaign, None, ana)
        assert acts(shared, campaign)[1:] == [(ana, "submit"), (bob, "approve"), (ana, "schedule")]


def test_who_edited_last_is_no_second_person(shared: Installation) -> None:
    """Bob changed the words, so that ana's submission cannot be approved by him."""
    ana, bob = account(shared, "ana"), account(shared, "bob")
    campaign = draft(shared)
    with cancelled(shared, campaign):
        with shared.runtime.db.read() as session:
            wanted = writing.written(session, campaign)
        writing.edit(shared.runtime, campaign, replace(wanted, variants=[replace(EVERYBODY, template="Ho")]), bob)
        approval.submit(shared.runtime, campaign, ana)
        with pytest.raises(ControlError, match="neither submitted nor last edited"):
            approval.approve(shared.runtime, campaign, bob)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Winter sale"},
        {"variants": [replace(EVERYBODY, template="Ho {{ first_name }}")]},
        {"variants": [SPANISH]},
        {"begins_at": TUESDAY + timedelta(days=1)},
        {"local_start": "2026-03-12T10:00"},
        {"end_at": TUESDAY + timedelta(days=9)},
        {"budget": 500_000},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_edit_ends_the_approval_and_says_so(shared: Installation, change: dict[str, Any]) -> None:
    """Whatever is edited of a scheduled campaign, it is a draft again and must be approved anew."""
    campaign = draft(shared, SPANISH)
    with cancelled(shared, campaign):
        control.schedule(shared.runtime, campaign, None, "ana")
        with shared.runtime.db.read() as session:
            wanted = replace(writing.written(session, campaign), **change)
        assert "its approval is void: it is a draft again" in writing.edit(shared.runtime, campaign, wanted, "ana")
        found = row(shared, campaign)
        assert (found.status, found.approved_hash, found.edits) == ("draft", None, 1)


def test_a_withdrawn_campaign_is_a_draft(shared: Installation) -> None:
    """From submitted and from approved it goes back, and nothing of the approval is left."""
    campaign = draft(shared, SPANISH)
    with cancelled(shared, campaign):
        for acted in (False, True):
            approval.submit(shared.runtime, campaign, "ana")
            if acted:
                approval.approve(shared.runtime, campaign, "ana")
            approval.withdraw(shared.runtime, campaign, "ana")
            assert (row(shared, campaign).status, row(shared, campaign).approved_by) == ("draft", "")
        with pytest.raises(ControlError, match="is draft; it cannot become draft"):
            approval.withdraw(shared.runtime, campaign, "ana")


@pytest.mark.parametrize(
    ("table", "values", "said"),
    [
        (Variant, {"template": "Something else"}, "its texts changed"),
        (Variant, {"segment": {"field": "language", "is": "en"}}, "its audience changed"),
        (Campaign, {"end_at": TUESDAY + timedelta(days=3)}, "its timing changed"),
        (Campaign, {"budget": 10**9}, "its limits changed"),
        (Program, {"footer": "Text STOP to end"}, "its program changed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_what_was_approved_does_not_start(
    shared: Installation, table: Any, values: dict[str, Any], said: str
) -> None:
    """A change that nobody announced pauses the campaign at its start, with what changed as the reason."""
    campaign = draft(shared, SPANISH)
    with cancelled(shared, campaign):
        control.schedule(shared.runtime, campaign, None, "ana")
        key = table.campaign_id if table is Variant else table.id
        wanted = shared.program_id if table is Program else campaign
        with shared.runtime.db.write() as session:
            old = session.execute(select(*[getattr(table, name) for name in values]).where(key == wanted)).one()
            session.execute(update(table).where(key == wanted).values(**values))
        control.start_due(shared.runtime)
        found = row(shared, campaign)
        assert (found.status, said in found.paused_why) == ("paused", True)
        with pytest.raises(ControlError, match="is not what was approved"):
            control.resume(shared.runtime, campaign, "ana")
        approval.approve(shared.runtime, campaign, "ana")
        control.resume(shared.runtime, campaign, "ana")
        with shared.runtime.db.write() as session:
            session.execute(update(table).where(key == wanted).values(**dict(zip(values, old, strict=True))))


def test_no_gate_opens_for_what_was_not_approved(shared: Installation) -> None:
    """Texts that are planned and queued stay behind once the limits differ; the campaign is paused and says so."""
    campaign = draft(shared, SPANISH)
    with cancelled(shared, campaign):
        control.schedule(shared.runtime, campaign, None, "ana")
        control.start_due(shared.runtime)
        planner.plan_slice(shared.runtime, campaign)
        with shared.runtime.db.write() as session:
            session.execute(update(Campaign).where(col(Campaign.id) == campaign).values(budget=10**9))
            mine = update(Message).where(col(Message.campaign_id) == campaign).values(status=Status.QUEUED.value)
            ids = list(session.execute(mine.returning(col(Message.id))).scalars())
        assert (len(ids), open_gate(shared.runtime, ids)) == (2, [])
        assert {shared.status(message) for message in ids} == {"pending"}
        assert planner.plan_slice(shared.runtime, campaign) == 0
        assert control.pause_strayed(shared.runtime) == 1
        assert row(shared, campaign).paused_why == (
            "it is not what was approved: its limits changed; approve it, then resume"
        )
        with shared.runtime.db.write() as session:
            session.execute(update(Campaign).where(col(Campaign.id) == campaign).values(budget=None))
        control.resume(shared.runtime, campaign, "ana")


def test_an_audience_that_grew_asks_again(shared: Installation) -> None:
    """Approved by one person for two people, a campaign does not start for more than three."""
    campaign = draft(shared, VariantIn("fr", {"field": "language", "is": "fr"}, "Bonjour"))
    with cancelled(shared, campaign):
        control.schedule(shared.runtime, campaign, None, "ana")
        for n in range(4):
            shared.contact(f"+1646555018{n}", language="fr")
        control.start_due(shared.runtime)
        assert "audience has grown since one person approved it" in row(shared, campaign).paused_why
        with pytest.raises(ControlError, match="has grown"):
            control.resume(shared.runtime, campaign, "ana")
        assert approval.approve(shared.runtime, campaign, "ana").grounds == "one person"
        control.resume(shared.runtime, campaign, "ana")


def test_two_who_edit_at_once_do_not_overwrite_each_other(shared: Installation) -> None:
    """The second is told that the first was there."""
    campaign = draft(shared, SPANISH)
    with cancelled(shared, campaign):
        with shared.runtime.db.read() as session:
            wanted = writing.written(session, campaign)
        assert writing.edit(shared.runtime, campaign, replace(wanted, budget=10_000), "ana", seen=0) == "Saved."
        with pytest.raises(ControlError, match="was changed by ana meanwhile"):
            writing.edit(shared.runtime, campaign, replace(wanted, budget=20_000), "bob", seen=0)
        assert row(shared, campaign).budget == 10_000


def test_of_a_campaign_that_has_begun_only_the_budget_changes(shared: Installation) -> None:
    """A paused one keeps its words; a greater budget is approved, and it goes on."""
    campaign = draft(shared, SPANISH)
    with cancelled(shared, campaign):
        control.schedule(shared.runtime, campaign, None, "ana")
        control.start_due(shared.runtime)
        with shared.runtime.db.read() as session:
            wanted = writing.written(session, campaign)
        with pytest.raises(ControlError, match="is running and cannot be edited; pause it first"):
            writing.edit(shared.runtime, campaign, wanted, "ana")
        planner.plan_slice(shared.runtime, campaign)
        control.pause(shared.runtime, campaign, "ana")
        with pytest.raises(ControlError, match="has begun; only its budgets and its rate can change"):
            writing.edit(shared.runtime, campaign, replace(wanted, variants=[EVERYBODY]), "ana")
        assert "approve it, then resume" in writing.edit(
            shared.runtime, campaign, replace(wanted, budget=90_000), "ana"
        )
        with pytest.raises(ControlError, match="is not approved"):
            control.resume(shared.runtime, campaign, "ana")
        approval.approve(shared.runtime, campaign, "ana")
        control.resume(shared.runtime, campaign, "ana")
        assert (row(shared, campaign).status, row(shared, campaign).budget) == ("running", 90_000)
