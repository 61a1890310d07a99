"""Caps of the day that only the provider knows: what rests until when, and what goes on. Through the simulator."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlmodel import col

from guards.base import Purpose
from sender import halt
from sender.delivery.dispatcher import Dispatcher
from sender.delivery.gate import signed_token
from sender.delivery.pipeline import Pipeline
from sender.delivery.receipts import ReceiptIn, apply, store
from sender.delivery.wire import Wire
from sender.models import Attempt, Decision, Message
from sender.runtime import Runtime
from sender.simulator.config import Fault
from sender.simulator.faults import Planned
from sender.watching.watch import watch
from tests.chaos.house import House, house

PACIFIC_MIDNIGHT = datetime(2026, 3, 11, 7, tzinfo=UTC)
UTC_MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)
"""It is 15:00 UTC on the tenth."""


@contextmanager
def working(made: House, ahead: timedelta = timedelta()) -> Iterator[tuple[Runtime, Dispatcher]]:
    """A runtime of this house, and a dispatcher whose bell is a worker."""
    with made.runtime(ahead=ahead) as runtime:
        wire = Wire()
        yield runtime, Dispatcher(runtime, Pipeline(runtime, wire).deliver)
        wire.ask(runtime.provider.close())
        wire.close()


def waiting(made: House) -> set[tuple[str, str]]:
    """What waits, with the reason of its last deferral."""
    with made.database.read() as session:
        pending = select(col(Message.status), col(Message.reason)).where(col(Message.status) == "pending")
        return {(status, reason) for status, reason in session.execute(pending)}


def until(made: House) -> set[datetime]:
    """When what waits may go."""
    with made.database.read() as session:
        return set(session.execute(select(col(Message.send_after)).where(col(Message.status) == "pending")).scalars())


def test_a_carriers_cap_of_the_day_lets_its_from_number_rest(tmp_path: Path, sqlite_url: str) -> None:
    """One text comes back with 30023: the campaign's others wait for midnight in Los Angeles, a code goes at once."""
    with house(tmp_path, sqlite_url) as made:
        first, second, third, fourth = made.people(4)
        campaign = made.campaign()
        made.messages([first], campaign, "pending")
        with working(made) as (runtime, dispatcher):
            assert dispatcher.hand_over() == 1
            with runtime.db.read() as session:
                token, sid = session.execute(select(col(Attempt.token), col(Attempt.sid))).one()
            store(runtime, [ReceiptIn(signed_token(runtime.keys, token), sid, "failed", 30023)])
            apply(runtime)
            made.messages([second], campaign, "pending")
            assert dispatcher.hand_over() == 0
            made.messages([third], None, "pending")
            (code,) = made.messages([fourth], None, "pending")
            with runtime.db.write() as session:
                session.execute(update(Message).where(col(Message.id) == code).values(purpose=Purpose.CODE.value))
            dispatcher.hand_over()
            watch(runtime)
        assert made.statuses()["sent"] == 1
        assert ("pending", "carrier_day") in waiting(made)
        assert PACIFIC_MIDNIGHT in until(made)
        with working(made, ahead=timedelta(hours=25)) as (_, dispatcher):
            assert dispatcher.hand_over() == 2
        assert made.statuses()["sent"] == 3


def test_the_accounts_cap_of_the_day_lets_everything_rest(tmp_path: Path, sqlite_url: str) -> None:
    """Refused with 63038 nothing was created: all wait until tomorrow with the reason, or until a person says go."""
    with house(tmp_path, sqlite_url) as made:
        made.simulator.world.faults.plan(Planned(Fault.DAILY_CAP))
        people = made.people(3)
        made.messages(people[:1], made.campaign(), "pending")
        with working(made) as (runtime, dispatcher):
            assert dispatcher.hand_over() == 1
            assert (waiting(made), until(made)) == ({("pending", "twilio_63038")}, {UTC_MIDNIGHT})
            made.messages(people[1:], made.campaign(), "pending")
            assert dispatcher.hand_over() == 0
            assert made.arrived() == 0
            halt.release(runtime, "ann")
            assert dispatcher.hand_over() == 2
        assert made.arrived() == 2


def test_what_was_queued_when_the_cap_was_reached_waits_too(tmp_path: Path, sqlite_url: str) -> None:
    """A batch that was handed over before is put off by the gate, with the provider's sentence kept as its reason."""
    with house(tmp_path, sqlite_url) as made:
        made.simulator.world.faults.plan(Planned(Fault.DAILY_CAP))
        ids = made.messages(made.people(3), made.campaign())
        with working(made) as (runtime, _):
            wire = Wire()
            pipeline = Pipeline(runtime, wire)
            pipeline.deliver(ids[:1])
            pipeline.deliver(ids[1:])
            wire.ask(runtime.provider.close())
            wire.close()
            with runtime.db.read() as session:
                said = {row.inputs.get("note") for row in session.execute(select(Decision)).scalars()}
        assert made.arrived() == 0
        assert ("pending", "account_day") in waiting(made)
        assert said == {"the account's daily number of messages is reached"}
