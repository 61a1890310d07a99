"""Become a process of the demo once its day begins: imported and waiting until then, so that no start-up eats the day.

    python -m sender.demo.late FOLDER NAME MODULE ARGUMENT…

All processes of an installation derive virtual time from one anchor, which they are given when they start. This writes
FOLDER/NAME.pid when it is warm, waits for FOLDER/anchor (epoch second and speed), and runs MODULE with these.
"""

import importlib
import os
import runpy
import sys
import time
from pathlib import Path

WARM = {
    "web": ("web.app", "web.server", "web.receiver"),
    "sender.cli": (
        "sender.processes.scheduler",
        "sender.processes.worker",
        "sender.cli.common",
        "twilio.rest.api.v2010.account.message",
    ),
    "sender.simulator": ("sender.simulator.server",),
}
ANCHOR = "anchor"
LOOK = 0.02


def pid_file(folder: Path, name: str) -> Path:
    """Where a process says that it is warm, and who it is."""
    return folder / f"{name}.pid"


def write_anchor(folder: Path, begins: float, speed: float) -> None:
    """Let the day begin at an epoch second, at so many virtual seconds in a real one."""
    fresh = folder / f"{ANCHOR}.new"
    fresh.write_text(f"{begins!r} {speed!r}")
    fresh.rename(folder / ANCHOR)


def main(folder: Path, name: str, module: str, arguments: list[str]) -> None:
    """Warm up, wait, and run ``module`` as ``python -m`` would."""
    for needed in WARM[module]:
        importlib.import_module(needed)
    pid_file(folder, name).write_text(str(os.getpid()))
    while not (folder / ANCHOR).exists():
        time.sleep(LOOK)
    real, speed = (folder / ANCHOR).read_text().split()
    os.environ.update(TACTFUL_CLOCK_REAL=real, TACTFUL_CLOCK_SPEED=speed)
    sys.argv = [module, *_dated(arguments, {"--clock-real": real, "--clock-speed": speed})]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _dated(arguments: list[str], clock: dict[str, str]) -> list[str]:
    """The arguments, with what stands behind each of these switches exchanged."""
    return [clock.get(before, word) for before, word in zip(["", *arguments], arguments, strict=False)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
