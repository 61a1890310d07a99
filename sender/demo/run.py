"""`tactful demo` from its first line to its last: people, import, rehearsal, a day in a minute, report, checks."""

import json
import os
import time
from pathlib import Path

from rich.console import Console

from guards.base import Purpose
from sender.accounts import make_owner_link
from sender.audience.importer import import_file
from sender.audience.importing.options import ImportOptions
from sender.campaigns import control
from sender.campaigns.programs import create_program
from sender.campaigns.rehearsal import rehearse
from sender.demo import scenario, show
from sender.demo.day import Day
from sender.demo.house import ACCOUNT, TOKEN, House, clear, furnish, on_the_day, settings_of
from sender.demo.people import Crowd, TooManyPeopleError, invent, write_file
from sender.demo.phones import simulator_config
from sender.embedded import EmbeddedError
from sender.runtime import Runtime

ACTOR = "demo"
START_UP, START_UP_SHARE = 6.0, 0.6
"""Real seconds for the processes to come up before the day begins, and at least this part of the preparations' time."""


def run_demo(count: int, folder: Path = Path("demo")) -> int:
    """Play the demo with so many people in ``./demo``; 0 only if every check holds.

    Without ``DEMO_EXIT=1`` it stays up after the report, until Ctrl-C.
    """
    console, house, began = Console(), House(folder), time.monotonic()
    os.umask(0o077)
    try:
        clear(house)
        crowd = invent(count, scenario.SEED)
    except (EmbeddedError, TooManyPeopleError) as error:
        console.print(f"[bold red]✗[/] {error}", highlight=False)
        return 1
    settings = settings_of(house)
    _write(console, house, crowd, settings.address)
    runtime = furnish(settings)
    campaigns = _prepare(console, house, runtime)
    with runtime.db.write() as session:
        link = make_owner_link(session, runtime.keys, runtime.clock.real())
    runtime.db.close()
    begins = time.time() + max(START_UP, START_UP_SHARE * (time.monotonic() - began))
    stays = os.environ.get("DEMO_EXIT") != "1"
    return Day(console, house, on_the_day(settings, begins), campaigns, link, stays).play()


def _write(console: Console, house: House, crowd: Crowd, address: str) -> None:
    with show.bar(console, f"Writing {house.contacts}") as move:
        write_file(house.contacts, crowd.rows, move)
    phones = simulator_config(crowd.people, TOKEN, ACCOUNT, address, scenario.SEED)
    house.phones.write_text(json.dumps(phones, ensure_ascii=False, indent=1), encoding="utf-8")
    show.crowd(console, str(house.contacts), crowd.counts)


def _prepare(console: Console, house: House, runtime: Runtime) -> dict[int, str]:
    """Program, contacts and campaigns; the id of each campaign with the word in its texts."""
    program_id = create_program(runtime, scenario.program(), ACTOR)
    options = ImportOptions(program_id=program_id, region="US", purpose=Purpose.MARKETING)
    with show.bar(console, "Importing") as move:
        report = import_file(
            runtime.db,
            runtime.keys,
            runtime.clock,
            house.contacts,
            options,
            lambda done, total, counts: move(done, total, f"{counts.get('rows', 0):,} rows"),
        )
    show.imported(console, report)
    first = control.create(runtime, scenario.first_campaign(), ACTOR)
    with console.status("Rehearsing the first campaign: everybody through the real guards, nothing sent"):
        rehearsal = rehearse(runtime, first, scenario.START)
    show.rehearsed(console, scenario.first_campaign().name, rehearsal)
    second = control.create(runtime, scenario.second_campaign(), ACTOR)
    for campaign_id, start in ((first, scenario.START), (second, scenario.SECOND_START)):
        control.schedule(runtime, campaign_id, start, ACTOR, latest_start=start + scenario.LATEST)
    return {first: scenario.FIRST_CODE, second: scenario.SECOND_CODE}
