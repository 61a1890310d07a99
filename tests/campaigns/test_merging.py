"""Two contacts that turn out to be one person: of a campaign they get one text, on whichever number came first."""

from itertools import count

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from sender.audience.merging import merge
from sender.audience.preferences import choose, pause
from sender.audience.upkeep import UpkeepError
from sender.campaigns import control, copies, planner
from sender.campaigns.control import CampaignIn, VariantIn
from sender.delivery.gate import open_gate
from sender.models import Contact, Message, Wishes
from tests.campaigns.test_copies import end
from tests.installation import Installation

ANA = "ana@acme.example"
_names, _numbers = count(), count()


@pytest.fixture
def pair(shared: Installation) -> tuple[int, int]:
    """The numbers of two new contacts who agreed."""
    one, other = (shared.contact(f"+122455501{next(_numbers):02}", attributes={"new": "yes"}) for _ in range(2))
    return one, other


@pytest.fixture(autouse=True)
def nobody_else(shared: Installation) -> None:
    """Whoever was there before is in no audience any more."""
    with shared.runtime.db.write() as session:
        session.execute(update(Contact).values(attributes={}))


def contact(shared: Installation, number: int) -> int:
    """The contact of a number."""
    with shared.runtime.db.read() as session:
        return session.execute(select(col(Contact.id)).where(col(Contact.number_id) == number)).scalar_one() or 0


def unite(shared: Installation, kept: int, other: int) -> None:
    """Merge the contact of the second number into that of the first."""
    merge(shared.runtime, contact(shared, kept), contact(shared, other), ANA)


def begun(shared: Installation) -> int:
    """A campaign to whoever is new that has started and planned nothing yet."""
    wanted = CampaignIn(
        f"One each {next(_names)}", "acme", [VariantIn("a", {"field": "attributes.new", "is": "yes"}, "Hi")]
    )
    campaign = control.create(shared.runtime, wanted, ANA)
    control.schedule(shared.runtime, campaign, None, ANA)
    control.start_due(shared.runtime)
    return campaign


def plan(shared: Installation, campaign: int) -> None:
    """Plan it to the end."""
    while planner.plan_slice(shared.runtime, campaign):
        pass


def texts(shared: Installation, campaign: int) -> dict[int, tuple[str, str]]:
    """State and reason of each text, by its number."""
    with shared.runtime.db.read() as session:
        mine = select(Message).where(col(Message.campaign_id) == campaign)
        return {one.number_id: (one.status, one.reason) for one in session.execute(mine).scalars()}


def become(shared: Installation, campaign: int, number: int, status: str, reason: str = "") -> None:
    """Let something have become of a text."""
    mine = col(Message.campaign_id) == campaign, col(Message.number_id) == number
    with shared.runtime.db.write() as session:
        session.execute(update(Message).where(*mine).values(status=status, reason=reason))


MERGED = ("blocked", "merged")


@pytest.mark.parametrize("statuses", [
    ("pending", "pending", "pending", MERGED),
    ("queued", "queued", "queued", MERGED),
    ("pending", "sending", MERGED, "sending"),
    ("queued", "delivered", MERGED, "delivered"),
    ("pending", "unproven", MERGED, "unproven"),
    ("unconfirmed", "pending", "unconfirmed", MERGED),
    ("failed", "pending", "failed", MERGED),
    ("cancelled", "pending", "cancelled", "pending"),
    ("blocked", "pending", "blocked", "pending"),
    ("sent", "sent", "sent", "sent"),
])  # fmt: skip
def test_one_person_gets_one_text_of_a_campaign(
    shared: Installation, pair: tuple[int, int], statuses: tuple[str, str, str | tuple[str, str], str | tuple[str, str]]
) -> None:
    """Where one left or may have left none follows, else the kept number's goes; one that never left stops nobody."""
    campaign = begun(shared)
    plan(shared, campaign)
    mine, theirs, *after = statuses
    become(shared, campaign, pair[0], mine)
    become(shared, campaign, pair[1], theirs)
    unite(shared, *pair)
    wanted = [state if isinstance(state, tuple) else (state, "") for state in after]
    found = texts(shared, campaign)
    assert [found[number] for number in pair] == wanted
    end(shared, campaign)


