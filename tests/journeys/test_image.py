"""The image is built by its recipe and every process runs in it, with the rights that the compose file leaves them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sender.processes.supervisor import Process
from tests.journeys.world import World, assert_one_story, fill, lay_out
from tests.project.trees import ROOT
from tests.servers import Postgres, Valkey
from tests.waiting import eventually

IMAGE = "localhost/tactful-tried"
USER = 10001
PEOPLE = 600
OURS: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["web"]


@pytest.fixture(scope="module")
def podman() -> str:
    """The program that builds and runs; with the image built."""
    found = shutil.which("podman")
    if found is None:
        raise RuntimeError("Trying the image needs Podman: install the packages podman and buildah, as root.")
    subprocess.run([found, "build", "--tag", IMAGE, str(ROOT)], check=True)
    return found


@pytest.fixture
def world(podman: str, short_folder: Path, own_valkey: Valkey, own_postgres: Postgres) -> Iterator[World]:
    """An installation laid out for the image: PostgreSQL, and a home that belongs to the image's user."""
    url = own_postgres.create("image")
    own_valkey.socket.chmod(0o666)
    own_valkey.folder.chmod(0o755)
    made = lay_out(short_folder / "home", url, own_valkey.url, speed=60, latency={"mean": 0.4, "spread": 0.1})
    yield made
    containers = [f"tactful-{name}" for name in made.commands if name != "simulator"]
    subprocess.run([podman, "rm", "--force", "--ignore", *containers], check=True, stdout=subprocess.DEVNULL)
    made.close()


def contained(podman: str, world: World, name: str, *words: str) -> list[str]:
    """The command that runs ``tactful words`` in a container without rights, on this machine's network."""
    mounts = (world.home, Path(str(world.settings.redis_url).removeprefix("unix://")).parent)
    return [
        podman, "run", "--rm", "--replace", "--name", f"tactful-{name}", "--network=host",
        f"--read-only={OURS['read_only']}", *(f"--cap-drop={one}" for one in OURS["cap_drop"]),
        *(f"--security-opt={one}" for one in OURS["security_opt"]), *(f"--tmpfs={one}" for one in OURS["tmpfs"]),
        *(f"--volume={path}:{path}" for path in mounts), *(f"--env={key}" for key in world.environment), IMAGE, *words,
    ]  # fmt: skip


def in_it(podman: str, world: World, *words: str) -> None:
    """Run one command in a container to its end."""
    command = contained(podman, world, "once", *words)
    subprocess.run(command, env={**os.environ, **world.environment}, check=True, stdout=subprocess.DEVNULL)


def process_in_it(podman: str, world: World, process: Process) -> Process:
    """The same process in a container; the simulator stays outside."""
    kind = process.name.partition("-")[0]
    return process if kind == "simulator" else replace(process, command=contained(podman, world, process.name, kind))


@pytest.mark.nightly
def test_a_campaign_leaves_from_containers(podman: str, world: World) -> None:
    """Tables, keys and a campaign with a worker told to end amid it, all as nobody: 0 twice, 0 lost."""
    world.home.chmod(0o700)
    os.chown(world.home, USER, USER)
    in_it(podman, world, "db", "upgrade")
    in_it(podman, world, "keys", "export", str(world.home / "keys.copy"))
    assert {file.stat().st_uid for file in world.home.glob("*key*")} == {USER}
    fill(world, PEOPLE, hours=8, rate=20.0)
    for process in world.plan():
        world.begin(process_in_it(podman, world, process))
    for name in (*world.workers(), "scheduler"):
        eventually(lambda name=name: "ready" in (world.home / f"{name}.log").read_text(), 90)
    eventually(lambda: len(world.texts()) > PEOPLE // 3, 120)
    world.stop("worker-1")
    statuses = world.finished(within=240)
    assert_one_story(world, PEOPLE, statuses)
    for name in [name for name in world.processes if name != "simulator"]:
        world.stop(name)
