"""Caps from the program's file to the gate: purposes, subjects, the hard limit, and texts that are dropped."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from guards.base import Purpose
from sender.accounts import Person
from sender.campaigns.drafts import read_program
from sender.campaigns.programs import ProgramError, create_program
from sender.delivery.gate import open_gate
from sender.models import Attempt, Audit, Campaign, Decision, Message, Program
from sender.models.accounts import ALL_PROGRAMS
from tests.installation import FOOTER, TUESDAY, Installation, line

NEW_YORK, LOS_ANGELES = "+12125550123", "+12135550123"
OTHER = f"Acme: News today. {FOOTER}"


def made(installation: Installation, folder: Path, **changes: Any) -> None:
    """Make a program from a file and let the installation's texts be its own."""
    file = folder / "program.json"
    whole = {
        "slug": "club", "brand": "Acme", "help_contact": "help@acme.example", "purposes": ["marketing", "code"],
        "countries": ["US"], "from_numbers": [{"address": "+12125550100", "rate": 1000}], **changes,
    }  # fmt: skip
    file.write_text(json.dumps(whole))
    installation.program_id = create_program(installation.runtime, read_program(file), "test")
    with installation.runtime.db.write() as session:
        installation.line_id = line(session, installation.program_id, country="US", address="+12125550101")


def went(installation: Installation, number_id: int, **columns: Any) -> bool:
    """Ask the gate about one more text to this number."""
    return bool(open_gate(installation.runtime, [installation.message(number_id, **columns)]))


def test_a_cap_on_a_subject_goes_from_the_file_to_the_gate(installation: Installation, tmp_path: Path) -> None:
    """One text a day on each subject: a second sale waits, news go, and what is about nothing known counts for all."""
    made(installation, tmp_path, caps=[{"limit": 1, "hours": 24, "subject": "*"}])
    number = installation.contact(NEW_YORK)
    told = [went(installation, number, subject=subject) for subject in ("sale", "sale", "news", None)]
    assert told == [True, False, True, False]
    with installation.runtime.db.read() as session:
        assert {row.subject for row in session.execute(select(Attempt)).scalars()} == {"sale", "news"}


def test_a_cap_on_a_purpose_goes_from_the_file_to_the_gate(installation: Installation, tmp_path: Path) -> None:
    """One code in an hour: the second waits until the hour is over, an offer goes meanwhile."""
    made(installation, tmp_path, caps=[{"limit": 1, "hours": 1, "purpose": "code", "scope": "installation"}])
    number = installation.contact(NEW_YORK)
    code = {"purpose": Purpose.CODE.value}
    assert [went(installation, number, **asked) for asked in (code, code, {})] == [True, False, True]
    with installation.runtime.db.read() as session:
        waiting = session.execute(select(Message).where(col(Message.status) == "pending")).scalar_one()
    assert (waiting.purpose, waiting.send_after) == ("code", TUESDAY + timedelta(hours=1))


@pytest.mark.parametrize("kind", ["campaign", "answer"])
def test_nobody_gets_a_twenty_first_text_in_a_day(installation: Installation, tmp_path: Path, kind: str) -> None:
    """Whatever the program's caps allow, twenty texts in 24 hours are the end, answers counted; a STOP is confirmed."""
    made(installation, tmp_path, caps=[{"limit": 1000, "hours": 1}], purposes=["informational", "marketing"])
    number = installation.contact(NEW_YORK)
    asked = {"kind": kind, "answers": "help"} if kind == "answer" else {}
    told = [went(installation, number, **asked) for _ in range(21)]
    assert told == [True] * 20 + [False]
    with installation.runtime.db.read() as session:
        assert session.execute(select(Decision.reason)).scalars().all() == ["hard_limit"]  # type: ignore[call-overload]


def test_answers_take_no_room_from_offers(installation: Installation) -> None:
    """Two answers to HELP leave a cap of two texts a day as it was."""
    number = installation.contact(NEW_YORK)
    for _ in range(2):
        assert went(installation, number, kind="answer", answers="help")
    assert [went(installation, number) for _ in range(3)] == [True, True, False]


def campaign(installation: Installation, **columns: Any) -> int:
    """A running campaign of the program."""
    with installation.runtime.db.write() as session:
        values = {"name": "Spring", "status": "running", "created_at": TUESDAY, **columns}
        row = Campaign(program_id=installation.program_id, **values)
        session.add(row)
        session.flush()
        return row.id or 0


@pytest.mark.parametrize(("outside_hours", "status"), [("defer", "pending"), ("drop", "blocked")])
def test_outside_hours_a_campaign_waits_or_drops(installation: Installation, outside_hours: str, status: str) -> None:
    """A text for Los Angeles before eight waits, or ends with the same reason where its campaign says drop."""
    installation.clock.move(timedelta(minutes=-1))
    asked = campaign(installation, outside_hours=outside_hours)
    message = installation.message(installation.contact(LOS_ANGELES), campaign_id=asked)
    assert open_gate(installation.runtime, [message]) == []
    with installation.runtime.db.read() as session:
        row, decision = session.get_one(Message, message), session.execute(select(Decision)).scalar_one()
    assert (row.status, row.reason, decision.guard) == (status, "quiet_hours", "quiet_hours")


@pytest.mark.parametrize(("over_cap", "status"), [("defer", "pending"), ("drop", "blocked")])
def test_over_a_cap_a_campaign_waits_or_drops(installation: Installation, over_cap: str, status: str) -> None:
    """A third text of the day waits, or ends where its campaign says drop; the hours' own choice does not matter."""
    number = installation.contact(NEW_YORK)
    for _ in range(2):
        assert went(installation, number)
    asked = campaign(installation, over_cap=over_cap, outside_hours="drop" if over_cap == "defer" else "defer")
    message = installation.message(number, campaign_id=asked)
    assert open_gate(installation.runtime, [message]) == []
    assert installation.status(message) == status


def test_rules_loosened_in_a_programs_file_are_an_owners_act_on_record(
    installation: Installation, tmp_path: Path
) -> None:
    """A rule of calls is loosened with its reason in the audit, as by `tactful rules loosen`; a marketer may not."""
    file = tmp_path / "club.json"
    whole = {
        "slug": "club", "brand": "Acme", "help_contact": "help@acme.example", "purposes": ["marketing"],
        "countries": ["US"], "from_numbers": [{"address": "+12125550100"}], "loosened": {"US-PA": " Counsel said so. "},
    }  # fmt: skip
    file.write_text(json.dumps(whole))
    wanted = read_program(file)
    marketer, owner = (Person(1, f"{role}@acme.example", 1, {ALL_PROGRAMS: role}) for role in ("marketer", "owner"))
    with pytest.raises(ProgramError, match="Only an owner"):
        create_program(installation.runtime, wanted, marketer.actor, marketer)
    program_id = create_program(installation.runtime, wanted, owner.actor, owner)
    with installation.runtime.db.read() as session:
        rows = session.execute(select(Audit).where(col(Audit.action) == "rule.loosen")).scalars().all()
        kept = session.get_one(Program, program_id).loosened
    assert [(row.actor, row.subject, row.detail) for row in rows] == [
        (
            "owner@acme.example",
            f"program {program_id}",
            {"rule": "US-PA", "basis": "law-call", "why": "Counsel said so."},
        )
    ]
    assert kept == {"US-PA": "Counsel said so."}
