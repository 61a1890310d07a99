"""The day itself: watched until both campaigns are finished, with trouble made once in the middle of it."""

import json
import time
import urllib.request
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from sqlalchemy import select
from sqlmodel import Session, col

from sender.campaigns.reports import messages_by_status
from sender.demo import scenario, show
from sender.demo.house import House, kill_victim
from sender.demo.phones import LOST_RECEIPTS
from sender.demo.report import receipts, replied
from sender.models import Campaign
from sender.runtime import Runtime

HOURS = (scenario.SECOND_END - scenario.START).total_seconds()
PATIENCE = 60.0
"""Real seconds beyond the end of the day in which what is unknown may still be settled."""
LOOK, QUIET = 0.5, 3.0
TROUBLE_AFTER, LONGEST_AIM, AIM = 4.0, 5.0, 0.01
IN_FLIGHT, DELIVERED_BY = 0.4, 1.4
"""Longer than an answer of the simulator takes, and than a text takes to its phone."""
KILL_AT_LEAST = 20


class DayError(Exception):
    """The demo cannot go on; the sentence says why."""


def wait_for(done: Callable[[], bool], longest: float, complaint: str) -> None:
    """Ask until the answer is yes; DayError with the complaint after ``longest`` seconds."""
    deadline = time.monotonic() + longest
    while not done():
        if time.monotonic() > deadline:
            raise DayError(complaint)
        time.sleep(LOOK / 5)


class Day:
    """One day of a running installation, seen from the database and the simulator."""

    def __init__(self, console: Console, house: House, runtime: Runtime) -> None:
        self._console = console
        self._house = house
        self._runtime = runtime
        self._simulator = f"{runtime.settings.twilio_base_url}/_sim"
        self._troubled = False

    def watch(self) -> None:
        """Show the day until both campaigns are finished, or until they should have been."""
        began, printed = time.monotonic(), 0.0
        longest = HOURS / self._runtime.clock.speed + PATIENCE
        with Live(console=self._console, transient=True, auto_refresh=False) as live:
            while time.monotonic() - began < longest:
                moment, is_over = self._moment()
                live.update(moment, refresh=True)
                if not self._console.is_terminal and time.monotonic() - printed > show.PRINT_EVERY:
                    printed = time.monotonic()
                    self._console.print(moment.line, highlight=False)
                if is_over:
                    return
                if not self._troubled and time.monotonic() - began > TROUBLE_AFTER:
                    self._trouble(live.console)
                time.sleep(LOOK)
        self._console.print("[bold red]✗[/] The campaigns did not finish in time.", highlight=False)

    def settle(self) -> None:
        """Wait until no receipt has come for three seconds and all are applied; people may still write later."""
        seen, since, deadline = (-1, -1), time.monotonic(), time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with self._runtime.db.read() as session:
                now = receipts(session)
            if now != seen:
                seen, since = now, time.monotonic()
            if now[1] == 0 and time.monotonic() - since > QUIET:
                return
            time.sleep(LOOK / 5)
        self._console.print("[bold red]✗[/] Receipts are still on their way.", highlight=False)

    def _moment(self) -> tuple[show.Moment, bool]:
        with self._runtime.db.read() as session:
            moment = show.Moment(self._runtime.clock.now(), messages_by_status(session), replied(session))
            return moment, _all_finished(session)

    def _trouble(self, console: Console) -> None:
        """Lose all receipts for two seconds, and kill a worker in the middle of them with texts on the wire."""
        self._troubled = True
        self._lose_receipts(1.0)
        time.sleep(IN_FLIGHT)
        deadline = time.monotonic() + LONGEST_AIM
        while (on_the_wire := self._on_the_wire()) < KILL_AT_LEAST and time.monotonic() < deadline:
            time.sleep(AIM)
        kill_victim(self._house)
        time.sleep(DELIVERED_BY)
        self._lose_receipts(LOST_RECEIPTS)
        console.print(
            f"[yellow]![/] Trouble: kill -9 of a worker while {on_the_wire} texts are on the wire, and for two seconds "
            "no receipt comes through.",
            highlight=False,
        )

    def _on_the_wire(self) -> int:
        with self._runtime.db.read() as session:
            return messages_by_status(session).get("sending", 0)

    def _lose_receipts(self, share: float) -> None:
        body = json.dumps({"callbacks": {"lost": share}}).encode()
        urllib.request.urlopen(f"{self._simulator}/faults", body, timeout=5).close()  # noqa: S310 - our own simulator


def _all_finished(session: Session) -> bool:
    open_one = select(col(Campaign.id)).where(col(Campaign.status) != "finished").limit(1)
    return session.execute(open_one).scalar() is None
