"""A whole installation as real processes around the simulator, for journeys that kill parts of it.

Everything is judged from outside: the simulator's log, and the database when all has come to rest.
"""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlmodel import col

from guards.base import Purpose
from sender.audience.importer import import_file
from sender.audience.importing.options import ImportOptions
from sender.campaigns import control
from sender.campaigns.control import CampaignIn, VariantIn
from sender.cli.common import build
from sender.crypto import make_keys
from sender.db import Database
from sender.halt import found
from sender.models import Attempt, Campaign, Message
from sender.processes.supervisor import Process
from sender.processes.up import SimulatorPlan, build_processes, child_environment
from sender.runtime import Runtime
from sender.settings import Settings
from tests.installation import WORDING, line, make_program
from tests.servers import free_port
from tests.tables import give_tables
from tests.waiting import eventually

TUESDAY_MORNING = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)
"""09:00 in New York."""
ACCOUNT = "AC" + "0" * 32
TOKEN = "journey-token"
SERVICE = "MG" + "1" * 32
AREAS = (212, 646, 917, 718, 347, 516, 914, 607, 315, 585)


@dataclass
class World:
    """One installation under way: its processes by name, its settings, its campaign."""

    home: Path
    settings: Settings
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    commands: dict[str, tuple[list[str], dict[str, str]]] = field(default_factory=dict)
    campaign_id: int = 0

    @property
    def log(self) -> Path:
        """The simulator's log."""
        return self.home / "simulator.jsonl"

    @property
    def config(self) -> Path:
        """The simulator's configuration."""
        return self.home / "simulator.json"

    def plan(self) -> list[Process]:
        """Every process of an installation around a simulator, in the order they start."""
        simulated = SimulatorPlan(urlsplit(self.settings.twilio_base_url).port or 0, self.config, self.log)
        return build_processes(self.settings, self.environment, simulator=simulated)

    def begin(self, process: Process, name: str = "") -> None:
        """Start a process of the plan, under another name where given, and wait until it is ready."""
        self.commands[name or process.name] = (list(process.command), dict(process.env))
        self.start(name or process.name)
        if process.ready is not None:
            eventually(process.ready, 90)

    def start(self, name: str) -> None:
        """Start a process that is not running."""
        command, more = self.commands[name]
        with (self.home / f"{name}.log").open("ab") as output:
            environment = {**os.environ, **self.environment, **more}
            self.processes[name] = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, process_group=0
            )

    def kill(self, name: str) -> None:
        """kill -9 of a process and of what it started, as the supervisor does when it finds it dead."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> None:
        """SIGTERM, and wait for the end."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(timeout=30)

    def workers(self) -> list[str]:
        """The names of the worker processes."""
        return [name for name in self.commands if name.startswith("worker")]

    @contextmanager
    def runtime(self) -> Iterator[Runtime]:
        """A runtime of the test's own on the same database."""
        made = build(self.settings)
        try:
            yield made
        finally:
            made.db.close()

    def statuses(self) -> Counter[str]:
        """How many campaign messages are in which state."""
        database = Database(self.settings.database)
        with database.read() as session:
            counted = select(col(Message.status), func.count()).where(col(Message.kind) == "campaign")
            rows = session.execute(counted.group_by(col(Message.status))).all()
        database.close()
        return Counter(dict(rows))

    def on_the_wire(self, since: datetime) -> int:
        """How many texts passed the gate after ``since`` and within the last second, and have no answer yet."""
        database = Database(self.settings.database)
        with database.read() as session:
            fresh = max(since, datetime.now(UTC) - timedelta(seconds=1))
            live = (col(Attempt.outcome) == "live", col(Attempt.touched_at) > fresh)
            count = session.execute(select(func.count()).select_from(Attempt).where(*live)).scalar_one()
        database.close()
        return int(count)

    def entries(self, *events: str) -> list[dict[str, Any]]:
        """The simulator's log so far, or only these events of it."""
        lines = self.log.read_text().splitlines()
        read = (json.loads(line) for line in lines if line.endswith("}"))
        return [entry for entry in read if not events or entry["event"] in events]

    def texts(self, event: str = "accepted") -> list[dict[str, Any]]:
        """What the simulator saw of campaign texts; confirmations of a STOP are not among them."""
        return [entry for entry in self.entries(event) if "today" in (entry["body"] or "")]

    def finished(self, within: float) -> Counter[str]:
        """Wait until the campaign is finished and every receipt applied."""
        try:
            eventually(lambda: self._campaign().status == "finished", within)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.standing()}") from late
        return self.statuses()

    def standing(self) -> str:
        """How the campaign stands, and the last lines of every process."""
        campaign = self._campaign()
        logs = [f"{file.stem}:\n" + "\n".join(file.read_text().splitlines()[-8:]) for file in self.home.glob("*.log")]
        return "\n".join([f"{campaign.status} {campaign.paused_why} {dict(self.statuses())}", *logs])

    def launch(self, name: str, hours: float) -> int:
        """Start a campaign to everybody, open for so many hours of the campaign clock; returns its id."""
        with self.runtime() as runtime:
            now = runtime.clock.now()
            end = now + timedelta(hours=hours)
            wanted = CampaignIn(name, "acme", [VariantIn("all", {}, f"{name} today")], end_at=end)
            self.campaign_id = control.create(runtime, wanted, "journey")
            control.schedule(runtime, self.campaign_id, runtime.clock.now(), "journey", end)
        return self.campaign_id

    def _campaign(self) -> Campaign:
        database = Database(self.settings.database)
        with database.read() as session:
            campaign = session.get_one(Campaign, self.campaign_id)
        database.close()
        return campaign

    def close(self) -> None:
        """End everything that still runs."""
        for name in list(self.processes):
            self.kill(name)


