"""An audience that is fixed at the submission: those people, in those variants, and nobody else, whatever changes."""

from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlmodel import col

from sender.campaigns import approval, control, frozen, planner, writing
from sender.campaigns.control import CampaignIn, ControlError, VariantIn
from sender.campaigns.rehearsal import rehearse
from sender.models import Campaign, Contact, FrozenMember, Message
from tests.installation import Installation

GOLD = {"field": "attributes.tier", "is": "gold"}
ANA, BEN = "ana@acme.example", "ben@acme.example"
_names, _numbers = count(), count()


def person(shared: Installation, tier: str = "gold") -> int:
    """Somebody new; the id of their contact."""
    number_id = shared.contact(f"+121255501{next(_numbers):02}", attributes={"tier": tier})
    with shared.runtime.db.read() as session:
        return session.execute(select(col(Contact.id)).where(col(Contact.number_id) == number_id)).scalar_one() or 0


@pytest.fixture(autouse=True)
def gold(shared: Installation) -> list[int]:
    """Two gold members and nobody else who is one."""
    with shared.runtime.db.write() as session:
        session.execute(update(Contact).values(attributes={}))
    return [person(shared) for _ in range(2)]


def draft(shared: Installation, **columns: Any) -> int:
    """A draft to the gold members, half of them each text, fixed at the submission."""
    halves = [VariantIn(name, GOLD, f"Hi {name}", share=50) for name in "ab"]
    wanted = CampaignIn(f"Fixed {next(_names)}", "acme", halves, audience_at="submission", **columns)
    return control.create(shared.runtime, wanted, ANA)


def row(shared: Installation, campaign: int) -> Campaign:
    """The campaign as it is now."""
    with shared.runtime.db.read() as session:
        return session.get_one(Campaign, campaign)


def listed(shared: Installation, campaign: int) -> dict[int, int]:
    """The variant by contact, of the list."""
    with shared.runtime.db.read() as session:
        mine = select(FrozenMember).where(col(FrozenMember.campaign_id) == campaign)
        return {one.contact_id: one.variant_id for one in session.execute(mine).scalars()}


def planned(shared: Installation, campaign: int) -> dict[int | None, int | None]:
    """The variant by contact, of the texts; the campaign is cancelled after that."""
    control.start_due(shared.runtime)
    while planner.plan_slice(shared.runtime, campaign):
        pass
    with shared.runtime.db.read() as session:
        mine = select(Message).where(col(Message.campaign_id) == campaign)
        found = {one.contact_id: one.variant_id for one in session.execute(mine).scalars()}
    control.cancel(shared.runtime, campaign, ANA)
    control.cancel_waiting(shared.runtime)
    return found


def test_those_who_were_handed_in_get_it_and_nobody_who_came_since(shared: Installation, gold: list[int]) -> None:
    """Who lost the tier stays, who gained it does not come, and each keeps the variant; the rehearsal says the same."""
    campaign = draft(shared)
    assert approval.submit(shared.runtime, campaign, ANA) == 2
    assert set(listed(shared, campaign)) == set(gold)
    with shared.runtime.db.write() as session:
        session.execute(update(Contact).where(col(Contact.id) == gold[0]).values(attributes={"tier": "basic"}))
    person(shared)
    approval.approve(shared.runtime, campaign, BEN)
    assert rehearse(shared.runtime, campaign).total == 2
    control.schedule(shared.runtime, campaign, None, BEN)
    before = listed(shared, campaign)
    assert planned(shared, campaign) == before
    assert frozen.forget_some(shared.runtime) == 2
    assert (frozen.forget_some(shared.runtime), listed(shared, campaign)) == (0, {})


