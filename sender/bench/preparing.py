"""The product's import and planning, as `tactful contacts import` and the scheduler do them."""

from pathlib import Path

from guards.base import Purpose
from sender.audience.importer import import_file
from sender.audience.importing.options import ImportOptions
from sender.bench.child import Work
from sender.bench.house import ACTOR, PROGRAM
from sender.campaigns import control
from sender.campaigns.control import CampaignIn, VariantIn
from sender.campaigns.planner import plan_slice
from sender.cli.common import build, load_settings
from sender.collector import spare_what_lasts
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


def prepare_plan(name: str) -> Work:
    """The work of planning a campaign to everybody: guards, words, parts, rows; it is left paused."""
    runtime = _ready()
    wanted = CampaignIn(name, PROGRAM, [VariantIn("all", {}, TEMPLATE, {"first_name": "there", "city": "town"})])
    campaign_id = control.create(runtime, wanted, ACTOR)
    control.schedule(runtime, campaign_id, runtime.clock.now(), ACTOR)
    control.start_due(runtime)

    def work() -> int:
        planned = sum(iter(lambda: plan_slice(runtime, campaign_id), 0))
        control.pause(runtime, campaign_id, ACTOR)
        return planned

    return work
