"""The list of campaigns and the page of one: where its messages are, why, and the buttons that stop it."""

from collections.abc import Callable
from typing import Any

from flask import abort, redirect, render_template
from flask.typing import ResponseReturnValue

from sender.campaigns import control, reports
from sender.campaigns.control import ControlError
from sender.runtime import Runtime
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.frame import may_anywhere
from web.pages.blocks import render_block

OVER = frozenset({"finished", "cancelled"})
STEERING: dict[str, Callable[[Runtime, int, str], object]] = {
    "pause": control.pause,
    "resume": control.resume,
    "cancel": control.cancel,
}

door = Door("campaigns", __name__, rule=signed_in)


@door.errorhandler(ControlError)
def refuse(error: ControlError) -> tuple[str, int]:
    """A button that came too late: the campaign had moved on by itself or by somebody else."""
    return render_template("error.html", title="Nothing was changed", sentence=str(error)), 409


@door.get("/campaigns")
def listing() -> ResponseReturnValue:
    """Every campaign this person may look at, newest first."""
    with runtime().db.read() as session:
        lines = reports.listing(session, person().programs)
    return render_template("campaigns.html", lines=lines, may_write=may_anywhere(person(), "marketer"))


@door.get("/campaigns/<int:campaign_id>")
def show(campaign_id: int) -> ResponseReturnValue:
    """One campaign."""
    return render_template("campaign.html", **_values(campaign_id))


@door.get("/campaigns/<int:campaign_id>/live")
def live(campaign_id: int) -> ResponseReturnValue:
    """The part of the same page that changes, for htmx."""
    return render_block("campaign.html", "live", **_values(campaign_id))


@door.post("/campaigns/<int:campaign_id>/<any(pause, resume, cancel):action>")
def steer(campaign_id: int, action: str) -> ResponseReturnValue:
    """Pause, resume or cancel: 303 back to the campaign."""
    require("marketer", _sheet(campaign_id).campaign.program_id)
    STEERING[action](runtime(), campaign_id, person().actor)
    return redirect(f"/campaigns/{campaign_id}", 303)


def _values(campaign_id: int) -> dict[str, Any]:
    sheet = _sheet(campaign_id)
    return {
        "sheet": sheet,
        "over": sheet.campaign.status in OVER,
        "may_steer": person().may("marketer", sheet.campaign.program_id),
    }


def _sheet(campaign_id: int) -> reports.Sheet:
    with runtime().db.read() as session:
        sheet = reports.sheet(session, campaign_id)
    if sheet is None:
        abort(404)
    require("viewer", sheet.campaign.program_id)
    return sheet
