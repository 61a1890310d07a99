"""An installation is upgraded while it sends: old and new processes work side by side on the new schema."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sender import schema
from sender.db import Database
from sender.processes.supervisor import Process
from tests.journeys.older import unpack_older
from tests.journeys.world import World, assert_one_story, fill, lay_out
from tests.servers import Postgres, Valkey
from tests.waiting import eventually

PEOPLE = 900
PHONES = {"stop_share": 0.02, "undelivered_share": 0.02}


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, short_folder: Path, own_valkey: Valkey, sqlite_url: str) -> Iterator[World]:
    """An installation of the version before, empty and running."""
    url = sqlite_url
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("own_postgres")
        url = server.create("rolling")
    made = lay_out(
        short_folder / "home", url, own_valkey.url, speed=60, phones=PHONES, latency={"mean": 0.4, "spread": 0.1}
    )
    yield made
    made.close()


def of_the_old(process: Process, tree: Path) -> Process:
    """The same process by the code in this tree."""
    command = [process.command[0], "-P", *process.command[1:]]
    return replace(process, command=command, env={**process.env, "PYTHONPATH": str(tree)})


def tactful(world: World, *words: str, tree: Path | None = None) -> None:
    """Run one command to its end, by the code of that tree or by ours."""
    path = {"PYTHONPATH": str(tree)} if tree else {}
    command = [sys.executable, *(["-P"] if tree else []), "-m", "sender.cli", *words]
    subprocess.run(command, env={**os.environ, **world.environment, **path}, check=True, capture_output=True)


@pytest.mark.nightly
def test_old_and_new_side_by_side(world: World, tmp_path: Path) -> None:
    """The old ones begin a campaign on the upgraded schema, the new ones join and take over: 0 twice, 0 lost."""
    old = unpack_older(tmp_path / "old")
    tactful(world, "db", "upgrade", tree=tmp_path / "old")
    assert revision(world) == old
    plan = {process.name: process for process in world.plan()}
    for process in plan.values():
        world.begin(process if process.name == "simulator" else of_the_old(process, tmp_path / "old"))
    for name in (*world.workers(), "scheduler"):
        eventually(lambda name=name: "ready" in (world.home / f"{name}.log").read_text(), 90)
    tactful(world, "db", "upgrade")
    assert revision(world) > old
    fill(world, PEOPLE, hours=8, rate=8.0)
    eventually(lambda: len(world.texts()) > PEOPLE // 10, 120)
    for name in ("scheduler", "hooks", "web"):
        world.stop(name)
        world.begin(plan[name])
    world.begin(plan["worker-1"], "worker-new")
    eventually(lambda: len(world.texts()) > PEOPLE * 2 // 3, 120)
    assert world.statuses()["pending"] + world.statuses()["queued"], "nothing was left for the new ones alone"
    for name in [name for name in world.workers() if name in plan]:
        world.stop(name)
    statuses = world.finished(within=240)
    assert_one_story(world, PEOPLE, statuses)


def revision(world: World) -> str:
    """Which migration ran last."""
    database = Database(world.settings.database)
    try:
        return schema.revision(database) or ""
    finally:
        database.close()
