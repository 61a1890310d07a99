"""Starts: at an instant, at each recipient's own hour, and neither too late nor other than was approved."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from sender.campaigns import control, planner
from sender.campaigns.control import CampaignIn, ControlError, VariantIn
from sender.campaigns.rehearsal import rehearse
from sender.models import Campaign, Message, Number
from tests.campaigns.conftest import on_sqlite
from tests.installation import TUESDAY, Installation

WORDS = VariantIn("all", {}, "Hello")
_names = count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for this file; its statements are plain, so that one database is enough."""
    with on_sqlite(tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def people(shared: Installation) -> None:
    """Somebody in New York, in Denver, in Paris, and one whose area code lies in two zones."""
    for e164 in ("+12125550101", "+13035550101", "+33612345678", "+18505550101"):
        shared.contact(e164)


def draft(shared: Installation, **columns: Any) -> int:
    """A draft with a name of its own."""
    return control.create(shared.runtime, CampaignIn(f"Start {next(_names)}", "acme", (WORDS,), **columns), "ana")


def planned(shared: Installation, campaign: int) -> dict[str, tuple[datetime, str]]:
    """When each number's text may leave, and why not before."""
    with shared.runtime.db.read() as session:
        mine = select(col(Number.country), col(Number.area_code), col(Message.send_after), col(Message.reason))
        rows = mine.join(Message, col(Message.number_id) == col(Number.id)).where(col(Message.campaign_id) == campaign)
        return {area or country: (after, reason) for country, area, after, reason in session.execute(rows)}


def test_everybody_gets_it_at_their_own_hour(shared: Installation) -> None:
    """Half past noon is another instant in Paris, New York and Denver, and the later one of two possible zones."""
    campaign = draft(shared, local_start="2026-03-11T12:30")
    found = rehearse(shared.runtime, campaign)
    start = control.schedule(shared.runtime, campaign, None, "ana")
    assert start == datetime(2026, 3, 11, 11, 30, tzinfo=UTC)
    shared.clock.hands["now"] = start
    control.start_due(shared.runtime)
    planner.plan_slice(shared.runtime, campaign)
    day = datetime(2026, 3, 11, tzinfo=UTC)
    hours = {"FR": 11.5, "212": 16.5, "303": 18.5, "850": 17.5}
    assert planned(shared, campaign) == {place: (day + timedelta(hours=hour), "") for place, hour in hours.items()}
    expected = {day.replace(hour=int(hour)): 1 for hour in hours.values()}
    assert found.forecast.per_hour() == expected
    control.cancel(shared.runtime, campaign, "ana")
    control.cancel_waiting(shared.runtime)
    shared.clock.hands["now"] = TUESDAY


def test_quiet_hours_are_asked_for_that_hour(shared: Installation) -> None:
    """A local start in the night waits for the morning of each place."""
    campaign = draft(shared, local_start="2026-03-12T03:00")
    shared.clock.hands["now"] = control.schedule(shared.runtime, campaign, None, "ana")
    control.start_due(shared.runtime)
    planner.plan_slice(shared.runtime, campaign)
    found = planned(shared, campaign)
    assert found["212"] == (datetime(2026, 3, 12, 12, 0, tzinfo=UTC), "quiet_hours")
    control.cancel(shared.runtime, campaign, "ana")
    control.cancel_waiting(shared.runtime)
    shared.clock.hands["now"] = TUESDAY


@pytest.mark.parametrize(
    ("columns", "asked", "sentence"),
    [
        ({"local_start": "2026-03-09T10:00"}, None, "has passed everywhere"),
        ({"local_start": "2026-03-12T10:00"}, TUESDAY, "starts at 2026-03-12 10:00:00 local time"),
        ({"begins_at": TUESDAY - timedelta(hours=1)}, None, "has passed; give it a later one"),
        ({"begins_at": TUESDAY + timedelta(hours=1)}, TUESDAY, "starts at 2026-03-10 16:00 UTC; edit it"),
        ({"end_at": TUESDAY + timedelta(hours=1)}, TUESDAY + timedelta(hours=2), "would end before it starts"),
    ],
)
def test_another_start_than_was_written_is_refused(
    shared: Installation, columns: dict[str, Any], asked: datetime | None, sentence: str
) -> None:
    """The sentence says what stands in the campaign, and it stays a draft."""
    campaign = draft(shared, **columns)
    with pytest.raises(ControlError, match=sentence):
        control.schedule(shared.runtime, campaign, asked, "ana")
    with shared.runtime.db.read() as session:
        assert session.get_one(Campaign, campaign).status == "draft"


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"local_start": "10 o'clock"}, "must be a time without offset"),
        ({"local_start": "2026-03-12T10:00Z"}, "must be a time without offset"),
        ({"local_start": "2026-03-12T10:00", "begins_at": TUESDAY}, "has two starts"),
        ({"begins_at": TUESDAY, "end_at": TUESDAY}, "would end before it starts"),
    ],
)
def test_a_start_that_makes_no_sense_is_refused(shared: Installation, columns: dict[str, Any], sentence: str) -> None:
    """One sentence, and nothing is kept."""
    with pytest.raises(ControlError, match=sentence):
        draft(shared, **columns)


def test_a_written_start_is_kept(shared: Installation) -> None:
    """Scheduled without a time, a campaign starts when its approved words say."""
    campaign = draft(shared, begins_at=TUESDAY + timedelta(days=2))
    assert control.schedule(shared.runtime, campaign, None, "ana") == TUESDAY + timedelta(days=2)
    control.cancel(shared.runtime, campaign, "ana")


def test_a_rehearsal_keeps_the_campaigns_rate(shared: Installation) -> None:
    """At a part in half an hour four texts take two hours, in a start as in its rehearsal."""
    found = rehearse(shared.runtime, draft(shared, rate=1 / 1800))
    assert found.forecast.ends is not None
    assert found.forecast.ends - TUESDAY >= timedelta(hours=1, minutes=30)
    with pytest.raises(ControlError, match="must be above 0"):
        draft(shared, rate=0.0)
