"""What fails for one person, event or automation is set aside where people see it; everybody else goes on."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlmodel import Session

from sender.automations import aside, people, stepping
from sender.automations.entering import LATENESS
from sender.delivery.replies import InboundText, receive
from sender.models import Audit, Automation, Enrolment, Event, Notice, Number
from sender.watching.watch import watch
from tests.api.conftest import allow_every_purpose, caller
from tests.api.test_automations import CHAIN, live, rounds, schedule, states, tell, texts
from tests.installation import Installation, install

ANN, BOB, EVE = "+12125550123", "+12125550124", "+12125550125"
MINUTES = [timedelta(minutes=5)] * 2


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn, that sends every purpose."""
    made = install(tmp_path / "home", database_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


def spoil_number(session: Session, number_id: int) -> bytes:
    """Make one person's number unreadable; returns what it was."""
    row = session.get_one(Number, number_id)
    was, row.cipher = row.cipher, b"spoilt"
    return was


def standing(house: Installation) -> list[str]:
    """The notices of automations that stand after a look."""
    watch(house.runtime)
    with house.runtime.db.read() as session:
        rows = session.execute(select(Notice).where(Notice.ended_at.is_(None))).scalars()  # type: ignore[union-attr]
        return [one.sentence for one in rows if "utomation" in one.sentence]


def test_one_person_that_fails_holds_up_nobody(house: Installation) -> None:
    """After three tries they are set aside with the error, without its words; mended, they go on where they were."""
    automation_id = live(house, steps=CHAIN[:1])
    shop = caller(house)
    for place, number in enumerate((ANN, BOB)):
        tell(shop, id=f"o{place}", to=number)
    with house.runtime.db.write() as session:
        was = spoil_number(session, 1)
    rounds(house)
    assert texts(house) == ["Order 1042 is on its way."]
    assert standing(house) == []
    rounds(house, *MINUTES)
    assert states(house) == [("aside", ""), ("done", "")]
    assert "1 person" in standing(house)[0]
    with house.runtime.db.read() as session:
        (seen,) = people.set_aside(session, house.runtime.keys, automation_id)
        assert seen.number == "unreadable"
        assert "sender/crypto.py" in seen.error
        assert "spoilt" not in seen.error
    house.clock.move(LATENESS)
    with house.runtime.db.write() as session:
        session.get_one(Number, 1).cipher = was
        assert aside.try_again(session, automation_id, "ann", house.clock.now()) == 1
    rounds(house)
    assert states(house) == [("done", ""), ("done", "")]
    assert len(texts(house)) == 2
    assert standing(house) == []


def test_an_event_that_fails_holds_up_no_other(house: Installation) -> None:
    """An automation that cannot take it fails alone: others of the trigger begin, and it is taken again when mended."""
    live(house, name="A whole one", steps=CHAIN[:1])
    broken = live(house, name="Broken", steps=CHAIN[1:2])
    with house.runtime.db.write() as session:
        session.execute(update(Automation).where(Automation.id == broken).values(segment={"nonsense": 1}))
    shop = caller(house)
    tell(shop)
    tell(shop, id="o2", to=BOB)
    rounds(house, *MINUTES)
    assert texts(house) == ["Order 1042 is on its way."] * 2
    with house.runtime.db.read() as session:
        kept = session.execute(select(Event.state, Event.error)).all()
        assert [state for state, _ in kept] == ["aside", "aside"]
        assert all(error.startswith("SegmentError") for _, error in kept)
        assert aside.events(session, broken) == 2
    assert any("2 events" in one for one in standing(house))
    with house.runtime.db.write() as session:
        session.execute(update(Automation).where(Automation.id == broken).values(segment={}))
        assert aside.try_again(session, broken, "ann", house.clock.now()) == 2
    rounds(house, timedelta(hours=1))
    assert sorted(texts(house)) == ["Order 1042 is on its way."] * 2 + ["Order 1042: all well?"] * 2
    assert standing(house) == []


def test_a_round_passes_over_whom_it_cannot_reckon(house: Installation) -> None:
    """One of a slice fails: the others enter, that one is set aside; another automation's round goes on meanwhile."""
    for number in (ANN, BOB, EVE):
        house.contact(number)
    weekly = {"purpose": "marketing", "trigger": "", "goal": "", "steps": CHAIN[1:2]}
    live(house, name="By their own clocks", schedule=schedule(2, "10:00", ""), **weekly)
    broken = live(house, name="Broken", schedule=schedule(2, "10:00", "America/New_York"), **weekly)
    with house.runtime.db.write() as session:
        spoil_number(session, 2)
        session.execute(update(Automation).where(Automation.id == broken).values(segment={"nonsense": 1}))
    rounds(house, *([timedelta(hours=1)] * 24))
    with house.runtime.db.read() as session:
        entered = dict(session.execute(select(Enrolment.number_id, Enrolment.state)).all())
    assert entered == {1: "done", 2: "aside", 3: "done"}
    said = standing(house)
    assert any("By their own clocks" in one and "1 person" in one for one in said)
    assert any("Broken" in one and "round" in one for one in said)


def test_who_leaves_and_fails_holds_up_nobody(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply of somebody who cannot be let go stops no other's reply from being heard."""
    live(house, steps=CHAIN[:2])
    shop = caller(house)
    for place, number in enumerate((ANN, BOB)):
        tell(shop, id=f"o{place}", to=number)
    rounds(house)
    house.clock.move(timedelta(minutes=1))
    for place, number in enumerate((ANN, BOB)):
        receive(house.runtime, InboundText(f"SM{place}", number, "+12125550100", "What is this?"))
    judge = stepping._why_go

    def fail(session: Session, automation: Automation, row: Enrolment) -> str:
        return str(1 / 0) if row.number_id == 1 else judge(session, automation, row)

    monkeypatch.setattr(stepping, "_why_go", fail)
    rounds(house)
    assert states(house) == [("waiting", ""), ("left", "replied")]
    monkeypatch.undo()
    rounds(house, timedelta(minutes=5))
    assert states(house) == [("left", "replied")] * 2


def test_who_is_set_aside_can_be_let_go(house: Installation) -> None:
    """People and events that nobody mends leave by a person's act, which the audit keeps."""
    automation_id = live(house, steps=CHAIN[:1])
    tell(caller(house))
    with house.runtime.db.write() as session:
        spoil_number(session, 1)
    rounds(house, *MINUTES)
    with house.runtime.db.write() as session:
        assert aside.let_go(session, automation_id, "ann", house.clock.now()) == 1
    assert states(house) == [("left", "set_aside")]
    with house.runtime.db.read() as session:
        act = session.execute(select(Audit).where(Audit.action == "automation.let_go")).scalar_one()
        assert (act.actor, act.detail) == ("ann", {"people": 1, "events": 0})
    assert standing(house) == []
