"""An audience that is fixed at the submission: those people, in those variants, and nobody else, whatever changes."""

from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlmodel import col

from sender.audience.merging import merge
from sender.audience.upkeep import stop
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
    found = planned_now(shared, campaign)
    control.cancel(shared.runtime, campaign, ANA)
    control.cancel_waiting(shared.runtime)
    return found


def planned_now(shared: Installation, campaign: int) -> dict[int | None, int | None]:
    """The variant by contact, of the texts of a campaign that was started."""
    while planner.plan_slice(shared.runtime, campaign):
        pass
    with shared.runtime.db.read() as session:
        mine = select(Message).where(col(Message.campaign_id) == campaign)
        return {one.contact_id: one.variant_id for one in session.execute(mine).scalars()}


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


def test_who_is_merged_before_the_start_is_reached_as_the_kept_contact(shared: Installation, gold: list[int]) -> None:
    """Once each, in the variant that was handed in, over several merges; with a stop to either number, not at all."""
    campaign, (first, last) = draft(shared), (person(shared, "basic"), person(shared, "basic"))
    control.schedule(shared.runtime, campaign, None, ANA)
    variant = listed(shared, campaign)[gold[0]]
    merge(shared.runtime, first, gold[0], ANA)
    merge(shared.runtime, last, first, ANA)
    assert (rehearse(shared.runtime, campaign).total, gone_words(shared, campaign)) == (2, [])
    stop(shared.runtime, gold[1], None, "letter", "", ANA)
    kept = person(shared, "basic")
    merge(shared.runtime, kept, gold[1], ANA)
    assert rehearse(shared.runtime, campaign).verdicts["block"] == 1
    found = planned(shared, campaign)
    assert (set(found), found[last]) == ({last, kept}, variant)


def test_two_listed_people_who_become_one_get_it_once_and_the_rehearsal_says_so(
    shared: Installation, gold: list[int]
) -> None:
    """The kept one has a place already; the other's is named as gone."""
    campaign = draft(shared)
    control.schedule(shared.runtime, campaign, None, ANA)
    merge(shared.runtime, gold[0], gold[1], ANA)
    assert [sentence[:36] for sentence in gone_words(shared, campaign)] == ["1 of the people who were handed in a"]
    assert set(planned(shared, campaign)) == {gold[0]}


def gone_words(shared: Installation, campaign: int) -> list[str]:
    """What the rehearsal says of listed people who are no contacts any more."""
    found = rehearse(shared.runtime, campaign).findings
    return [sentence for code, sentence in found if code == "listed_gone"]


def test_nobody_is_put_in_anothers_place_without_a_merge(shared: Installation, gold: list[int]) -> None:
    """A place that was given away in the database alone stops the start, though all who were handed in are named."""
    campaign = draft(shared)
    control.schedule(shared.runtime, campaign, None, ANA)
    foisted = {"contact_id": person(shared, "basic"), "listed_as": gold[0]}
    with shared.runtime.db.write() as session:
        mine = col(FrozenMember.campaign_id) == campaign, col(FrozenMember.contact_id) == gold[0]
        session.execute(update(FrozenMember).where(*mine).values(**foisted))
    assert planned(shared, campaign) == {}
    assert "edit it and submit it again" in row(shared, campaign).paused_why


def test_a_list_that_changes_while_it_is_planned_stops_the_campaign(shared: Installation, gold: list[int]) -> None:
    """Somebody is added after the start was allowed: it is paused before anybody of the last slice gets a text."""
    campaign = draft(shared)
    control.schedule(shared.runtime, campaign, None, ANA)
    control.start_due(shared.runtime)
    added = FrozenMember(campaign_id=campaign, contact_id=person(shared, "basic"), variant_id=1)
    with shared.runtime.db.write() as session:
        session.add(added)
    assert planned_now(shared, campaign) == {}
    found = row(shared, campaign)
    assert (found.status, found.planned_at) == ("paused", None)
    assert "the list of its people was changed" in found.paused_why
    with pytest.raises(ControlError, match="cannot go on: the list of its people was changed"):
        control.resume(shared.runtime, campaign, ANA)


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
