"""Asks the checker, which stands alone: its own process, without our modules in reach."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from sender.demo import show
from sender.demo.house import House

CHECKER = Path(__file__).with_name("checker.py")


def judge(console: Console, house: House) -> bool:
    """Run every check, show each with the figure it looked at, keep them; whether all hold."""
    given = {
        "contacts": house.contacts,
        "phones": house.phones,
        "log": house.log,
        "report": house.report,
        "database": house.home / "tactful.db",
    }
    words = [word for name, path in given.items() for word in (f"--{name}", str(path))]
    command = [sys.executable, "-I", str(CHECKER), *words, str(house.home), str(house.logs), str(house.report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own file
    house.verdict.write_text(done.stdout, encoding="utf-8")
    found: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    show.checks(console, found)
    if done.stderr:
        console.print(done.stderr, markup=False, highlight=False)
    return done.returncode == 0 and bool(found) and all(one["ok"] for one in found)
