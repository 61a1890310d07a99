"""Facts: the guards are shown what the database holds, and what cannot be read means that nothing is sent."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from guards import CHAIN
from guards.base import Cap, Facts, Purpose
from guards.chain import VERSION
from sender.audience import facts as loading
from sender.audience.facts import Asked, FactsLoader, policy_of
from sender.delivery.gate import open_gate
from sender.models import Attempt, Program
from tests.installation import Installation, install

LOADERS = (
    "_people", "load_standings", "_policies", "_sends", "_from_numbers", "_answered", "declared_places", "places_of",
    "standing",
)  # fmt: skip


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def load(installation: Installation, number_id: int, purpose: Purpose = Purpose.MARKETING, **more: Any) -> Facts:
    """Return the facts of one text to this number now."""
    runtime, now = installation.runtime, installation.clock.now()
    asked = Asked(1, number_id, installation.program_id, purpose)
    with runtime.db.read() as session:
        loader = FactsLoader(runtime.keys, runtime.settings.address)
        return loader.load(session, [asked], now, timedelta(), **more)[1].facts


class Broken(Exception):
    """What a planted fault raises."""


def broken(*_: object, **__: object) -> None:
    """Take the place of anything and raise."""
    raise Broken


@pytest.mark.parametrize("loader", LOADERS)
def test_a_fact_that_cannot_be_read_sends_nothing(
    installation: Installation, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in any loader of facts ends the gate's transaction: nothing is cleared, and the text waits unharmed."""
    message_id = installation.message(installation.contact("+12125550101"), reply_id=None)
    monkeypatch.setattr(loading, loader, broken)
    with pytest.raises(Broken):
        open_gate(installation.runtime, [message_id])
    assert installation.status(message_id) == "queued"
    with installation.runtime.db.read() as session:
        assert session.execute(select(Attempt)).all() == []


@pytest.mark.parametrize("guard", CHAIN, ids=lambda guard: guard.name)
def test_a_guard_that_breaks_sends_nothing(
    installation: Installation, guard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in any guard blocks the text with the guard's name on record, and no attempt is made."""
    message_id = installation.message(installation.contact("+12125550101"))
    monkeypatch.setattr(guard, "check", broken)
    assert open_gate(installation.runtime, [message_id]) == []
    assert installation.status(message_id) == "blocked"
    with installation.runtime.db.read() as session:
        assert session.execute(select(Attempt)).all() == []


def test_queued_texts_count_only_for_those_who_look_ahead(installation: Installation) -> None:
    """A queued text is sent "now" for planning, and not there for the gate; what waits for later is not counted."""
    number_id = installation.contact("+12125550101")
    installation.message(number_id)
    installation.message(number_id, status="pending", send_after=installation.clock.now() + timedelta(days=1))
    assert load(installation, number_id).sends == ()
    ahead = load(installation, number_id, waiting=True).sends
    assert [(one.at, one.purpose) for one in ahead] == [(installation.clock.now(), Purpose.MARKETING)]


def test_what_is_on_the_wire_counts(installation: Installation) -> None:
    """A text that passed the gate counts at once, before the provider said anything."""
    number_id = installation.contact("+12125550101")
    open_gate(installation.runtime, [installation.message(number_id)])
    assert [one.at for one in load(installation, number_id).sends] == [installation.clock.now()]


def test_a_laxer_purpose_is_judged_by_the_programs_own(installation: Installation) -> None:
    """In a program of offers and news, a "code" is asked for consent to news, its least strict purpose."""
    facts = load(installation, installation.contact("+12125550101"), Purpose.CODE)
    assert (facts.policy.least, facts.standing.state) == (Purpose.INFORMATIONAL, "in")


@pytest.mark.parametrize(
    ("purposes", "least"),
    [
        (["marketing"], Purpose.MARKETING),
        (["marketing", "code"], Purpose.CODE),
        (["informational", "marketing"], Purpose.INFORMATIONAL),
        ([], Purpose.MARKETING),
    ],
)
def test_the_least_strict_purpose_of_a_program(installation: Installation, purposes: list[str], least: Purpose) -> None:
    """It is the laxest the program was made for, and the strictest of all where it names none."""
    with installation.runtime.db.write() as session:
        program = session.get_one(Program, installation.program_id)
        program.purposes = purposes
        assert policy_of(program).least is least


def test_caps_are_read_with_purpose_and_subject(installation: Installation) -> None:
    """Caps of a program may name a purpose and a subject; those written before name neither."""
    with installation.runtime.db.write() as session:
        program = session.get_one(Program, installation.program_id)
        kept = {"limit": 1, "hours": 24, "scope": "installation", "purpose": "code", "subject": "*"}
        program.caps = [{"limit": 2, "hours": 24, "scope": "program"}, kept]
        assert policy_of(program).caps == (Cap(2, 24), Cap(1, 24, "installation", Purpose.CODE, "*"))


@pytest.mark.parametrize("number", ["+12125550101", "+18505550101", "+18005550101", "+447400123456"])
def test_a_million_decisions_fit_into_a_gigabyte(installation: Installation, number: str) -> None:
    """What is kept beside one attempt is under 700 bytes, even for somebody who may be anywhere in the country."""
    runtime, number_id = installation.runtime, installation.contact(number)
    with runtime.db.read() as session:
        asked = [Asked(1, number_id, installation.program_id, Purpose.MARKETING)]
        loader = FactsLoader(runtime.keys, runtime.settings.address)
        known = loader.load(session, asked, installation.clock.now(), timedelta())
    assert len(json.dumps({"chain": VERSION, **known[1].record()})) < 700