def make_world(
    home: Path, database_url: str, redis_url: str, *, people: int, speed: float, hours: float, **simulator: Any
) -> World:
    """Lay everything out and start all processes; the campaign is scheduled for now and open for ``hours``."""
    world = lay_out(home, database_url, redis_url, speed=speed, **simulator)
    make_keys(home)
    database = Database(database_url)
    give_tables(database)
    with database.write() as session:
        found(session)
    database.close()
    fill(world, people, hours)
    for process in world.plan():
        world.begin(process)
    return world


def lay_out(home: Path, database_url: str, redis_url: str, *, speed: float, **simulator: Any) -> World:
    """Folder, settings and the simulator's configuration; no keys, no tables, and nothing is started."""
    home.mkdir(mode=0o700, parents=True)
    web_port, hooks_port, simulator_port = free_port(), free_port(), free_port()
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        home=home,
        database_url=database_url,
        redis_url=redis_url,
        port=web_port,
        hooks_port=hooks_port,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,  # type: ignore[arg-type]
        twilio_base_url=f"http://127.0.0.1:{simulator_port}",
        clock_real=time.time(),
        clock_virtual=TUESDAY_MORNING,
        clock_speed=speed,
        read_seconds=4,
        sweep_seconds=6,
        worker_threads=2,
        connections=160,
        # Phones say STOP here far more often than people do.
        brake_opt_outs=1,
    )
    world = World(home, settings, child_environment(settings))
    _config(world, simulator)
    return world


def _config(world: World, simulator: dict[str, Any]) -> None:
    inbound = f"{world.settings.hooks_address}/hooks/twilio/inbound#rc=5&rp=all"
    config = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "numbers": [{"number": "+12125550100", "kind": "long_code", "rate": 5000, "inbound_url": inbound}],
        **simulator,
    }
    world.config.write_text(json.dumps(config))


def fill(world: World, people: int, hours: float, rate: float = 2000.0) -> None:
    """A program, a from_number of so many texts a second, so many contacts, and a campaign to everybody."""
    with world.runtime() as runtime:
        with runtime.db.write() as session:
            program_id = make_program(session, runtime.clock.now())
            line(session, program_id, rate=rate)
        options = ImportOptions(program_id=program_id, purpose=Purpose.MARKETING)
        import_file(runtime.db, runtime.keys, runtime.clock, _contacts(world.home, people), options)
    world.launch("Journey", hours)


def _contacts(home: Path, people: int) -> Path:
    """A file of New Yorkers; every tenth person never said yes."""
    spread = [f"+1{area}{exchange}{n:04}" for exchange in range(220, 320) for area in AREAS for n in range(100)]
    file = home / "contacts.csv"
    said = ((number, "no" if place % 10 == 9 else "yes") for place, number in enumerate(spread[:people]))
    rows = [f'{number},{answer},2026-01-05,"{WORDING}"' for number, answer in said]
    file.write_text("\n".join(["phone,consent,consent_at,consent_wording", *rows]) + "\n")
    return file


def unwilling(home: Path) -> set[str]:
    """The people of the file who never said yes."""
    rows = (row.split(",") for row in (home / "contacts.csv").read_text().splitlines()[1:])
    return {row[0] for row in rows if row[1] == "no"}


def assert_one_story(world: World, people: int, statuses: Counter[str]) -> None:
    """What the simulator accepted and what the database says must be the same story."""
    accepted = Counter(entry["to"] for entry in world.texts())
    assert not unwilling(world.home) & set(accepted), "somebody without consent was texted"
    assert max(accepted.values()) == 1, "somebody was texted twice"
    assert sum(statuses.values()) == people
    assert not {"pending", "queued", "sending", "unconfirmed"} & set(statuses)
    reached = statuses["sent"] + statuses["delivered"] + statuses["undelivered"]
    assert reached == len(accepted), f"the database says {statuses}, the provider accepted {len(accepted)}"
    stopped = {entry["from"]: entry["answered_at"] for entry in world.entries("inbound") if entry["http"] == 200}
    late = [one for one in world.texts("request") if one["to"] in stopped and one["real"] > stopped[one["to"]] + 2]
    assert late == []
