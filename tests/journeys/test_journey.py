"""A file goes in, lawful texts come out, STOP comes back: real processes, real HTTP, both databases, real Valkey."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.world import World, make_world, unwilling
from tests.leaks import dump, found
from tests.servers import Postgres, Valkey
from tests.waiting import eventually

PEOPLE = 300
PHONES = {"stop_share": 0.1, "undelivered_share": 0.05, "reply_delay": [0.1, 0.5]}


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, short_folder: Path, own_valkey: Valkey, sqlite_url: str) -> Iterator[World]:
    """An installation under way, on each database in turn."""
    url = sqlite_url
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("own_postgres")
        url = server.create("journey")
    made = make_world(
        short_folder / "home", url, own_valkey.url, people=PEOPLE, speed=60, hours=5, phones=PHONES,
        latency={"mean": 0.1, "spread": 0.05},
    )  # fmt: skip
    yield made
    made.close()


def test_two_campaigns_and_a_stop_between_them(world: World) -> None:
    """Each willing person gets each campaign once, and who said stop after the first gets nothing of the second."""
    world.finished(within=120)
    _await_replies(world)
    stopped = {entry["from"] for entry in world.entries("inbound") if entry["http"] == 200}
    assert len(stopped) >= PEOPLE // 20
    gone = {entry["to"] for entry in world.entries("status") if entry["error_code"] in (30005, 30006)}
    for name in ("web", "hooks"):
        world.stop(name)
        world.start(name)
    world.launch("Encore", hours=5)
    world.finished(within=120)
    texts = Counter((entry["to"], entry["body"]) for entry in world.texts())
    assert max(texts.values()) == 1
    bodies = {body.split(" today")[0].removeprefix("Acme: ") for _, body in texts}
    assert bodies == {"Journey", "Encore"}
    second = {to for to, body in texts if "Encore" in body}
    assert not second & stopped, "somebody was texted after their STOP"
    assert not unwilling(world.home) & {to for to, _ in texts}, "somebody without consent was texted"
    assert second == {to for to, body in texts if "Journey" in body} - stopped - gone
    assert all("Reply STOP to opt out" in body for _, body in texts)
    statuses = world.statuses()
    assert sum(statuses.values()) == 2 * PEOPLE
    assert statuses["blocked"] == 2 * PEOPLE - len(texts)
    said = {word for text in texts for word in text}
    assert not found(dump(world.settings.database), said), "a number or a text lies in the clear"


def _await_replies(world: World) -> None:
    """Wait until every text has its last receipt and every phone that wants to answer has answered."""
    longest = PHONES["reply_delay"][1] * 2

    def quiet() -> bool:
        last = max(entry["real"] for entry in world.entries("status", "heard"))
        answered = len([entry for entry in world.entries("inbound") if entry["http"] == 200])
        settled = answered == len(world.entries("heard")) and not world.statuses()["sent"]
        return settled and time.time() - last > longest

    eventually(quiet, within=120)
