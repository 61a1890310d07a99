"""How long from POST to the provider, idle and while a campaign drains.

`PYTHONPATH=.:client python -m tests.api.measure_urgent [people]`, judged from outside: the moment before the request,
and the simulator's log of the hand-over.
"""

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import select
from tactful_client import Tactful

from sender.api.keys import SCOPES, KeyIn, create_key
from sender.models import Program
from tests.journeys.world import World, make_world
from tests.servers import Valkey, private
from tests.waiting import eventually

TEXTS = 300
EVERY = 0.05


def main(people: int) -> None:
    """Print both cases."""
    with private(Valkey) as valkey, tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder:
        url = f"sqlite:///{folder}/tactful.db"
        world = make_world(
            Path(folder) / "home",
            url,
            valkey.url,
            people=people,
            speed=10,
            hours=10,
            latency={"mean": 0.15, "spread": 0.05},
        )  # fmt: skip
        try:
            _measure_both(world, people)
        finally:
            world.close()


def _measure_both(world: World, people: int) -> None:
    with world.runtime() as runtime, runtime.db.write() as session:
        session.execute(select(Program)).scalar_one().purposes = ["code", "transactional", "informational", "marketing"]
        key = create_key(session, runtime.keys, KeyIn("measure", SCOPES), "measure", runtime.clock.real())
    with Tactful(world.settings.address, key) as tactful:
        eventually(lambda: world.statuses()["sent"] + world.statuses()["delivered"] > 50, 120)
        draining = _post(tactful, "draining")
        left = world.statuses()
        waiting = left["pending"] + left["queued"]
        world.finished(600)
        idle = _post(tactful, "idle")
    for name, posted in (("idle", idle), (f"a campaign of {people:,}, {waiting:,} still waiting", draining)):
        took = sorted(_took(world, posted))
        p50, p99 = statistics.median(took), took[int(len(took) * 0.99) - 1]
        sys.stdout.write(f"{name}: {len(took)} texts, p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms\n")


def _post(tactful: Tactful, name: str) -> dict[str, float]:
    posted: dict[str, float] = {}
    pace = threading.Event()
    for place in range(TEXTS):
        text = f"Acme: parcel {name} {place} left."
        posted[text] = time.time()
        number = f"+1212555{100 + place % 100:04}"
        tactful.send(to=number, program="acme", purpose="transactional", body=text)
        pace.wait(EVERY)
    return posted


def _took(world: World, posted: dict[str, float]) -> list[float]:
    def arrived() -> dict[str, float] | None:
        found = {one["body"]: one["real"] for one in world.entries("request") if one["body"] in posted}
        return found if len(found) == len(posted) else None

    return [at - posted[text] for text, at in eventually(arrived, 60).items()]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
