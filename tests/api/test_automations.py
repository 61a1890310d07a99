"""Automations: an event leads to each text once, whatever is killed, and to none after a stop, a reply or the goal."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select

from guards.base import Purpose
from sender.automations import writing
from sender.automations.entering import LATENESS, come_round, enter
from sender.automations.hours import due_for, next_round
from sender.automations.stepping import leave, take_steps
from sender.automations.writing import AutomationError, AutomationIn, StepIn
from sender.crypto import unseal
from sender.delivery.replies import InboundText, receive
from sender.models import Automation, Enrolment, EnrolmentText, Event, Message, Number
from tests.api.conftest import Caller, allow_every_purpose, caller
from tests.installation import Installation, install

NUMBER = "+12125550123"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ORDER: dict[str, Any] = {
    "id": "o1",
    "type": "order_shipped",
    "program": "acme",
    "to": NUMBER,
    "data": {"order": "1042"},
}
CHAIN = (
    StepIn("Order {{ order }} is on its way."),
    StepIn("Order {{ order }}: all well?", 60),
    StepIn("Order {{ order }}: rate us.", 120, {"field": "attributes.tier", "is": "gold"}),
)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn, that sends every purpose."""
    made = install(tmp_path / "home", database_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


def live(installation: Installation, **changes: Any) -> int:
    """A live automation of these steps; returns its id."""
    values: dict[str, Any] = {"purpose": "transactional", "trigger": "order_shipped", "goal": "order_received"}
    values |= changes
    values["purpose"] = Purpose(values["purpose"])
    wanted = AutomationIn(values.pop("name", "Shipped"), "acme", values.pop("steps", CHAIN), **values)
    with installation.runtime.db.write() as session:
        row = writing.save(installation.runtime, session, wanted, "ann")
        writing.start(installation.runtime, session, row.id or 0, "ann")
        return row.id or 0


def rounds(installation: Installation, *moves: timedelta) -> None:
    """What the scheduler does, now and after each of these moves of the clock."""
    for move in (timedelta(), *moves):
        installation.clock.move(move)
        for step in (enter, come_round, come_round, leave, take_steps):
            step(installation.runtime)


def texts(installation: Installation) -> list[str]:
    """The words of every text that was asked for and not taken back, in order."""
    with installation.runtime.db.read() as session:
        rows = session.execute(select(Message, Number.data_key).join(Number).order_by(Message.id)).all()
    keys = installation.runtime.keys
    return [unseal(keys.unwrap(key), row.text_cipher or b"").decode() for row, key in rows if row.status != "cancelled"]


def states(installation: Installation) -> list[tuple[str, str]]:
    """How everybody is in it."""
    with installation.runtime.db.read() as session:
        return [(one.state, one.why) for one in session.execute(select(Enrolment).order_by(Enrolment.id)).scalars()]


def tell(shop: Caller, **changes: Any) -> dict[str, Any]:
    """Tell of an event."""
    answer = shop.post("/events", {**ORDER, **changes})
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def test_an_event_leads_through_the_chain_once(installation: Installation) -> None:
    """Texts come after their waits, a condition that fails is passed over, a repeated event and person do nothing."""
    live(installation)
    shop = caller(installation)
    assert not tell(shop)["repeated"]
    assert tell(shop, type="other")["repeated"]
    rounds(installation)
    assert texts(installation) == ["Order 1042 is on its way."]
    tell(shop, id="o2")
    rounds(installation, HOUR, 2 * HOUR, HOUR)
    assert texts(installation) == ["Order 1042 is on its way.", "Order 1042: all well?"]
    assert states(installation) == [("done", "")]
    with installation.runtime.db.read() as session:
        assert session.execute(select(EnrolmentText.why_not)).scalars().all() == ["", "", "condition"]


@pytest.mark.parametrize(("act", "why"), [("STOP", "stopped"), ("What is this?", "replied"), ("", "goal")])
def test_who_stops_replies_or_arrives_leaves(installation: Installation, act: str, why: str) -> None:
    """Nothing more is asked for, and what waited in quiet hours is taken back or blocked."""
    installation.contact(NUMBER)
    live(installation, purpose="marketing", goal="order_received", steps=(StepIn("Sale today"), StepIn("Still on", 60)))
    shop = caller(installation)
    installation.clock.hands["now"] = datetime(2026, 3, 11, 5, 0, tzinfo=UTC)
    tell(shop)
    rounds(installation)
    installation.clock.move(timedelta(minutes=1))
    if act:
        receive(installation.runtime, InboundText("SM1", NUMBER, "+12125550100", act))
    else:
        tell(shop, id="got", type="order_received")
    rounds(installation, 2 * HOUR)
    assert states(installation) == [("left", why)]
    with installation.runtime.db.read() as session:
        waiting = select(Message.status).where(Message.kind == "api")
        assert session.execute(waiting).scalars().all() == ["blocked" if act == "STOP" else "cancelled"]


def test_again_after_days(tmp_path: Path, sqlite_url: str) -> None:
    """A person who was through enters again once the days are over, and not before."""
    installation = install(tmp_path / "home", sqlite_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(installation)
    live(installation, again_after_days=7, steps=CHAIN[:1])
    shop = caller(installation)
    for place, days in enumerate((0, 3, 5)):
        installation.clock.move(days * DAY)
        tell(shop, id=f"o{place}")
        rounds(installation)
    assert len(texts(installation)) == 2
    installation.runtime.db.close()


def test_a_late_scheduler_makes_nothing_up(installation: Installation) -> None:
    """What was due more than six hours ago is let go: the event, the step and the round."""
    live(installation)
    live(installation, name="Weekly", trigger="", goal="", schedule=schedule(1, "12:00", "America/New_York"))
    shop = caller(installation)
    tell(shop)
    rounds(installation)
    tell(shop, id="o2", to="+13105550123")
    installation.contact("+13105550124")
    rounds_late = LATENESS + 2 * HOUR
    installation.clock.move(rounds_late)
    rounds(installation)
    assert len(texts(installation)) == 1
    assert states(installation) == [("left", "late")]
    with installation.runtime.db.read() as session:
        assert session.execute(select(Event.state).order_by(Event.id)).scalars().all() == ["done", "late"]
        weekly = session.execute(select(Automation).where(Automation.name == "Weekly")).scalar_one()
        assert (weekly.round_at, weekly.next_at) == (None, datetime(2026, 3, 17, 16, 0, tzinfo=UTC))


class Killed(BaseException):
    """The process ended here."""


def test_a_kill_at_any_statement_repeats_and_loses_nothing(tmp_path: Path, sqlite_url: str) -> None:
    """The scheduler dies before its first, second, … statement of every round until it comes through: one text each."""
    installation = install(tmp_path / "home", sqlite_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(installation)
    live(installation, steps=CHAIN[:2])
    tell(caller(installation))
    engine, left = installation.runtime.db.engine, [0]

    def die(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    event.listen(engine, "before_cursor_execute", die)
    kills = 0
    for _ in range(2):
        for place in range(1, 400):
            left[0] = place
            try:
                rounds(installation)
                break
            except Killed:
                kills += 1
        left[0] = -1
        installation.clock.move(HOUR)
    event.remove(engine, "before_cursor_execute", die)
    assert kills > 30
    assert texts(installation) == ["Order 1042 is on its way.", "Order 1042: all well?"]
    assert states(installation) == [("done", "")]
    installation.runtime.db.close()


def schedule(day: int, at: str, zone: str) -> dict[str, Any]:
    """A schedule of one weekday."""
    return {"weekdays": [day], "at": at, "zone": zone}


def test_everybody_enters_when_the_hour_comes_round(installation: Installation) -> None:
    """Each week, everybody of the segment once; by their own clocks each person at their own ten."""
    for number, region in (("+12125550123", "NY"), ("+13105550123", "CA"), ("+14165550123", "ON")):
        installation.contact(number, region=region)
    weekly = schedule(2, "10:00", "")
    us = {"field": "country", "is": "US"}
    live(
        installation,
        purpose="marketing",
        trigger="",
        goal="",
        schedule=weekly,
        segment=us,
        steps=(StepIn("Wednesday"),),
    )
    rounds(installation, *([HOUR] * 30))
    with installation.runtime.db.read() as session:
        due = dict(session.execute(select(Enrolment.number_id, Enrolment.due_at)).all())
    assert sorted(due.values()) == [datetime(2026, 3, 11, hour, 0, tzinfo=UTC) for hour in (14, 17)]
    assert len(texts(installation)) == 2
    rounds(installation, *([DAY] * 2), *([HOUR] * 144))
    assert len(texts(installation)) == 4


@given(
    st.integers(0, 4 * 365 * 24 * 60).map(
        lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.sets(st.integers(0, 6), min_size=1),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(["America/New_York", "Europe/London", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata"]),
)
def test_rounds_hold_across_clock_changes(after: datetime, days: set[int], at: time, zone: str) -> None:
    """The next round is later, on one of the days, at the wall time or just after a leap, and once a week each day."""
    plan = {"weekdays": sorted(days), "at": at.isoformat("minutes"), "zone": zone}
    first = next_round(plan, (), after)
    assert after < first <= after + 8 * DAY
    local = first.astimezone(ZoneInfo(zone))
    assert local.weekday() in days
    late = datetime.combine(local.date(), local.time()) - datetime.combine(local.date(), at)
    assert timedelta() <= late <= HOUR
    instants = [first]
    for _ in range(2 * len(days) - 1):
        instants.append(next_round(plan, (), instants[-1]))
    dates = [instant.astimezone(ZoneInfo(zone)).date() for instant in instants]
    assert len(set(dates)) == len(dates)
    assert due_for(plan, (), first, ()) == first


@pytest.mark.parametrize(("changes", "says"), [
    ({"trigger": ""}, "one of both"),
    ({"schedule": {"weekdays": [1], "at": "10:00", "zone": ""}}, "one of both"),
    ({"trigger": "", "goal": "", "schedule": {"weekdays": [7], "at": "10:00", "zone": ""}}, "Weekdays"),
    ({"trigger": "", "goal": "", "schedule": {"weekdays": [1], "at": "25:00", "zone": ""}}, "a time"),
    ({"trigger": "", "goal": "", "schedule": {"weekdays": [1], "at": "10:00", "zone": "Mars/Base"}}, "a zone"),
    ({"steps": ()}, "1 to 20"),
    ({"steps": (StepIn("{{ a"),)}, "Text 1"),
    ({"steps": (StepIn("50% off, buy now!"),)}, "marketing"),
    ({"steps": (StepIn("Hi", -1),)}, "Text 1 waits"),
    ({"segment": {"field": "x", "is": 1}}, "who may enter"),
    ({"goal": "order_shipped"}, "its goal"),
    ({"purpose": "code"}, "does not send"),
])  # fmt: skip
def test_what_makes_no_sense_is_not_kept(tmp_path: Path, sqlite_url: str, changes: dict[str, Any], says: str) -> None:
    """One clear sentence, and no row."""
    installation = install(tmp_path / "home", sqlite_url)
    allow_every_purpose(installation)
    with pytest.raises(AutomationError, match=says):
        live(installation, **changes)
    with installation.runtime.db.read() as session:
        assert session.execute(select(Automation)).all() == []
    installation.runtime.db.close()


def test_the_resource(installation: Installation) -> None:
    """A key keeps a draft that only a person starts, sees how many are in it, and may pause it; others see nothing."""
    shop = caller(installation)
    body = {"name": "Shipped", "program": "acme", "purpose": "transactional", "trigger": "order_shipped",
            "steps": [{"text": "On its way."}]}  # fmt: skip
    made = shop.post("/automations", body).json
    assert (made["status"], made["waiting"]) == ("draft", 0)
    assert shop.post(f"/automations/{made['id']}/pause", None).json["code"] == "not_live"
    assert shop.post("/automations", body).json["code"] == "invalid_automation"
    tell(shop)
    rounds(installation)
    assert texts(installation) == []
    with installation.runtime.db.write() as session:
        writing.start(installation.runtime, session, 1, "ann")
    tell(shop, id="o2")
    enter(installation.runtime)
    assert shop.get(f"/automations/{made['id']}").json["waiting"] == 1
    assert shop.post(f"/automations/{made['id']}/pause", None).json["status"] == "paused"
    take_steps(installation.runtime)
    assert texts(installation) == []
    ended = {"id": made["id"], "outcome": "archived", "inside": 1, "texts": 0}
    assert shop.delete(f"/automations/{made['id']}").json == ended
    leave(installation.runtime)
    assert states(installation) == [("left", "archived")]
    assert shop.get("/automations").json["data"] == []
    assert shop.delete(f"/automations/{shop.post('/automations', body).json['id']}").json["outcome"] == "deleted"


def test_an_end_takes_back_what_waits(installation: Installation) -> None:
    """Texts that wait for an hour are cancelled, whoever is in it leaves, and nobody enters any more."""
    installation.contact(NUMBER)
    ended = live(installation, purpose="marketing", steps=(StepIn("Sale today"), StepIn("Still on", 60)))
    installation.clock.hands["now"] = datetime(2026, 3, 11, 5, 0, tzinfo=UTC)
    shop = caller(installation)
    tell(shop)
    rounds(installation)
    assert len(texts(installation)) == 1
    with installation.runtime.db.write() as session:
        assert writing.ending(session, ended) == writing.Ending(1, 0, 1, 1)
        assert writing.end(installation.runtime, session, ended, "ann") == "archived"
        for refused in (writing.start, writing.end):
            with pytest.raises(AutomationError, match="archived"):
                refused(installation.runtime, session, ended, "ann")
    tell(shop, id="o2", to="+12125550124")
    rounds(installation)
    assert (texts(installation), states(installation)) == ([], [("left", "archived")])
