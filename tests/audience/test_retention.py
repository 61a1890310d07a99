"""How long data is kept: what is old goes in slices, what is young, unfinished or on hold stays, and it is noted."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import SQLModel, col, select
from typer.testing import CliRunner

from sender.audience import holds, retention
from sender.audience.importing import uploads
from sender.audience.importing.options import ImportOptions
from sender.audience.numbers import find
from sender.audience.retention import KINDS, Keeper, RetentionError, forget_some, keep_for
from sender.cli import app
from sender.delivery.replies import InboundText, receive
from sender.models import (
    Allowance,
    Audit,
    Automation,
    Decision,
    Enrolment,
    EnrolmentText,
    Event,
    ImportRefusal,
    Message,
    Reply,
    SignedIn,
    User,
)
from tests.installation import Installation, install

ANN, BOB = "+14155550101", "+14155550102"
ACTOR = "ana@example.org"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn, with the words of two people."""
    made = install(tmp_path / "home", database_url)
    with made.runtime.db.write() as session:
        session.add(User(email=ACTOR, password_hash="x", created_at=made.clock.now()))
    for place, e164 in enumerate((ANN, BOB)):
        number = made.contact(e164)
        message = made.message(number, status="delivered")
        made.message(number, status="pending")
        with made.runtime.db.write() as session:
            now = made.clock.now()
            said = {"door": "gate", "guard": "quiet_hours", "verdict": "defer", "reason": "quiet_hours"}
            session.add(Decision(message_id=message, at=now, **said))
            session.add(SignedIn(token_hash=e164, user_id=1, created_at=now, ends_at=now))
            session.add(Allowance(key=f"asked number {place}", day=f"{now:%Y-%m-%d}", used=1))
        receive(made.runtime, InboundText(sid=f"SM{place:032x}", body="thank you", from_=e164, to="+12125550100"))
    yield made
    made.runtime.db.close()


def count(house: Installation, table: type[SQLModel], *which: Any) -> int:
    """Rows of a table."""
    with house.runtime.db.read() as session:
        return int(session.execute(select(func.count()).select_from(table).where(*which)).scalar_one())


def words(house: Installation) -> tuple[int, int]:
    """How many texts and how many replies still have their words."""
    replies = func.length(col(Reply.body_cipher)) > 0
    return count(house, Message, col(Message.text_cipher).is_not(None)), count(house, Reply, replies)


def round_of(house: Installation) -> int:
    """Everything that a day's rounds forget."""
    keeper, done = Keeper(house.runtime), 0
    while some := keeper.step():
        done += some
    return done


def test_what_is_old_goes_and_what_is_young_unfinished_or_held_stays(house: Installation) -> None:
    """Five years on: words of settled texts and replies and decisions go, those on hold and what waits stay."""
    assert round_of(house) == 0
    with house.runtime.db.read() as session:
        ann = find(session, house.runtime.keys, ANN)
    with house.runtime.db.write() as session:
        holds.place(session, ann, "Doe v. Acme", ACTOR, house.clock.now())
    house.clock.move(timedelta(days=1_828))
    round_of(house)
    assert (words(house), count(house, Decision)) == ((3, 1), 1)
    assert (count(house, SignedIn), count(house, Allowance)) == (0, 0)
    with house.runtime.db.write() as session:
        holds.release(session, ann, ACTOR, house.clock.now())
        noted = session.execute(select(Audit).where(col(Audit.action) == "retention.forget")).scalars().all()
        assert {act.subject: act.detail["rows"] for act in noted} == {"texts": 1, "replies": 1, "decisions": 1}
    round_of(house)
    assert (words(house), count(house, Decision), count(house, Message)) == ((2, 0), 0, 4)