def test_without_the_choice_it_is_decided_at_the_start(shared: Installation, gold: list[int]) -> None:
    """The same campaign as ever follows its segment until it starts, and no list is kept."""
    campaign = control.create(
        shared.runtime, CampaignIn(f"Live {next(_names)}", "acme", [VariantIn("a", GOLD, "Hi")]), ANA
    )
    approval.submit(shared.runtime, campaign, ANA)
    approval.approve(shared.runtime, campaign, BEN)
    late = person(shared)
    control.schedule(shared.runtime, campaign, None, BEN)
    assert (listed(shared, campaign), row(shared, campaign).frozen_digest) == ({}, None)
    assert set(planned(shared, campaign)) == {*gold, late}


def test_an_approval_covers_the_people(shared: Installation, gold: list[int]) -> None:
    """Another person on the list, one fewer, another variant or another digest: it does not start, and says why."""
    rivals = person(shared, "basic")
    for harm in (
        lambda mine: delete(FrozenMember).where(mine, col(FrozenMember.contact_id) == gold[1]),
        lambda mine: (
            update(FrozenMember).where(mine, col(FrozenMember.contact_id) == gold[1]).values(contact_id=rivals)
        ),
        lambda mine: update(FrozenMember).where(mine).values(variant_id=1),
    ):
        campaign = draft(shared)
        control.schedule(shared.runtime, campaign, None, ANA)
        with shared.runtime.db.write() as session:
            session.execute(harm(col(FrozenMember.campaign_id) == campaign))
        assert planned(shared, campaign) == {}
        assert "the list of its people was changed" in row(shared, campaign).paused_why
    campaign = draft(shared)
    control.schedule(shared.runtime, campaign, None, ANA)
    with shared.runtime.db.write() as session:
        session.execute(update(Campaign).where(col(Campaign.id) == campaign).values(frozen_digest=b"other"))
    assert planned(shared, campaign) == {}
    assert "its audience changed" in row(shared, campaign).paused_why


def test_a_paused_one_does_not_go_on_with_another_list(shared: Installation, gold: list[int]) -> None:
    """Resuming compares as well."""
    campaign = draft(shared)
    control.schedule(shared.runtime, campaign, None, ANA)
    control.pause(shared.runtime, campaign, ANA)
    with shared.runtime.db.write() as session:
        session.execute(delete(FrozenMember).where(col(FrozenMember.contact_id) == gold[0]))
    with pytest.raises(ControlError, match="cannot go on: the list of its people was changed"):
        control.resume(shared.runtime, campaign, ANA)
    control.cancel(shared.runtime, campaign, ANA)


def test_an_edit_or_withdrawal_ends_the_list(shared: Installation, gold: list[int]) -> None:
    """The next submission lists whoever is in it then; a choice that there is not is refused in a sentence."""
    campaign = draft(shared)
    approval.submit(shared.runtime, campaign, ANA)
    approval.withdraw(shared.runtime, campaign, ANA)
    assert row(shared, campaign).frozen_digest is None
    late = person(shared)
    assert approval.submit(shared.runtime, campaign, ANA) == 3
    assert set(listed(shared, campaign)) == {*gold, late}
    with shared.runtime.db.read() as session:
        wanted = writing.written(session, campaign)
    writing.edit(shared.runtime, campaign, replace(wanted, end_at=None), ANA)
    assert row(shared, campaign).frozen_digest is None
    with pytest.raises(ControlError, match="must be start or submission"):
        writing.edit(shared.runtime, campaign, replace(wanted, audience_at="never"), ANA)


def test_what_changes_while_it_is_listed_is_not_submitted(shared: Installation, gold: list[int]) -> None:
    """A list is for one edit of the campaign alone."""
    campaign = draft(shared)
    handed = approval.hand_in(shared.runtime, campaign)
    with shared.runtime.db.read() as session:
        wanted = writing.written(session, campaign)
    writing.edit(shared.runtime, campaign, wanted, BEN)
    with (
        pytest.raises(ControlError, match="changed while its audience was listed"),
        shared.runtime.db.write() as session,
    ):
        approval.approve_alone(session, shared.runtime, campaign, ANA, handed)
    assert row(shared, campaign).status == "draft"
