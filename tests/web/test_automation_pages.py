"""Automations on the pages: written as a form, started by whoever may approve, shown with the people in them."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from sender.models import Automation, Program
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
