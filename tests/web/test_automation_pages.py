"""Automations on the pages: written as a form, started by whoever may approve, shown with the people in them."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sender.models import Automation, Enrolment, Event, Number, Program
from sender.runtime import Runtime
from tests.web.conftest import browser, log_in, submit

CHAIN: dict[str, Any] = {
    "name": "Order shipped", "program": "lumen", "purpose": "marketing", "begins": "event", "trigger": "order_shipped",
    "leave_on_reply": "yes", "goal": "", "again": "7", "segment": "", "at": "10:00", "zone": "",
    "step_text": ["Lumen & Co: on its way.", "Lumen & Co: all well?"], "step_wait": ["0", "2"],
    "step_unit": ["minutes", "days"], "step_segment": ["", ""],
}  # fmt: skip


def test_a_chain_is_written_started_and_paused(
    app: Flask, runtime: Runtime, signed_in: FlaskClient, campaign: int, add_user: Callable[..., int]
) -> None:
    """The form keeps what was written, says what to mend, and only who may approve starts it."""
    with runtime.db.write() as session:
        program = session.get_one(Program, 1)
        program.purposes, program.countries = ["marketing"], ["US"]
    assert "Another text" in signed_in.get("/automations/new").text
    more = submit(signed_in, "/automations/new", "/automations/new", **CHAIN, add="yes")
    assert more.text.count('name="step_text"') == 3
    wrong = submit(signed_in, "/automations/new", "/automations/new", **{**CHAIN, "trigger": ""})
    assert (wrong.status_code, "one of both" in wrong.text) == (422, True)
    made = submit(signed_in, "/automations/new", "/automations/new", **CHAIN)
    assert made.headers["Location"] == "/automations/1"
    page = signed_in.get("/automations/1").text
    assert "After 2 d" in page
    assert 'value="2"' in signed_in.get("/automations/1/edit").text
    submit(signed_in, "/automations/1/edit", "/automations/1/edit", **{**CHAIN, "name": "Shipped"})
    add_user("leo@example.org", "author")
    author = browser(app)
    log_in(author, "leo@example.org")
    assert submit(author, "/automations/1/edit", "/automations/1/start").status_code == 403
    submit(signed_in, "/automations/1/start", "/automations/1/start")
    with runtime.db.read() as session:
        row = session.get_one(Automation, 1)
        assert (row.name, row.status, row.again_after_days, row.steps[1]["wait_minutes"]) == (
            "Shipped", "live", 7, 2880,
        )  # fmt: skip
    assert submit(signed_in, "/automations/1", "/automations/1/start").status_code == 409
    submit(signed_in, "/automations/1", "/automations/1/pause")
    assert "Paused" in signed_in.get("/automations").text


def test_who_is_set_aside_is_shown_and_an_end_says_its_numbers(
    runtime: Runtime, signed_in: FlaskClient, campaign: int
) -> None:
    """The error without its words, two buttons, and the end in numbers: archived with what it sent, gone without."""
    with runtime.db.write() as session:
        now = runtime.clock.now()
        for place, name in enumerate(("Shipped", "Never begun"), 1):
            session.add(Automation(program_id=1, name=name, trigger="bought", created_at=now, steps=[], id=place))
        session.flush()
        number = session.execute(select(Number)).scalars().first()
        assert number is not None
        number.cipher, who = b"spoilt", {"automation_id": 1, "number_id": number.id, "due_at": now, "entered_at": now}
        session.add(Enrolment(**who, state="aside", error="InvalidTag in sender/crypto.py, line 175"))
        told = {"uid": "o1", "program_id": 1, "type": "bought", "number_id": number.id, "data_cipher": b"", "at": now}
        session.add(Event(**told, received_at=now, state="aside", error="KeyError"))
    page = signed_in.get("/automations/1").text
    for words in ("unreadable", "InvalidTag in sender/crypto.py, line 175", "KeyError", "Let go of 1 people and 1 ev"):
        assert words in page
    assert "1 set aside" in signed_in.get("/automations").text
    submit(signed_in, "/automations/1", "/automations/1/aside", act="again")
    with runtime.db.read() as session:
        assert session.execute(select(Enrolment.state)).scalar() == "waiting"
        assert session.execute(select(Event.state)).scalar() == "open"
    asked = signed_in.get("/automations/1/end").text
    assert "1 people are in it" in asked
    for automation_id in (1, 2):
        submit(signed_in, "/automations", f"/automations/{automation_id}/end")
    assert "Shipped (archived 1)" in signed_in.get("/automations?archived=1").text
    assert signed_in.get("/automations/1").status_code == 200
    assert signed_in.get("/automations/2").status_code == 404
    assert submit(signed_in, "/automations", "/automations/1/end").status_code == 409