def test_rules_are_bounded_noted_and_followed(house: Installation) -> None:
    """Days that would break something are refused; a rule counts from the next slice, and for good means for good."""
    wrong = (("texts", 3), ("api_answers", 3), ("api_answers", None), ("consent", 3), ("replies", 99_999))
    for kind, days in wrong:
        with pytest.raises(RetentionError), house.runtime.db.write() as session:
            keep_for(session, kind, days, ACTOR, house.clock.now())
    house.clock.move(timedelta(days=1_828))
    with house.runtime.db.write() as session:
        keep_for(session, "texts", None, ACTOR, house.clock.now())
        keep_for(session, "replies", 30, ACTOR, house.clock.now())
    round_of(house)
    assert words(house) == (4, 0)
    with house.runtime.db.read() as session:
        acts = session.execute(select(Audit).where(col(Audit.action) == "retention.set")).scalars().all()
    assert [act.detail for act in acts] == [{"days": None, "before": 1827}, {"days": 30, "before": 1827}]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_hold_on_anybody_keeps_rows_that_name_nobody(house: Installation) -> None:
    """Refused rows and uploads may hold the number under hold: they wait, and go when it is released."""
    ids = [uploads.take_in(house.runtime, "p.csv", io.BytesIO(b"phone\n12\n"), ACTOR) for _ in range(2)]
    uploads.check(house.runtime, ids[0], ImportOptions(region="US"), ACTOR)
    uploads.tend(house.runtime)
    uploads.commit(house.runtime, ids[0], ACTOR)
    uploads.tend(house.runtime)
    with house.runtime.db.write() as session:
        holds.place(session, find(session, house.runtime.keys, ANN), "Doe v. Acme", ACTOR, house.clock.now())
    house.clock.move(timedelta(days=91))
    assert (forget_some(house.runtime, "refused_rows")[0], uploads.discard_old(house.runtime)) == (0, 0)
    with house.runtime.db.write() as session:
        holds.release(session, find(session, house.runtime.keys, ANN), ACTOR, house.clock.now())
    assert (forget_some(house.runtime, "refused_rows")[0], uploads.discard_old(house.runtime)) == (1, 1)
    assert count(house, ImportRefusal) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_slices_reach_every_row(house: Installation, monkeypatch: Any) -> None:
    """However small a slice is, a round comes to the end, and one that was begun anew loses nothing."""
    monkeypatch.setattr(retention, "SLICE", 1)
    house.clock.move(timedelta(days=1_828))
    assert Keeper(house.runtime).step() >= 4
    round_of(house)
    assert (words(house), count(house, Allowance)) == ((2, 0), 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_says_the_numbers_before_it_sets(house: Installation, monkeypatch: Any) -> None:
    """`--dry-run` counts and changes nothing; a real one asks; every kind is shown."""
    monkeypatch.setenv("TACTFUL_HOME", str(house.runtime.settings.home))
    monkeypatch.setenv("TACTFUL_DATABASE_URL", str(house.runtime.db.url))
    with house.runtime.db.write() as session:
        session.execute(select(Reply)).scalars().first().received_at -= timedelta(days=9_000)  # type: ignore[union-attr]
    run = CliRunner()
    dry = run.invoke(app, ["retention", "set", "replies", "400", "--dry-run"])
    assert "1 rows of replies are older" in dry.output
    assert run.invoke(app, ["retention", "set", "replies", "400"], input="n\n").exit_code == 1
    assert run.invoke(app, ["retention", "set", "replies", "400", "--yes"]).exit_code == 0
    assert run.invoke(app, ["retention", "set", "replies", "soon"]).exit_code == 1
    shown = run.invoke(app, ["retention", "show"], terminal_width=200).output
    assert all(name[:6] in shown for name, kind in KINDS.items() if not kind.like)


def test_automations_forget_who_was_in_them_but_not_whether_they_may_enter_again(house: Installation) -> None:
    """An old time in one goes where a newer one or none is needed; events go when nobody's time names them."""
    with house.runtime.db.write() as session:
        now, number = house.clock.now(), find(session, house.runtime.keys, ANN) or 0
        for status in ("live", "archived"):
            session.add(
                Automation(program_id=house.program_id, name=status, trigger="t", status=status, created_at=now)
            )
        session.flush()
        told = {"program_id": house.program_id, "type": "t", "number_id": number, "at": now, "received_at": now}
        for place, state in enumerate(("done", "done", "late", "aside", "open"), 1):
            session.add(Event(uid=f"o{place}", data_cipher=b"x", state=state, **told))
        session.flush()
        for place, automation in enumerate((1, 1, 2), 1):
            who = {
                "automation_id": automation,
                "number_id": number,
                "event_id": place,
                "due_at": now,
                "entered_at": now,
            }
            session.add(Enrolment(**who, state="done", ended_at=now))
            session.flush()
            session.add(EnrolmentText(enrolment_id=place, step=0, why_not="condition"))
    house.clock.move(timedelta(days=366))
    round_of(house)
    assert count(house, Event, func.length(col(Event.data_cipher)) > 0) == 1
    house.clock.move(timedelta(days=1_500))
    round_of(house)
    with house.runtime.db.read() as session:
        assert session.execute(select(col(Enrolment.id))).scalars().all() == [2]
        assert session.execute(select(col(EnrolmentText.enrolment_id))).scalars().all() == [2]
    round_of(house)
    with house.runtime.db.read() as session:
        assert session.execute(select(col(Event.uid)).order_by(col(Event.id))).scalars().all() == ["o2", "o5"]
