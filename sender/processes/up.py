"""`tactful up`: which processes make up an installation, and how they know that they share one."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sender.processes import embedded
from sender.processes.supervisor import Process
from sender.settings import Settings

READY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class SimulatorPlan:
    """A simulator to start beside the rest: its port, configuration file and log."""

    port: int
    config: Path
    log: Path


def build_processes(
    settings: Settings, env: Mapping[str, str] | None = None, *, simulator: SimulatorPlan | None = None
) -> list[Process]:
    """The processes in the order they start: Valkey (unless one is configured), simulator, web, hooks, workers,
    scheduler.

    ``env`` is what the children get beside this process's own environment. Raises EmbeddedError when this
    installation runs already.
    """
    more = dict(env or {})
    processes = [] if settings.redis_url else [_valkey(settings)]
    if simulator is not None:
        processes.append(_simulator(settings, simulator))
    processes.append(
        Process("web", [sys.executable, "-m", "web"], more, ready=_answers(_local(settings, settings.port)))
    )
    hooks = [sys.executable, "-m", "web", "hooks"]
    processes.append(Process("hooks", hooks, more, ready=_answers(_local(settings, settings.hooks_port))))
    for number in range(1, settings.workers + 1):
        processes.append(Process(f"worker-{number}", _tactful("worker"), more))
    processes.append(Process("scheduler", _tactful("scheduler"), more))
    return processes


def child_environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, so that every child works with exactly these."""
    values = settings.model_dump(exclude_none=True)
    plain = {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in values.items()}
    return {f"TACTFUL_{name.upper()}": _text(value) for name, value in plain.items()}


def _text(value: object) -> str:
    if isinstance(value, list):
        return json.dumps(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _tactful(command: str) -> list[str]:
    return [sys.executable, "-m", "sender.cli", command]


def _valkey(settings: Settings) -> Process:
    folder, socket = embedded.prepare(settings.home)
    command = embedded.valkey_command(folder, socket, settings.valkey_mb)
    return Process("valkey", command, ready=lambda: embedded.answers(socket), ready_within=READY_SECONDS)


def _simulator(settings: Settings, plan: SimulatorPlan) -> Process:
    command = [sys.executable, "-m", "sender.simulator", "--port", str(plan.port), "--config", str(plan.config)]
    command += ["--log", str(plan.log), "--clock-speed", str(settings.clock_speed)]
    if settings.clock_real is not None and settings.clock_virtual is not None:
        command += ["--clock-real", repr(settings.clock_real), "--clock-virtual", settings.clock_virtual.isoformat()]
    ready = _answers(f"http://127.0.0.1:{plan.port}/_sim/healthz")
    return Process("simulator", command, {"PYTHONPATH": os.pathsep.join(sys.path)}, ready=ready)


def _local(settings: Settings, port: int) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    return f"http://{host}:{port}/healthz"


def _answers(address: str) -> Callable[[], bool]:
    """Whether something answers there with 200, within a second."""

    def ready() -> bool:
        try:
            with urllib.request.urlopen(address, timeout=1.0) as answer:  # noqa: S310 - our own http address
                return int(answer.status) == 200
        except (urllib.error.URLError, OSError):
            return False

    return ready
