"""Two lanes of a worker: what is urgent has a thread, places and a bell that no campaign can take."""

import asyncio
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from guards.base import Purpose
from sender.db import Database
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Slots, Wire
from sender.models import Program
from sender.processes.actors import QUEUE, URGENT, declare, make_broker, not_here
from sender.processes.worker import start_lanes, stop_lanes
from sender.providers.base import Accepted, Crowded, Found, Outbound
from tests.installation import Installation, with_provider
from tests.waiting import eventually


@dataclass
class SlowForCampaigns:
    """Answers codes at once, and everything else when it is let go."""

    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    held: int = 0

    async def send(self, outbound: Outbound) -> Accepted:
        """Accept under the callback's own name."""
        if outbound.cleared.draft.purpose is not Purpose.CODE:
            self.held += 1
            await self.let_go.wait()
        return Accepted(f"SM{outbound.callback.split('/')[-1][:30]}")

    async def messages_to(self, to: str, since: datetime) -> list[Found]:
        """Know nothing."""
        return []

    async def close(self) -> None:
        """Nothing to give back."""


def test_a_code_leaves_while_a_campaign_waits_for_its_answers(
    installation: Installation, wire: Wire, valkey_url: str
) -> None:
    """Every thread and place of the campaign's lane is taken by a provider that does not answer; the code is sent."""
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).purposes = ["code", "marketing"]
    provider = SlowForCampaigns()
    runtime = with_provider(installation, provider)
    places = 64
    runtime = replace(runtime, settings=runtime.settings.model_copy(update={"connections": places, "workers": 1}))
    ids = [installation.message(installation.contact(f"+1212555{n:04}")) for n in range(100, 100 + places)]
    code = installation.message(
        installation.contact("+13105550100", consent=False), text="204117 is your code.", purpose="code", kind="api"
    )
    lanes = start_lanes(runtime, wire, valkey_url)
    declare(make_broker(valkey_url), not_here, QUEUE).send(ids)
    eventually(lambda: provider.held == places)
    declare(make_broker(valkey_url), not_here, URGENT).send([code])
    eventually(lambda: installation.status(code) == "sent")
    assert {installation.status(message) for message in ids} == {"sending"}
    wire.start(_set(provider.let_go)).result()
    eventually(lambda: {installation.status(message) for message in ids} == {"sent"})
    stop_lanes(lanes)


def test_a_gate_waits_for_no_answer_and_the_end_for_all(installation: Installation, wire: Wire) -> None:
    """One thread puts a second batch beside an unanswered first; told to finish, it writes both down and ends."""
    provider = SlowForCampaigns()
    pipeline = Pipeline(with_provider(installation, provider), wire)
    first, second, late = (installation.message(installation.contact(f"+1212555010{n}")) for n in range(3))
    pipeline.begin([first])
    pipeline.begin([second])
    eventually(lambda: provider.held == 2)
    wire.start(_set(provider.let_go)).result()
    pipeline.finish(within=10)
    pipeline.begin([late])
    assert [installation.status(one) for one in (first, second, late)] == ["sent", "sent", "queued"]


async def _count(number: int) -> int:
    return number


async def _set(event: asyncio.Event) -> None:
    event.set()


def test_the_wire_goes_on_when_the_write_lock_is_given_back(tmp_path: Path) -> None:
    """While a thread of the process holds SQLite's one write lock, the wire waits; then all goes on that came."""
    database, asked, waited = Database(f"sqlite:///{tmp_path / 'x.db'}"), threading.Event(), list[bool]()

    def stand_aside(within: float) -> bool:
        asked.set()
        waited.append(database.stand_aside(60 * within))
        return waited[-1]

    with database.write():
        wire = Wire(stand_aside)
        answers = [wire.start(_count(n)) for n in range(3)]
        assert asked.wait(5)
        assert not waited
        assert not any(one.done() for one in answers)
    assert [one.result(5) for one in answers] == [0, 1, 2]
    assert waited[0]
    assert not database.stand_aside(0)
    wire.close()
    database.close()


def test_places_halve_once_for_a_crowd_and_come_back_one_by_one() -> None:
    """Twenty refusals of a moment halve the places once; an answer for each place opens one more, up to all of them."""
    slots = Slots(64)
    for _ in range(20):
        slots.narrow(at=100.0)
    assert slots.open == 32
    slots.narrow(at=101.0)
    assert slots.open == 16
    for _ in range(17):
        slots.widen()
    assert slots.open == 17
    for _ in range(10_000):
        slots.widen()
    assert slots.open == 64


def test_who_waits_for_few_places_is_woken_while_another_waits_for_many() -> None:
    """Of two who wait, the one who wants two goes when two are given back, and the other when there are four."""
    slots, taken = Slots(8), list[int]()
    assert slots.take(8) == 8
    waiting = [threading.Thread(target=lambda least=least: taken.append(slots.take(least))) for least in (4, 2)]
    for one in waiting:
        one.start()
    eventually(lambda: sorted(slots.awaited) == [2, 4])
    slots.give_back(1)
    assert taken == []
    slots.give_back(1)
    eventually(lambda: taken == [2])
    slots.give_back(4)
    eventually(lambda: taken == [2, 4])


def test_no_refusal_closes_the_last_place() -> None:
    """However often the account is crowded, one request may go; and taken places that closed are given back."""
    slots = Slots(8)
    assert slots.take(8) == 8
    for second in range(10):
        slots.narrow(at=float(second))
    assert slots.open == 1
    slots.give_back(8)
    assert slots.take(8) == 1


def test_a_crowded_account_gets_fewer_texts_at_once(installation: Installation, wire: Wire) -> None:
    """One answer that too many are on the wire halves the worker's places, and the text waits for its next try."""
    installation.provider.answer = lambda _: Crowded("too many at once", 20429)
    pipeline = Pipeline(installation.runtime, wire, 32)
    message = installation.message(installation.contact("+12125550101"))
    pipeline.deliver([message])
    assert pipeline.slots.open == 16
    assert installation.status(message) == "pending"
