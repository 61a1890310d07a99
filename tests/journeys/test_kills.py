"""A campaign survives kill -9 of workers, an emptied Valkey, a restarted web process and a restarted database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.journeys.world import World, assert_one_story, make_world
from tests.servers import Postgres, Valkey
from tests.waiting import eventually

FAULTS = {"shares": {"500_after": 0.005, "drop_after": 0.005}}
PHONES = {"stop_share": 0.02, "undelivered_share": 0.02}


@dataclass(frozen=True)
class Size:
    """How often a worker is killed, so many people that texts are on the wire each time, and hours to send in."""

    kills: int
    people: int
    hours: int


SMALL, WHOLE = Size(2, 900, 3), Size(20, 9_000, 6)


@pytest.fixture(
    params=[pytest.param(SMALL, id="2-kills"), pytest.param(WHOLE, id="20-kills", marks=pytest.mark.nightly)]
)
def size(request: pytest.FixtureRequest) -> Size:
    """A few kills for every day, many for the night."""
    size: Size = request.param
    return size


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.nightly), "postgresql"])
def world(
    request: pytest.FixtureRequest, size: Size, short_folder: Path, own_valkey: Valkey, sqlite_url: str
) -> Iterator[World]:
    """An installation under way: by day on the database that is itself killed, at night on each in turn."""
    url = sqlite_url
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("own_postgres")
        url = server.create("journey")
    latency = {"mean": 0.7, "spread": 0.2}
    made = make_world(
        short_folder / "home",
        url,
        own_valkey.url,
        people=size.people,
        speed=200,
        hours=size.hours,
        latency=latency,
        faults=FAULTS,
        phones=PHONES,
    )
    yield made
    made.close()


def test_kills_change_nothing(world: World, size: Size, own_valkey: Valkey, request: pytest.FixtureRequest) -> None:
    """Kills with 50 texts and more on the wire, and one of every other fault: nothing doubled, nothing lost."""
    on_the_wire, since = [], datetime.now(UTC)
    for kill in range(size.kills):
        # Only what passed the gate after the last kill counts: the workers take turns, so it is the next one's.
        on_the_wire.append(eventually(partial(_on_the_wire, world, since), 60))
        name = world.workers()[kill % len(world.workers())]
        world.kill(name)
        since = datetime.now(UTC)
        world.start(name)
        if kill == size.kills // 4:
            redis.Redis.from_url(own_valkey.url).flushall()
        if kill == size.kills // 2:
            for name in ("web", "hooks"):
                world.kill(name)
                world.start(name)
        if kill == size.kills * 3 // 4 and "postgresql" in world.settings.database:
            request.getfixturevalue("own_postgres").restart()
    assert min(on_the_wire) >= 50
    statuses = world.finished(within=180)
    assert_one_story(world, size.people, statuses)


def _on_the_wire(world: World, since: datetime) -> int | None:
    count = world.on_the_wire(since)
    return count if count >= 50 else None
