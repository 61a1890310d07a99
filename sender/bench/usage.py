"""What processes took: processor seconds and the most memory, from /proc. Zero where a system has none (macOS)."""

import os
import resource
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PARENT, USER, SYSTEM = 1, 11, 12
"""Places in /proc/PID/stat behind the name, which is in brackets and may hold spaces; see proc(5)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor seconds (user and system) since the process began, and its peak resident memory in MiB."""

    cpu: float = 0.0
    peak: float = 0.0

    def since(self, before: "Usage") -> "Usage":
        """What was used from then to now; the peak stays the peak."""
        return Usage(self.cpu - before.cpu, self.peak)


def of_tree(pid: int) -> Usage:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = defaultdict(list)
    stats = {int(entry.name): _stat(entry) for entry in PROC.glob("[0-9]*")}
    for one, stat in stats.items():
        children[int(stat[PARENT]) if stat else 0].append(one)
    wanted, members = [pid], []
    while wanted:
        members.append(one := wanted.pop())
        wanted += children[one]
    return Usage(sum(_seconds(stats.get(one, [])) for one in members), sum(_peak(one) for one in members))


def of_self() -> Usage:
    """This process. Its peak is not getrusage's, which on Linux begins with the memory of the process that made it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(used.ru_utime + used.ru_stime, _peak(os.getpid()))


def _stat(entry: Path) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none when the process has just ended."""
    try:
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _seconds(stat: list[str]) -> float:
    return (int(stat[USER]) + int(stat[SYSTEM])) / TICKS if stat else 0.0


def _peak(pid: int) -> float:
    try:
        lines = (PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