def test_both_at_the_gate_and_one_leaves(shared: Installation, pair: tuple[int, int]) -> None:
    """Both numbers agreed and both texts are at the door when the two become one: one text is handed over."""
    campaign = begun(shared)
    plan(shared, campaign)
    for number in pair:
        become(shared, campaign, number, "queued")
    unite(shared, *pair)
    with shared.runtime.db.read() as session:
        ids = list(session.execute(select(col(Message.id)).where(col(Message.campaign_id) == campaign)).scalars())
    opened = open_gate(shared.runtime, [one or 0 for one in ids])
    assert [one.number_id for one in opened] == [pair[0]]
    end(shared, campaign)


@pytest.mark.parametrize("fate", ["pending", "delivered", "cancelled"])
def test_who_is_merged_amid_planning_is_not_planned_again(
    shared: Installation, pair: tuple[int, int], fate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other number has its text and the kept contact's turn comes later: none is made; a cancelled text is none."""
    monkeypatch.setattr(planner, "SLICE", 1)
    monkeypatch.setattr(planner, "SLICES", 1)
    campaign = begun(shared)
    planner.plan_slice(shared.runtime, campaign)
    become(shared, campaign, pair[0], fate)
    unite(shared, pair[1], pair[0])
    plan(shared, campaign)
    found = texts(shared, campaign)
    assert found == {pair[0]: (fate, ""), pair[1]: ("pending", "") if fate == "cancelled" else MERGED}
    end(shared, campaign)


def test_the_rest_leaves_out_who_has_it_on_another_number(shared: Installation, pair: tuple[int, int]) -> None:
    """A mailing to the rest knows the person, not the number alone; one that waits already ends at the merge."""
    campaign = begun(shared)
    plan(shared, campaign)
    become(shared, campaign, pair[0], "delivered")
    end(shared, campaign)
    rest = copies.send_to_the_rest(shared.runtime, campaign, f"Rest {next(_names)}", ANA)
    control.schedule(shared.runtime, rest, None, ANA)
    control.start_due(shared.runtime)
    plan(shared, rest)
    assert texts(shared, rest) == {pair[1]: ("pending", "")}
    unite(shared, pair[1], pair[0])
    assert texts(shared, rest) == {pair[1]: MERGED}
    end(shared, rest)
    become(shared, rest, pair[1], "cancelled")
    again = copies.send_to_the_rest(shared.runtime, campaign, f"Rest {next(_names)}", ANA)
    control.schedule(shared.runtime, again, None, ANA)
    control.start_due(shared.runtime)
    plan(shared, again)
    assert texts(shared, again) == {}
    end(shared, again)


def test_a_wish_for_one_number_is_a_wish_of_the_person(shared: Installation, pair: tuple[int, int]) -> None:
    """The longer pause and all unwanted subjects count for both; hours where the other chose none."""
    pause(shared.runtime, pair[1], 30)
    choose(shared.runtime, pair[1], (9, 17), [])
    pause(shared.runtime, pair[0], 7)
    unite(shared, *pair)
    with shared.runtime.db.read() as session:
        kept, other = (session.get_one(Wishes, number) for number in pair)
    assert (kept.paused_until, kept.hours) == (other.paused_until, other.hours) != (None, None)
    assert kept.paused_until is not None
    assert (kept.paused_until - shared.clock.now()).days == 30


def test_who_is_gone_is_not_merged(shared: Installation, pair: tuple[int, int]) -> None:
    """Two people press the button: the second is told, and nothing is done twice."""
    kept, other = (contact(shared, number) for number in pair)
    merge(shared.runtime, kept, other, ANA)
    for one, two in ((kept, other), (other, kept)):
        with pytest.raises(UpkeepError, match="gone"):
            merge(shared.runtime, one, two, ANA)
