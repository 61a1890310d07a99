"""Budgets: no number of gates at once overspends, on either database, and what is short says when to ask again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from sender import spend
from sender.allowances import Shortage, Wish, share_out
from sender.delivery.gate import open_gate
from sender.models import Campaign, Decision, Message
from sender.states import Status
from tests.installation import TUESDAY, Installation, install

THREADS = 16


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation that records instead of sending."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def campaign(installation: Installation, **columns: object) -> int:
    """A running campaign with these budgets."""
    with installation.runtime.db.write() as session:
        row = Campaign(program_id=installation.program_id, name="Sale", status="running", created_at=TUESDAY, **columns)
        session.add(row)
        session.flush()
        return row.id or 0


def take(installation: Installation, campaign_id: int, costs: list[int], now: datetime = TUESDAY) -> dict[int, str]:
    """Reserve for texts of these costs in one transaction; the reasons of those that may not go, by place."""
    return {key: short.reason for key, short in lacking(installation, campaign_id, costs, now).items()}


def lacking(
    installation: Installation, campaign_id: int, costs: list[int], now: datetime = TUESDAY
) -> dict[int, Shortage]:
    """What those lack that may not go, by place."""
    with installation.runtime.db.write() as session:
        purses = spend.purses(session, {campaign_id}, now).get(campaign_id, [])
        wishes = [Wish(place, [(purse, cost) for purse in purses]) for place, cost in enumerate(costs)]
        return share_out(session, wishes)


def used(installation: Installation, campaign_id: int, day: str = "") -> int:
    """What is set aside."""
    with installation.runtime.db.read() as session:
        return spend.reserved(session, campaign_id, day)


@pytest.mark.parametrize(("columns", "day"), [({"budget": 1000}, ""), ({"daily_budget": 1000}, "2026-03-10")])
def test_sixteen_gates_at_once_never_overspend(installation: Installation, columns: dict[str, int], day: str) -> None:
    """Of 16 times 20 texts at 7 each exactly 142 fit into 1,000, whoever comes first."""
    campaign_id = campaign(installation, **columns)

    def gates(_: int) -> int:
        return sum(5 - len(take(installation, campaign_id, [7] * 5)) for _ in range(4))

    with ThreadPoolExecutor(THREADS) as threads:
        went = sum(threads.map(gates, range(THREADS)))
    assert went == 142
    assert used(installation, campaign_id, day) == 142 * 7


def test_without_a_budget_nothing_is_counted(installation: Installation) -> None:
    """A campaign with no budget spends as it likes and leaves no row."""
    campaign_id = campaign(installation)
    assert take(installation, campaign_id, [1_000_000]) == {}
    assert used(installation, campaign_id) == 0


def test_what_fits_goes_and_the_rest_waits(installation: Installation) -> None:
    """In the order asked, a dear text that does not fit lets a cheaper one behind it pass."""
    campaign_id = campaign(installation, budget=100)
    assert take(installation, campaign_id, [60, 50, 40, 1]) == {1: "budget", 3: "budget"}
    assert used(installation, campaign_id) == 100


def test_a_new_day_has_a_new_budget(installation: Installation) -> None:
    """The budget of the day is by the UTC calendar and says when the next begins."""
    campaign_id = campaign(installation, daily_budget=50, budget=70)
    assert take(installation, campaign_id, [50, 10]) == {1: "daily_budget"}
    assert lacking(installation, campaign_id, [10])[0].until == datetime(2026, 3, 11, tzinfo=UTC)
    assert take(installation, campaign_id, [20, 10], TUESDAY + timedelta(days=1)) == {1: "budget"}


def test_raising_a_budget_makes_room(installation: Installation) -> None:
    """What was refused goes when a person has raised the budget; what was spent stays counted."""
    campaign_id = campaign(installation, budget=100)
    assert take(installation, campaign_id, [100, 30]) == {1: "budget"}
    with installation.runtime.db.write() as session:
        session.get_one(Campaign, campaign_id).budget = 130
    assert take(installation, campaign_id, [30]) == {}
    assert used(installation, campaign_id) == 130


def messages(installation: Installation, campaign_id: int, many: int, cost: int) -> list[int]:
    """Queued texts of a campaign to different people."""
    numbers = [installation.contact(f"+1212555{place:04}") for place in range(100, 100 + many)]
    return [installation.message(number, campaign_id=campaign_id, cost=cost) for number in numbers]


def test_the_gate_stops_at_the_budget_and_pauses_the_campaign(installation: Installation) -> None:
    """Two of three texts fit: the third waits with its reason, and the campaign is paused for a person."""
    campaign_id = campaign(installation, budget=200)
    ids = messages(installation, campaign_id, 3, 90)
    assert [one.message_id for one in open_gate(installation.runtime, ids)] == ids[:2]
    with installation.runtime.db.read() as session:
        waiting = session.get_one(Message, ids[2])
        assert (waiting.status, waiting.reason) == (Status.PENDING.value, "budget")
        row = session.get_one(Campaign, campaign_id)
        assert (row.status, row.paused_why) == ("paused", "its budget is used; raise it and resume")
        guards = session.execute(select(col(Decision.guard)).where(col(Decision.message_id) == ids[2])).scalars()
        assert list(guards) == ["spend"]


def test_the_budget_of_the_day_defers_without_a_pause(installation: Installation) -> None:
    """What the day has no budget for waits for tomorrow while the campaign runs on."""
    campaign_id = campaign(installation, daily_budget=100)
    ids = messages(installation, campaign_id, 2, 90)
    assert len(open_gate(installation.runtime, ids)) == 1
    with installation.runtime.db.read() as session:
        assert session.get_one(Campaign, campaign_id).status == "running"
        assert session.get_one(Message, ids[1]).send_after == datetime(2026, 3, 11, tzinfo=UTC)


def test_a_text_that_is_tried_again_is_not_charged_twice(installation: Installation) -> None:
    """What was set aside for a text that was proven not created serves its next try."""
    campaign_id = campaign(installation, budget=100)
    number = installation.contact("+12125550100")
    again = installation.message(number, campaign_id=campaign_id, cost=90, tries=1)
    assert len(open_gate(installation.runtime, [again])) == 1
    assert used(installation, campaign_id) == 0


def test_what_a_guard_refuses_costs_nothing(installation: Installation) -> None:
    """Only cleared texts are reserved for."""
    campaign_id = campaign(installation, budget=100)
    number = installation.contact("+12125550100", consent=False)
    assert open_gate(installation.runtime, [installation.message(number, campaign_id=campaign_id, cost=90)]) == []
    assert used(installation, campaign_id) == 0
