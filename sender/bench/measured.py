"""What one measure gives, and measures that are a task of child.py."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sender.bench.house import BenchError, House
from sender.bench.usage import Usage

NOT_OURS = frozenset({"simulator", "endpoint"})


@dataclass(frozen=True, slots=True)
class Part:
    """What one process took: processor µs for each of what was done, and its peak memory in MiB."""

    cpu_us: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Run:
    """One measure once: how many in a second, processor µs for each, peak MiB; ``parts`` has both by process."""

    rate: float
    cpu_us: float
    peak_mib: float
    parts: Mapping[str, Part] = field(default_factory=dict)


def run_task(house: House, task: str, **arguments: Any) -> Run:
    """Do one task in a process of its own; BenchError with its last line when it fails."""
    ended = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "sender.bench.child", task, json.dumps(arguments)],
        env={**os.environ, **house.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise BenchError(f"Measuring {task} failed: {(ended.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    said = json.loads(ended.stdout)
    if not said["count"]:
        raise BenchError(f"Measuring {task} failed: it had nothing to do.")
    return Run(said["count"] / said["seconds"], said["cpu"] / said["count"] * 1e6, said["peak"])


def run_of(count: int, seconds: float, used: Mapping[str, Usage]) -> Run:
    """A measure of running processes; the other side's part is told, but it is not the product's."""
    parts = {name: Part(one.cpu / count * 1e6, one.peak) for name, one in used.items()}
    ours = [part for name, part in parts.items() if name not in NOT_OURS]
    return Run(count / seconds, sum(part.cpu_us for part in ours), sum(part.peak_mib for part in ours), parts)
