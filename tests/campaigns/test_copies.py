"""Shares, copies, the rest and the shelf: nobody twice, nobody forgotten, and the library's versions stay."""

from collections import Counter
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from sender.campaigns import control, copies, library, planner, writing
from sender.campaigns.audience import bucket_of
from sender.campaigns.control import CampaignIn, ControlError, VariantIn
from sender.campaigns.rendering import TemplateError
from sender.campaigns.reports import listing
from sender.models import Audit, Campaign, Message, Variant
from tests.installation import TUESDAY, Installation

EVERYBODY = VariantIn("all", {}, "Hello")
_names = count()


@pytest.fixture(scope="module", autouse=True)
def numbers(shared: Installation) -> list[int]:
    """Sixty people."""
    return [shared.contact(f"+1212555{n:04}") for n in range(100, 160)]


def draft(shared: Installation, *variants: VariantIn, **columns: Any) -> int:
    """A draft with a name of its own."""
    wanted = CampaignIn(f"Copy {next(_names)}", "acme", variants or (EVERYBODY,), **columns)
    return control.create(shared.runtime, wanted, "ana")


def run(shared: Installation, campaign: int) -> list[int]:
    """Start and plan it; the numbers of its messages."""
    control.schedule(shared.runtime, campaign, None, "ana")
    control.start_due(shared.runtime)
    while planner.plan_slice(shared.runtime, campaign):
        pass
    with shared.runtime.db.read() as session:
        mine = select(col(Message.number_id)).where(col(Message.campaign_id) == campaign)
        return sorted(session.execute(mine).scalars())


def end(shared: Installation, campaign: int) -> None:
    """Cancel it, and all that waits in it."""
    control.cancel(shared.runtime, campaign, "ana")
    control.cancel_waiting(shared.runtime)


def set_all(shared: Installation, campaign: int, numbers: list[int], **values: Any) -> None:
    """Let something have become of these numbers' messages."""
    mine = (col(Message.campaign_id) == campaign, col(Message.number_id).in_(numbers))
    with shared.runtime.db.write() as session:
        session.execute(update(Message).where(*mine).values(**values))


def test_shares_divide_a_segment_and_nobody_is_left_out(shared: Installation, numbers: list[int]) -> None:
    """Each person gets the variant that their hash says; a variant behind the shares takes nobody of that segment."""
    split = [VariantIn("a", {}, "One", share=30), VariantIn("b", {}, "Two", share=70), VariantIn("c", {}, "Three")]
    campaign = draft(shared, *split)
    assert run(shared, campaign) == numbers
    with shared.runtime.db.read() as session:
        joined = select(col(Message.number_id), col(Variant.name)).join(
            Variant, col(Variant.id) == col(Message.variant_id)
        )
        got = dict(session.execute(joined.where(col(Message.campaign_id) == campaign)).all())
    assert got == {number: "a" if bucket_of(campaign, number) < 30 else "b" for number in numbers}
    end(shared, campaign)


def test_the_hash_is_even_and_differs_between_campaigns() -> None:
    """Of ten thousand numbers each percent gets about a hundred, and two campaigns divide them independently."""
    sizes = Counter(bucket_of(7, number) for number in range(10_000))
    assert len(sizes) == 100
    assert 50 < min(sizes.values()) <= max(sizes.values()) < 160
    both = sum(bucket_of(7, number) < 50 and bucket_of(8, number) < 50 for number in range(10_000))
    assert 2_300 < both < 2_700


@pytest.mark.parametrize("shares", [(50, 40), (100, 1), (0, 100), (60, None, 40)])
def test_shares_make_a_hundred(shared: Installation, shares: tuple[int | None, ...]) -> None:
    """Neighbours of one segment must divide it wholly; what stands between them parts them."""
    variants = [VariantIn(f"v{place}", {}, "Hi", share=share) for place, share in enumerate(shares)]
    with pytest.raises(ControlError, match="they must add up to 100"):
        draft(shared, *variants)


def test_the_rest_is_who_was_not_reached(shared: Installation, numbers: list[int]) -> None:
    """Never who got a text, may have, or was refused; who was cancelled, too late or not planned gets the second."""
    first = draft(shared)
    run(shared, first)
    fates: list[dict[str, Any]] = [
        {"status": "delivered"}, {"status": "sent"}, {"status": "unconfirmed"}, {"status": "unproven"},
        {"status": "failed", "reason": "twilio_30005"}, {"status": "blocked", "reason": "no_consent"},
        {"status": "blocked", "reason": "opted_out"}, {"status": "undelivered"}, {"status": "sending"},
        {"status": "expired"}, {"status": "blocked", "reason": "too_late"}, {"status": "pending"},
    ]  # fmt: skip
    for place, fate in enumerate(fates):
        set_all(shared, first, numbers[place * 5 : place * 5 + 5], **fate)
    with pytest.raises(ControlError, match="is not over"):
        copies.send_to_the_rest(shared.runtime, first, "Rest", "ana")
    control.cancel(shared.runtime, first, "ana")
    with pytest.raises(ControlError, match="5 texts of the cancelled campaign are still being closed"):
        copies.send_to_the_rest(shared.runtime, first, "Rest", "ana")
    control.cancel_waiting(shared.runtime)
    late = shared.contact("+16465550101")
    rest = copies.send_to_the_rest(shared.runtime, first, f"Rest {next(_names)}", "ana")
    with pytest.raises(ControlError, match="is not over"):
        copies.send_to_the_rest(shared.runtime, first, "Another rest", "ana")
    assert run(shared, rest) == [*numbers[45:60], late]
    set_all(shared, rest, numbers[45:50], status="delivered")
    end(shared, rest)
    third = copies.send_to_the_rest(shared.runtime, rest, f"Rest {next(_names)}", "ana")
    assert run(shared, third) == [*numbers[50:60], late]
    end(shared, third)


