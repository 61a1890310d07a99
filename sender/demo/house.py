"""The demo's own installation: a fresh folder, its settings, its processes, and one worker that can be shot."""

import os
import random
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sender.cli.common import build, prepare
from sender.demo import late, scenario
from sender.processes import embedded
from sender.processes.supervisor import Process
from sender.processes.up import SimulatorPlan, build_processes, child_environment
from sender.runtime import Runtime
from sender.settings import Settings

ACCOUNT = "AC" + "0d" * 16
TOKEN = "the-demo-talks-to-its-simulator-only"  # noqa: S105 - opens nothing but the simulator beside it
VICTIM = "worker-1"
PORTS = (20_000, 32_000)
Ready = Callable[[], bool]
READ_SECONDS, SWEEP_SECONDS = 4.0, 8.0


@dataclass(frozen=True, slots=True)
class House:
    """Where everything of one run lies."""

    folder: Path

    @property
    def mark(self) -> Path:
        """Says that everything here is the demo's, to be made anew each time."""
        return self.folder / ".tactful-demo"

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
    def verdict(self) -> Path:
        """What the checker found, a JSON object a line."""
        return self.folder / "verdict.jsonl"

    @property
    def warm(self) -> Path:
        """Where processes that are ready for the day write their ids, and find when it begins."""
        return self.folder / "warm"


class HouseError(RuntimeError):
    """The demo cannot have this folder; the sentence says why."""


def clear(house: House) -> None:
    """Remove what an earlier run left. HouseError when a demo is running there, or the folder is somebody else's."""
    if embedded.answers(embedded.socket_path(house.home)):
        raise HouseError(f"A demo is running in {house.folder} already: end that one first.")
    house.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(house.folder.iterdir()) and not house.mark.exists():
        raise HouseError(f"The folder {house.folder} holds other things: start the demo somewhere else.")
    house.mark.touch()
    for folder in (house.home, house.logs, house.warm):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (house.contacts, house.phones, house.log, house.report, house.verdict):
        file.unlink(missing_ok=True)
    house.logs.mkdir()
    house.warm.mkdir()


def settings_of(house: House) -> Settings:
    """The settings of the demo before its day begins, whatever this user's environment says: an hour early."""
    web, hooks, simulator = free_ports(3)
    values = {
        "home": house.home.absolute(),
        "port": web,
        "hooks_port": hooks,
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_base_url": f"http://127.0.0.1:{simulator}",
        "clock_real": time.time() + 3600,
        "clock_virtual": scenario.START,
        "read_seconds": READ_SECONDS,
        "sweep_seconds": SWEEP_SECONDS,
    }
    return Settings(**{**{name: known.default for name, known in Settings.model_fields.items()}, **values})


def on_the_day(settings: Settings, begins: float, speed: float) -> Settings:
    """The same with the clock of the day, which begins at an epoch second."""
    return settings.model_copy(update={"clock_real": begins, "clock_speed": speed})


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


def processes(house: House, settings: Settings) -> tuple[list[Process], list[Ready]]:
    """The processes of `tactful up` with a simulator, all warming up at once for the day, and when each is up."""
    port = int((settings.twilio_base_url or "").rpartition(":")[2])
    plan = SimulatorPlan(port, house.phones, house.log)
    made = build_processes(settings, environment(settings), simulator=plan)
    waiting = [_late(house, one) if one.command[0] == sys.executable else one for one in made]
    return waiting, [one.ready for one in made if one.ready is not None]


def _late(house: House, process: Process) -> Process:
    python, switch, *module = process.command
    command = [python, switch, late.__name__, str(house.warm), process.name, *module]
    return replace(process, command=command, ready=None)


def all_warm(house: House, wanted: Sequence[Process]) -> bool:
    """Whether every process that is to wait for the day does."""
    names = [process.name for process in wanted if late.__name__ in process.command]
    return all(late.pid_file(house.warm, name).exists() for name in names)


def environment(settings: Settings) -> dict[str, str]:
    """Every setting by name, the unset ones too: nothing may come from this user's own environment or .env file."""
    unset = {f"TACTFUL_{name.upper()}": "" for name, value in settings if value is None}
    return {**unset, **child_environment(settings)}


def kill_victim(house: House) -> None:
    """kill -9, in the middle of its work."""
    os.kill(int(late.pid_file(house.warm, VICTIM).read_text()), signal.SIGKILL)
