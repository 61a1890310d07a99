"""The day itself: processes up, a worker killed, both campaigns to their end, then the report and the judge.

The supervisor needs the main thread for its signals, so a second one tells the day and ends the supervisor.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text
from sqlalchemy import select
from sqlmodel import Session, col

from sender.campaigns.reports import messages_by_status
from sender.cli.common import build
from sender.demo import scenario, show
from sender.demo.house import House, kill_victim, processes
from sender.demo.report import make_report, replied, waiting_receipts
from sender.models import Campaign
from sender.runtime import Runtime
from sender.settings import Settings
from sender.supervisor import Supervisor

CHECKER = Path(__file__).with_name("checker.py")
LONGEST_START = 40.0
LONGEST_DAY = (scenario.SECOND_END - scenario.START).total_seconds() / scenario.SPEED + 60.0
LONGEST_SETTLING = 30.0
LOOK = 0.5
KILL_AFTER, KILL_LOOK, KILL_AT_LEAST = 4.0, 0.02, 12
STOPPED_BY_HAND = 130


class DayError(Exception):
    """The day cannot go on; the sentence says why."""


class Day:
    """One run of the installation, from its first process to the verdict; ``stays`` keeps it up for a look around."""

    def __init__(
        self, console: Console, house: House, settings: Settings, campaigns: dict[int, str], link: str, stays: bool
    ) -> None:
        self._console = console
        self._house = house
        self._settings = settings
        self._campaigns = campaigns
        self._link = link
        self._stays = stays
        self._status: int | None = None
        self._killed = False

    def play(self) -> int:
        """Run until the verdict, or until Ctrl-C; the exit status."""
        log = self._house.logs / "processes.log"
        with log.open("w", encoding="utf-8") as out:
            supervisor = Supervisor(processes(self._house, self._settings), out)
            teller = threading.Thread(target=self._tell, name="demo", daemon=True)
            teller.start()
            ended = supervisor.run()
        if self._status is None:
            self._status = STOPPED_BY_HAND if ended == 0 else 1
            self._console.print(f"[bold red]✗[/] The day ended before its report: see {log}.", highlight=False)
        return self._status

    def _tell(self) -> None:
        try:
            self._status = self._story()
        except Exception as error:
            # Whatever went wrong in this thread must end the demo with status 1 instead of leaving it hanging.
            why = str(error) if isinstance(error, DayError) else f"{type(error).__name__}: {error}"
            self._console.print(f"[bold red]✗[/] {why} See {self._house.logs}.", highlight=False)
            self._status, self._stays = 1, False
        if self._stays:
            self._invite()
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    def _story(self) -> int:
        runtime = build(self._settings)
        try:
            self._wait("The processes did not come up.", LONGEST_START, lambda: self._begun(runtime))
            self._watch(runtime)
            self._wait("Receipts are still on their way.", LONGEST_SETTLING, lambda: self._settled(runtime))
            with runtime.db.read() as session:
                made = make_report(session, self._campaigns)
        finally:
            runtime.db.close()
        self._house.report.write_text(json.dumps(made, indent=1), encoding="utf-8")
        show.report(self._console, made)
        return self._judge()

    def _wait(self, complaint: str, longest: float, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + longest
        while not done():
            if time.monotonic() > deadline:
                raise DayError(complaint)
            time.sleep(LOOK / 2)

    def _begun(self, runtime: Runtime) -> bool:
        with runtime.db.read() as session:
            return self._open_campaigns(session) != ["scheduled"] * len(self._campaigns)

    def _open_campaigns(self, session: Session) -> list[str]:
        return [status for status in session.execute(select(col(Campaign.status))).scalars() if status != "finished"]

    def _watch(self, runtime: Runtime) -> None:
        """Show the day until both campaigns are finished; kill a worker while it has texts on the wire."""
        began, printed = time.monotonic(), 0.0
        with Live(console=self._console, transient=True, auto_refresh=False) as live:
            while time.monotonic() - began < LONGEST_DAY:
                with runtime.db.read() as session:
                    states, said_stop = messages_by_status(session), replied(session)
                    still_open = self._open_campaigns(session)
                line = show.day_line(runtime.clock.now(), states, said_stop)
                live.update(Text(line), refresh=True)
                if not self._console.is_terminal and time.monotonic() - printed > show.PRINT_EVERY:
                    printed = time.monotonic()
                    self._console.print(line, highlight=False)
                if "paused" in still_open:
                    raise DayError("A campaign paused itself.")
                if not still_open:
                    return
                due = not self._killed and time.monotonic() - began > KILL_AFTER
                self._kill_one(live, states.get("sending", 0)) if due else None
                time.sleep(KILL_LOOK if due else LOOK)
        raise DayError("The campaigns did not finish in time.")

    def _kill_one(self, live: Live, on_the_wire: int) -> None:
        if on_the_wire >= KILL_AT_LEAST:
            kill_victim(self._house)
            self._killed = True
            live.console.print(
                f"[yellow]![/] kill -9 of a worker with {on_the_wire} texts on the wire.", highlight=False
            )

    def _settled(self, runtime: Runtime) -> bool:
        with urllib.request.urlopen(f"{self._settings.twilio_base_url}/_sim/summary", timeout=5) as answer:  # noqa: S310
            idle = bool(json.load(answer)["idle"])
        with runtime.db.read() as session:
            return idle and waiting_receipts(session) == 0

    def _judge(self) -> int:
        house = self._house
        given = {
            "contacts": house.contacts,
            "phones": house.phones,
            "log": house.log,
            "report": house.report,
            "database": house.home / "tactful.db",
        }
        words = [word for name, path in given.items() for word in (f"--{name}", str(path))]
        command = [sys.executable, "-I", str(CHECKER), *words, str(house.home), str(house.logs), str(house.report)]
        judged = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own file
        found: list[dict[str, Any]] = [json.loads(line) for line in judged.stdout.splitlines()]
        show.checks(self._console, found)
        if judged.stderr:
            self._console.print(judged.stderr, markup=False, highlight=False)
        right = judged.returncode == 0 and bool(found) and all(one["ok"] for one in found)
        self._console.print(
            "\n[bold green]Everything holds.[/]" if right else "\n[bold red]Not everything holds: status 1.[/]"
        )
        return 0 if right else 1

    def _invite(self) -> None:
        address = self._settings.address
        self._console.print(
            f"\nTactful is still up: {address}\nBecome its owner (works once): {address}{self._link}\nCtrl-C ends it.",
            highlight=False,
            soft_wrap=True,
        )