def test_a_duplicate_is_a_new_draft_without_the_past(shared: Installation) -> None:
    """Words, audience and budget are the same; approval and times that have passed are not."""
    first = draft(shared, budget=40_000, end_at=TUESDAY + timedelta(days=9), local_start="2026-03-11T12:00")
    control.schedule(shared.runtime, first, None, "ana")
    shared.clock.hands["now"] = TUESDAY + timedelta(days=3)
    second = copies.duplicate(shared.runtime, first, f"Copy {next(_names)}", "bob")
    shared.clock.hands["now"] = TUESDAY
    with shared.runtime.db.read() as session:
        one, other = (writing.written(session, campaign) for campaign in (first, second))
        row = session.get_one(Campaign, second)
        assert (row.status, row.created_by, row.approved_hash, row.local_start) == ("draft", "bob", None, "")
    assert (one.variants, one.budget, one.end_at) == (other.variants, other.budget, other.end_at)
    end(shared, first)
    with pytest.raises(ControlError, match="already; give this one another name"):
        copies.duplicate(shared.runtime, first, one.name, "bob")


def test_the_shelf(shared: Installation) -> None:
    """Only what is over is archived; it leaves the list, comes back, and both stand in the audit."""
    campaign = draft(shared)
    with pytest.raises(ControlError, match="is draft; cancel it before you archive it"):
        copies.archive(shared.runtime, campaign, "ana")
    control.cancel(shared.runtime, campaign, "ana")
    copies.archive(shared.runtime, campaign, "ana")
    with shared.runtime.db.read() as session:
        assert campaign not in [line.id for line in listing(session)]
        assert [line.id for line in listing(session, archived=True)] == [campaign]
    copies.restore(shared.runtime, campaign, "ana")
    with shared.runtime.db.read() as session:
        assert campaign in [line.id for line in listing(session)]
        mine = select(col(Audit.action)).where(col(Audit.subject) == f"campaign {campaign}")
        assert list(session.execute(mine).scalars())[-2:] == ["campaign.archive", "campaign.restore"]


def test_versions_of_a_saved_template_stay(shared: Installation) -> None:
    """The same words make no new version, others do; campaigns take the newest or the one they name."""
    runtime, defaults = shared.runtime, {"first_name": "you"}
    assert library.save_template(runtime, "welcome", "Hi {{ first_name }}", "ana", defaults=defaults) == 1
    assert library.save_template(runtime, "welcome", "Hi {{ first_name }}", "bob", defaults=defaults) == 1
    assert library.save_template(runtime, "welcome", "Ho {{ first_name }}\nBye", "bob", defaults=defaults) == 2
    campaign = draft(
        shared,
        VariantIn("a", {"field": "language", "is": "es"}, saved="welcome@1"),
        VariantIn("b", {}, saved="welcome"),
    )
    with runtime.db.read() as session:
        assert [one.template for one in writing.written(session, campaign).variants] == [
            "Hi {{ first_name }}",
            "Ho {{ first_name }}\nBye",
        ]
        assert [(one.version, one.created_by) for one in library.versions(session, "welcome")] == [
            (2, "bob"),
            (1, "ana"),
        ]
        assert [line for line in library.difference(session, "welcome", 1, 2) if line[0] in "+-"] == [
            "-Hi {{ first_name }}", "+Ho {{ first_name }}", "+Bye",
        ]  # fmt: skip
        assert [(one.name, one.version) for one in library.templates(session)] == [("welcome", 2)]
    library.archive_template(runtime, "welcome", "ana")
    with runtime.db.read() as session:
        assert library.templates(session) == []
        assert [one.name for one in library.templates(session, archived=True)] == ["welcome"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a@b", "Hi", "cannot be used"),
        ("", "Hi", "cannot be used"),
        ("new", "Hi {{ stranger }}", "is not declared"),
        ("new", "", "is empty"),
    ],
)
def test_bad_templates_are_not_saved(shared: Installation, name: str, text: str, sentence: str) -> None:
    """One sentence, and nothing of that name is there."""
    with pytest.raises((ControlError, TemplateError), match=sentence):
        library.save_template(shared.runtime, name, text, "ana")
    with pytest.raises(ControlError, match="There is no saved template"), shared.runtime.db.read() as session:
        library.versions(session, name)


@pytest.mark.parametrize(("saved", "sentence"), [("nothing", "There is no saved"), ("welcome@x", "names no version")])
def test_a_template_that_is_not_there_is_named(shared: Installation, saved: str, sentence: str) -> None:
    """A campaign that asks for it is refused."""
    with pytest.raises(ControlError, match=sentence):
        draft(shared, VariantIn("all", {}, saved=saved))
