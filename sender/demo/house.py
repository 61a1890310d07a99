"""The demo's own installation: a fresh folder, its settings, its processes, and one worker that can be shot."""

import os
import random
import shutil
import signal
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path

from sender import embedded
from sender.cli.common import build, prepare
from sender.demo import scenario
from sender.runtime import Runtime
from sender.settings import Settings
from sender.supervisor import Process
from sender.up import SimulatorPlan, build_processes, child_environment

ACCOUNT = "AC" + "0d" * 16
TOKEN = "the-demo-talks-to-its-simulator-only"  # noqa: S105 - opens nothing but the simulator beside it
VICTIM = "worker-1"
PORTS = (20_000, 32_000)
READ_SECONDS, SWEEP_SECONDS = 4.0, 8.0


@dataclass(frozen=True, slots=True)
class House:
    """Where everything of one run lies."""

    folder: Path

    @property
    def home(self) -> Path:
        """The data folder of the installation."""
        return self.folder / "run"

    @property
    def contacts(self) -> Path:
        """The file of the invented people."""
        return self.folder / "contacts.csv"

    @property
    def phones(self) -> Path:
        """The simulator's configuration."""
        return self.folder / "simulator.json"

    @property
    def log(self) -> Path:
        """The simulator's log: what really happened."""
        return self.folder / "simulator.jsonl"

    @property
    def logs(self) -> Path:
        """What the processes say."""
        return self.folder / "logs"

    @property
    def report(self) -> Path:
        """What the product says became of every text."""
        return self.folder / "report.json"

    @property
    def victim(self) -> Path:
        """Holds the process id of the worker that will be killed."""
        return self.home / "victim.pid"


def clear(house: House) -> None:
    """Remove what an earlier run left. EmbeddedError when a demo is running there."""
    if embedded.answers(embedded.socket_path(house.home)):
        raise embedded.EmbeddedError(f"A demo is running in {house.folder} already: end that one first.")
    house.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (house.home, house.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (house.contacts, house.phones, house.log, house.report):
        file.unlink(missing_ok=True)
    house.logs.mkdir(mode=0o700)


def settings_of(house: House) -> Settings:
    """The settings of the demo before its day begins, whatever the environment says: an hour early, in real time."""
    web, simulator = free_ports(2)
    values = {
        "home": house.home.absolute(),
        "port": web,
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_base_url": f"http://127.0.0.1:{simulator}",
        "clock_real": time.time() + 3600,
        "clock_virtual": scenario.START,
        "read_seconds": READ_SECONDS,
        "sweep_seconds": SWEEP_SECONDS,
    }
    return Settings(**{**{name: known.default for name, known in Settings.model_fields.items()}, **values})


def on_the_day(settings: Settings, begins: float) -> Settings:
    """The same with the clock that passes a day in a minute; the day begins at the epoch second ``begins``."""
    return settings.model_copy(update={"clock_real": begins, "clock_speed": scenario.SPEED})


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, below those that outgoing connections take."""
    lines = []
    for port in random.sample(range(*PORTS), 200):
        line = socket.socket()
        try:
            line.bind(("127.0.0.1", port))
        except OSError:
            line.close()
            continue
        lines.append(line)
        if len(lines) == count:
            break
    ports = [line.getsockname()[1] for line in lines]
    for line in lines:
        line.close()
    return ports


def furnish(settings: Settings) -> Runtime:
    """Make keys and tables, and return a runtime on them."""
    prepare(settings)
    return build(settings)


def processes(house: House, settings: Settings) -> list[Process]:
    """The processes of `tactful up` with a simulator; the victim writes down who it is."""
    port = int((settings.twilio_base_url or "").rpartition(":")[2])
    plan = SimulatorPlan(port, house.phones, house.log)
    made = build_processes(settings, environment(settings), simulator=plan)
    note = ["sh", "-c", 'echo $$ > "$0"; exec "$@"', str(house.victim)]
    return [replace(one, command=[*note, *one.command]) if one.name == VICTIM else one for one in made]


def environment(settings: Settings) -> dict[str, str]:
    """Every setting by name, the unset ones too: nothing may come from this user's own environment or .env file."""
    unset = {f"TACTFUL_{name.upper()}": "" for name, value in settings if value is None}
    return {**unset, **child_environment(settings)}


def kill_victim(house: House) -> None:
    """kill -9, in the middle of its work."""
    os.kill(int(house.victim.read_text()), signal.SIGKILL)


def wait_until(moment: float) -> None:
    """Sleep until an epoch second."""
    time.sleep(max(0.0, moment - time.time()))
