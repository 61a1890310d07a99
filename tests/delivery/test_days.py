"""Caps of a day: no worker passes them, and what does not fit goes after the right midnight."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from sender.allowances import PACIFIC, Shortage, Wish, day_of, open_purse, share_out
from sender.delivery.gate import open_gate
from sender.delivery.pipeline import Pipeline
from sender.delivery.reserving import BUDGET_USED
from sender.models import Allowance, Attempt, Campaign, FromNumber, Message, Number
from sender.states import wait_again
from sender.watching import notices
from tests.installation import TUESDAY, Installation

NEXT_MIDNIGHT = datetime(2026, 3, 11, 7, 0, tzinfo=UTC)
"""Los Angeles keeps summer time since Sunday."""


def waiting(installation: Installation, count: int, **columns: object) -> list[int]:
    """So many texts to different people of New York."""
    people = [installation.contact(f"+121255501{place:02}") for place in range(count)]
    return [installation.message(number, **columns) for number in people]


def test_a_from_number_sends_its_parts_of_the_day_and_no_more(installation: Installation, pipeline: Pipeline) -> None:
    """Five parts a day and texts of two: two go, the third waits for midnight in Los Angeles with the reason."""
    with installation.runtime.db.write() as session:
        session.execute(update(FromNumber).values(daily_parts=5))
    pipeline.deliver(waiting(installation, 3, parts=2))
    assert len(installation.provider.sent) == 2
    with installation.runtime.db.read() as session:
        left = session.execute(select(Message).where(col(Message.status) == "pending")).scalar_one()
        assert session.execute(select(col(Allowance.used))).scalar_one() == 4
    assert (left.reason, left.send_after) == ("daily_parts", NEXT_MIDNIGHT)


def test_what_has_no_budget_uses_up_no_part_of_the_day(installation: Installation) -> None:
    """Three texts of a campaign without money left come first: the three parts of the day stay for three others."""
    with installation.runtime.db.write() as session:
        session.execute(update(FromNumber).values(daily_parts=3))
        row = Campaign(
            program_id=installation.program_id, name="Sale", status="running", created_at=TUESDAY, daily_budget=10
        )
        session.add(row)
        session.flush()
        poor = row.id
    first, *others = waiting(installation, 4)
    with installation.runtime.db.write() as session:
        session.execute(update(Message).where(col(Message.id) == first).values(campaign_id=poor, cost=90))
    assert [one.message_id for one in open_gate(installation.runtime, [first, *others])] == others


def test_what_has_no_part_of_the_day_left_costs_nothing(installation: Installation) -> None:
    """A text that waits for midnight has set aside no money: once it may go, it is paid for once."""
    runtime = installation.runtime
    object.__setattr__(runtime, "settings", runtime.settings.model_copy(update={"daily_budget": 0.05}))
    with runtime.db.write() as session:
        session.execute(update(FromNumber).values(daily_parts=1))
    assert len(open_gate(runtime, waiting(installation, 3, cost=200))) == 1
    with runtime.db.read() as session:
        used = dict(session.execute(select(col(Allowance.key), col(Allowance.used))).all())
    assert used == {"installation": 200, "line:+12125550100": 1}


def test_the_installation_spends_its_budget_of_the_day_and_no_more(installation: Installation) -> None:
    """Three texts of two cents and a budget of five: two go, one waits for midnight UTC, and people are told."""
    runtime = installation.runtime
    object.__setattr__(runtime, "settings", runtime.settings.model_copy(update={"daily_budget": 0.05}))
    ids = waiting(installation, 3, cost=200)
    assert len(open_gate(runtime, ids)) == 2
    with runtime.db.read() as session:
        left = session.execute(select(Message).where(col(Message.status) == "pending")).scalar_one()
        told = [notice.sentence for notice in notices.standing(session)]
    assert (left.reason, left.send_after) == ("installation_budget", datetime(2026, 3, 11, tzinfo=UTC))
    assert told == [BUDGET_USED]


def test_no_race_passes_a_cap(installation: Installation) -> None:
    """Eight threads take one at a time of a cap of twenty: together they get twenty."""
    had: list[int] = []

    def work() -> None:
        for place in range(10):
            with installation.runtime.db.write() as session:
                purse = open_purse(session, "line:+1", day_of(TUESDAY), 20, Shortage("daily_parts", TUESDAY, ""))
                short = share_out(session, [Wish(place, [(purse, 1)])])
            had.append(1 - len(short))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(had) == 20


@pytest.mark.parametrize(
    ("now", "name", "hours"),
    [("2026-03-08T09:00+00:00", "2026-03-08", 22), ("2026-11-01T08:00+00:00", "2026-11-01", 24)],
)
def test_a_day_is_as_long_as_the_clocks_make_it(now: str, name: str, hours: int) -> None:
    """At one in the morning of the day summer time begins 22 hours are left, on the day it ends 24."""
    at = datetime.fromisoformat(now)
    assert day_of(at, PACIFIC) == (name, at + timedelta(hours=hours))


def test_what_another_gate_let_through_does_not_wait_again(installation: Installation) -> None:
    """A text that is on the wire keeps its state, whatever a gate with older eyes or a sweep makes of it."""
    runtime = installation.runtime
    (message,) = waiting(installation, 1)
    assert len(open_gate(runtime, [message])) == 1
    with runtime.db.write() as session:
        now = runtime.clock.now()
        assert wait_again(session, [message], now=now, real=now) == set()
    assert installation.status(message) == "sending"


def test_two_gates_of_one_text_leave_it_on_the_wire(installation: Installation) -> None:
    """Sixteen gates at once for the same three texts: none waits while its attempt lives."""
    ids = waiting(installation, 3)
    threads = [threading.Thread(target=open_gate, args=(installation.runtime, ids)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with installation.runtime.db.read() as session:
        live = set(session.execute(select(col(Attempt.message_id))).scalars())
    assert {installation.status(message) for message in live} <= {"sending"}


def test_a_gate_does_not_wait_for_a_number_that_is_held(installation: Installation) -> None:
    """While somebody holds a person's row (a STOP, an import) a gate lets others through, and that text asks again."""
    if installation.runtime.db.is_sqlite:
        return
    first, second = waiting(installation, 2)
    with installation.runtime.db.write() as session:
        held = session.execute(select(col(Message.number_id)).where(col(Message.id) == first)).scalar_one()
        session.execute(select(col(Number.id)).where(col(Number.id) == held).with_for_update()).all()
        assert [one.message_id for one in open_gate(installation.runtime, [first, second])] == [second]
    assert installation.status(first) == "pending"
