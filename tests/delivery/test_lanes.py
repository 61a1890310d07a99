"""Two lanes of a worker: what is urgent has a thread, places and a bell that no campaign can take."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from guards.base import Purpose
from sender.actors import QUEUE, URGENT, declare, make_broker, not_here
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.models import Program
from sender.providers.base import Accepted, Found, Outbound
from sender.worker import start_lanes, stop_lanes
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
    runtime = replace(runtime, settings=runtime.settings.model_copy(update={"connections": places}))
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


async def _set(event: asyncio.Event) -> None:
    event.set()
