"""Rehearsals and plans come out the same where other processes reckon for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from guards.base import Purpose
from sender.ahead import lanes
from sender.audience.importer import import_file
from sender.audience.importing.options import ImportOptions
from sender.campaigns import control, planner
from sender.campaigns.control import CampaignIn, VariantIn
from sender.campaigns.rehearsal import rehearse
from sender.crypto import unseal
from sender.models import Campaign, Decision, Message, Number
from sender.reckoners import Reckoners
from sender.runtime import Runtime
from tests.installation import TUESDAY, WORDING, Installation, install
from tests.waiting import eventually

AREAS = (212, 310, 312, 404, 415, 503, 602, 617, 702, 713, 808, 907, 919)
"""From New York to Honolulu: at 15:00 UTC some may be texted, and some are still asleep."""
SPANISH = VariantIn(
    "es",
    {"field": "language", "is": "es"},
    "Hola {{ first_name }}",
    {"first_name": ""},
)
ENGLISH = VariantIn("en", {}, "Hi {{ first_name }}, BEST BEANS OF THE WHOLE TOWN", {"first_name": "there"})


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation that records instead of sending, whose processes may have two reckoners."""
    made = install(tmp_path / "home", database_url, reckoners=2)
    yield made
    made.runtime.db.close()


@contextmanager
def reckoned(installation: Installation) -> Iterator[Runtime]:
    """A runtime whose reckoners are up, for work on ten people already. At the end they have had work."""
    own = installation.runtime
    runtime = replace(own, reckoners=Reckoners(own.settings, own.clock, many=10))
    with lanes(runtime) as beside:
        beside.expect(10)
        eventually(lambda: beside.width == 3)
    with runtime.reckoners.lent(10) as both:
        processes = [psutil.Process(one.process.pid) for one in both]
    read = [process.io_counters().read_chars for process in processes]
    yield runtime
    assert sum(process.io_counters().read_chars for process in processes) > sum(read) + 10_000
    runtime.reckoners.end()


def people(folder: Path) -> Path:
    """1,300 people, some of them without consent or opted out."""
    rows = [f"+1{area}555{line:04},{(line % 2 and 'es') or 'en'}" for line in range(100, 200) for area in AREAS]
    words = ("yes", "yes", "yes", "no", "", "yes")
    told = [f'{row},Ada,{words[at % 6]},2026-01-05,"{WORDING}"' for at, row in enumerate(rows)]
    file = folder / "people.csv"
    file.write_text("\n".join(["phone,language,first_name,consent,consent_at,consent_wording", *told]) + "\n")
    return file


def campaign(installation: Installation, name: str) -> int:
    """A draft in two languages, with words that a rehearsal finds fault with."""
    return control.create(installation.runtime, CampaignIn(name, "acme", [SPANISH, ENGLISH]), "ann")


def planned(runtime: Runtime, campaign_id: int) -> list[Any]:
    """What each person would get, with why not, in the order of the numbers."""
    columns = (Number, Message, Decision.guard, Decision.verdict, Decision.reason, Decision.until, Decision.rules)
    joined = select(*columns, Decision.inputs).join(Message, col(Message.number_id) == col(Number.id))  # type: ignore[call-overload]
    rows = joined.outerjoin(Decision, col(Decision.message_id) == col(Message.id)).order_by(col(Number.id))
    found = []
    with runtime.db.read() as session:
        for number, message, *refusal in session.execute(rows.where(col(Message.campaign_id) == campaign_id)):
            words = (
                unseal(runtime.keys.unwrap(number.data_key), message.text_cipher).decode()
                if message.text_cipher
                else ""
            )
            told = message.model_dump(exclude={"id", "campaign_id", "variant_id", "text_cipher", "touched_at"})
            found.append((words, told, refusal))
    return found


def test_a_rehearsal_and_a_plan_are_the_same(installation: Installation, tmp_path: Path) -> None:
    """What two processes decide, piece by piece, is what this one decides in its turn."""
    own, options = installation.runtime, ImportOptions(program_id=installation.program_id, purpose=Purpose.MARKETING)
    import_file(own.db, own.keys, own.clock, people(tmp_path), options)
    names = ("in turn", "reckoned")
    alone, beside = (campaign(installation, name) for name in names)
    when = TUESDAY + timedelta(hours=1)
    with reckoned(installation) as runtime:
        seen = rehearse(runtime, beside, when)
    assert seen == rehearse(own, alone, when)
    assert (seen.total, all(seen.verdicts[one] for one in ("allow", "defer", "block"))) == (1300, True)
    assert seen.findings

    for one in (alone, beside):
        control.schedule(own, one, installation.clock.now(), "ann")
    control.start_due(own)
    with own.db.write() as session:
        # As if a first turn, which is this process's own, had planned one person.
        session.execute(update(Campaign).values(cursor=1))
    while planner.plan_slice(own, alone):
        pass
    with reckoned(installation) as runtime:
        assert planner.plan_slice(runtime, beside) == 1299
    plans = planned(own, alone), planned(own, beside)
    assert plans[0] == plans[1]
    assert len(plans[0]) == 1299
