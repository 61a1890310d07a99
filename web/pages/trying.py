"""Test texts: a variant on one's own phone, which is registered here and proven by a code."""

from collections.abc import Callable

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sender.campaigns import own_phones, trial
from sender.campaigns.moves import ControlError
from web.auth import Door, person, signed_in
from web.context import runtime
from web.pages import building
from web.pages.building import Building

door = Door("trying", __name__, rule=signed_in)


@door.get("/campaigns/<int:campaign_id>/edit/test")
def show(campaign_id: int) -> ResponseReturnValue:
    """The phones, the button, and what became of earlier tests."""
    return _page(building.load(campaign_id), "")


@door.post("/campaigns/<int:campaign_id>/edit/test")
def send(campaign_id: int) -> ResponseReturnValue:
    """Send one: 303 back, 422 with why it may not go."""
    found = building.load(campaign_id)
    phone, variant = request.form.get("phone", 0, type=int), request.form.get("variant", "")
    return _done(found, lambda: trial.send_test(runtime(), found.id, phone, person().actor, variant))


@door.post("/campaigns/<int:campaign_id>/edit/test/phones")
def register(campaign_id: int) -> ResponseReturnValue:
    """Register a phone and text it a code."""
    found = building.load(campaign_id)
    number, label = request.form.get("number", ""), request.form.get("label", "")[:80]
    return _done(found, lambda: own_phones.register(runtime(), number, found.written.program, person().actor, label))


@door.post("/campaigns/<int:campaign_id>/edit/test/code")
def prove(campaign_id: int) -> ResponseReturnValue:
    """Prove a phone by the code it got."""
    found = building.load(campaign_id)
    phone, code = request.form.get("phone", 0, type=int), request.form.get("code", "").strip()
    return _done(found, lambda: own_phones.confirm(runtime(), phone, code, person().actor))


def _done(found: Building, act: Callable[[], object]) -> ResponseReturnValue:
    try:
        act()
    except ControlError as error:
        return _page(found, str(error)), 422
    return redirect(building.address(found.id, "test"), 303)


def _page(found: Building, error: str) -> str:
    with runtime().db.read() as session:
        phones = own_phones.phones(session, runtime().keys, person().actor, found.campaign.program_id)
        tried = trial.trials(session, found.id)
    values = {"phones": phones, "tried": tried, "error": error, "typed": request.form}
    return render_template("builder/test.html", **values, **building.frame(found, "review"))
