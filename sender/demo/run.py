"""`tactful demo` from its first line to its last: people, import, rehearsal, a day in a minute, report, checks.

The supervisor needs the main thread for its signals, so a second one tells the story and ends the supervisor.
"""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from guards.base import Purpose
from sender.accounts import make_owner_link
from sender.audience.importer import import_file
from sender.audience.importing.options import ImportOptions
from sender.campaigns import control
from sender.campaigns.programs import create_program
from sender.campaigns.rehearsal import rehearse
from sender.cli.common import build
from sender.demo import house as houses
from sender.demo import late, scenario, show
from sender.demo.day import Day, DayError, wait_for
from sender.demo.house import ACCOUNT, TOKEN, House, HouseError
from sender.demo.people import CrowdError, invent, write_file
from sender.demo.phones import simulator_config
from sender.demo.report import make_report
from sender.demo.verdict import judge
from sender.processes.embedded import EmbeddedError
from sender.processes.supervisor import Supervisor
from sender.runtime import Runtime
from sender.settings import Settings

LONGEST_START = 60.0
BREATH = 2.0
"""Real seconds that warm processes get to open their doors before the day begins."""
STOPPED_BY_HAND = 130


def run_demo(count: int, folder: Path = Path("demo")) -> int:
    """Play the demo with so many people in ``./demo``; 0 only if every check holds.

    Without ``DEMO_EXIT=1`` it stays up after the report, until Ctrl-C.
    """
    console, house = Console(), House(folder)
    os.umask(0o077)
    try:
        houses.clear(house)
        demo = Demo(console, house, count, stays=os.environ.get("DEMO_EXIT") != "1")
        return demo.play()
    except (HouseError, EmbeddedError, CrowdError) as error:
        console.print(f"[bold red]✗[/] {error}", highlight=False)
        return 1


class Demo:
    """One run of the demo."""

    def __init__(self, console: Console, house: House, count: int, *, stays: bool) -> None:
        self._console = console
        self._house = house
        self._stays = stays
        self._crowd = invent(count, scenario.SEED)
        self._settings = houses.settings_of(house)
        self._runtime = houses.furnish(self._settings)
        self._processes, self._doors = houses.processes(house, self._settings)
        self._status: int | None = None

    def play(self) -> int:
        """Run until the verdict, or until Ctrl-C; the exit status."""
        log = self._house.logs / "processes.log"
        with log.open("w", encoding="utf-8") as out:
            supervisor = Supervisor(self._processes, out)
            threading.Thread(target=self._tell, name="story", daemon=True).start()
            ended = supervisor.run()
        if self._status is None:
            self._status = STOPPED_BY_HAND if ended == 0 else 1
            self._console.print(f"[bold red]✗[/] The demo ended before its report: see {log}.", highlight=False)
        return self._status

    def _tell(self) -> None:
        try:
            self._status = 0 if self._story() else 1
        except Exception as error:
            # Whatever goes wrong in this thread must end the demo with status 1 instead of leaving it hanging.
            why = str(error) if isinstance(error, DayError) else f"{type(error).__name__}: {error}"
            self._console.print(f"[bold red]✗[/] {why} See {self._house.logs}.", highlight=False)
            self._status, self._stays = 1, False
        if not self._stays:
            os.kill(os.getpid(), signal.SIGTERM)

    def _story(self) -> bool:
        began = time.monotonic()
        self._write_people()
        campaigns = self._prepare(self._runtime)
        first, _ = campaigns
        show.rehearsed(self._console, scenario.first_campaign().name, rehearse(self._runtime, first, at=scenario.START))
        link = self._owner_link()
        self._runtime.db.close()
        settings = self._dawn(scenario.speed_for(time.monotonic() - began))
        made = self._live(build(settings), campaigns)
        self._house.report.write_text(json.dumps(made, indent=1), encoding="utf-8")
        show.report(self._console, made)
        is_right = judge(self._console, self._house)
        show.end(self._console, is_right, self._settings.address if self._stays else "", link)
        return is_right

    def _write_people(self) -> None:
        with show.bar(self._console, f"Writing {self._house.contacts}") as move:
            write_file(self._house.contacts, self._crowd.rows, move)
        show.crowd(self._console, str(self._house.contacts), self._crowd.counts)

    def _prepare(self, runtime: Runtime) -> dict[int, str]:
        """Program, contacts and campaigns; the id of each campaign with the word in its texts."""
        program_id = create_program(runtime, scenario.program(), scenario.ACTOR)
        options = ImportOptions(program_id=program_id, region="US", purpose=Purpose.MARKETING)
        with show.bar(self._console, "Importing") as move:
            report = import_file(
                runtime.db,
                runtime.keys,
                runtime.clock,
                self._house.contacts,
                options,
                lambda done, total, counts: move(done, total, f"{counts.get('rows', 0):,} rows"),
            )
        show.imported(self._console, report)
        return {
            control.create(runtime, scenario.first_campaign(), scenario.ACTOR): scenario.FIRST_CODE,
            control.create(runtime, scenario.second_campaign(), scenario.ACTOR): scenario.SECOND_CODE,
        }

    def _owner_link(self) -> str:
        runtime = self._runtime
        with runtime.db.write() as session:
            return make_owner_link(session, runtime.keys, runtime.clock.real())

    def _dawn(self, speed: float) -> Settings:
        """Let the day begin for all processes at once, and return the settings with its clock."""
        phones = simulator_config(self._crowd.people, TOKEN, ACCOUNT, self._settings.hooks_address, speed)
        self._house.phones.write_text(json.dumps(phones, ensure_ascii=False, indent=1), encoding="utf-8")
        wait_for(lambda: houses.all_warm(self._house, self._processes), LONGEST_START, "The processes did not come up.")
        begins = time.time() + BREATH
        late.write_anchor(self._house.warm, begins, speed)
        settings = houses.on_the_day(self._settings, begins, speed)
        wait_for(lambda: all(is_open() for is_open in self._doors), LONGEST_START, "The processes do not answer.")
        return settings

    def _live(self, runtime: Runtime, campaigns: dict[int, str]) -> dict[str, Any]:
        """Schedule both campaigns, see the day through, and return the report."""
        try:
            for campaign_id, start in zip(campaigns, (scenario.START, scenario.SECOND_START), strict=True):
                latest = start + scenario.LATEST
                control.schedule(runtime, campaign_id, start, scenario.ACTOR, latest_start=latest)
            day = Day(self._console, self._house, runtime)
            day.watch()
            day.settle()
            with runtime.db.read() as session:
                return make_report(session, campaigns, runtime.clock.real())
        finally:
            runtime.db.close()
