"""The product's import, rehearsal and planning, as its commands and the scheduler do them; one count of a segment."""

from pathlib import Path
from typing import Any

from guards.base import Purpose
from sender.audience import segments
from sender.audience.crowds import count_by_standing
from sender.audience.importer import import_file
from sender.audience.importing.options import ImportOptions
from sender.audience.segment_sql import count_contacts
from sender.bench.child import Work
from sender.bench.house import ACTOR, PROGRAM
from sender.campaigns import control
from sender.campaigns.control import CampaignIn, VariantIn
from sender.campaigns.planner import plan_slice
from sender.campaigns.rehearsal import rehearse
from sender.cli.common import build, load_settings
from sender.processes.collector import spare_what_lasts
from sender.runtime import Runtime

TEMPLATE = "Larkfield: Hello {{ first_name }}, 20 % off today at {{ city }}."


def _ready() -> Runtime:
    """What commands and processes begin with, but for their questions to the database."""
    runtime = build(load_settings())
    spare_what_lasts()
    return runtime


def prepare_import(contacts: str, program_id: int) -> Work:
    """The work of importing the file of people with their consent."""
    runtime = _ready()
    options = ImportOptions(program_id=program_id, purpose=Purpose.MARKETING)

    def work() -> int:
        report = import_file(runtime.db, runtime.keys, runtime.clock, Path(contacts), options)
        return report.counts["with_consent"]

    return work


def prepare_rehearsal(name: str) -> Work:
    """The work of rehearsing a campaign to everybody: guards, words, parts, costs, forecast; nothing is written."""
    runtime = _ready()
    campaign_id = make_campaign(runtime, name)
    return lambda: rehearse(runtime, campaign_id).total


def prepare_count(definition: dict[str, Any], people: int) -> Work:
    """The work of counting once whom a segment matches, among so many people."""
    runtime = _ready()

    def work() -> int:
        with runtime.db.read() as session:
            now, dialect = runtime.clock.now(), session.get_bind().dialect.name
            count_contacts(session, segments.where(segments.parse(definition), now, dialect))
        return people

    return work


def prepare_blocked(program_id: int) -> Work:
    """The work of counting everybody by what they told the program: who may be texted, who is out, held or unknown."""
    runtime = _ready()

    def work() -> int:
        with runtime.db.read() as session:
            now = runtime.clock.now()
            return count_by_standing(session, {}, program_id, Purpose.MARKETING, now, at_most=None).total

    return work


def prepare_plan(name: str) -> Work:
    """The work of planning a campaign to everybody: guards, words, parts, rows; it is left paused."""
    runtime = _ready()
    campaign_id = make_campaign(runtime, name)
    control.schedule(runtime, campaign_id, runtime.clock.now(), ACTOR)
    control.start_due(runtime)

    def work() -> int:
        planned = sum(iter(lambda: plan_slice(runtime, campaign_id), 0))
        control.pause(runtime, campaign_id, ACTOR)
        return planned

    return work


def make_campaign(runtime: Runtime, name: str) -> int:
    """A campaign to everybody, as a draft; its id."""
    wanted = CampaignIn(name, PROGRAM, [VariantIn("all", {}, TEMPLATE, {"first_name": "there", "city": "town"})])
    return control.create(runtime, wanted, ACTOR)
