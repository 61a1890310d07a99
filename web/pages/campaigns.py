"""The list of campaigns and the page of one: where its messages are, why, and the buttons that stop it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from sender.campaigns import control, copies, course, reports, standstills
from sender.campaigns.control import ControlError
from sender.models import Campaign
from sender.runtime import Runtime
from sender.states import WAITING
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.counting import SHORT, figures_or_none
from web.frame import may_anywhere
from web.language import gettext, ngettext
from web.pages import confirm
from web.pages.blocks import render_block
from web.pages.brake_words import brake_words
from web.pages.listing import read_listing

STATUSES = ("draft", "submitted", "approved", "scheduled", "running", "paused", "finished", "cancelled")
COURSE_SECONDS = 10.0
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
    return render_template("error.html", title=gettext("Nothing was changed"), sentence=str(error)), 409


@door.get("/campaigns")
def listing() -> ResponseReturnValue:
    """Every campaign this person may look at, newest first, or by name or start."""
    listing = read_listing(("-made", "name", "-start"), ("status", "archived"))
    shelf, status = bool(listing.filters["archived"]), listing.filters["status"]
    with runtime().db.read() as session:
        mine = person().programs
        lines = reports.page(session, mine, listing.limit, shelf, listing.offset, status, listing.order)
    ids = tuple(line.id for line in lines)
    now = runtime().clock.now()

    def count(session: Session) -> tuple[dict[int, dict[str, int]], datetime]:
        return reports.counts_by_status(session, ids), now

    counts, at = figures_or_none(("lines", ids), count, patience=SHORT) or (None, None)
    values = {"listing": listing, "lines": lines, "counts": counts, "counted_at": at, "statuses": STATUSES}
    return render_template("campaigns.html", **values, may_write=may_anywhere(person(), "write"))


@door.get("/campaigns/<int:campaign_id>")
def show(campaign_id: int) -> ResponseReturnValue:
    """One campaign."""
    sheet = _sheet(campaign_id)
    return render_template("campaign.html", **_values(sheet), course=_course(sheet.campaign))


@door.get("/campaigns/<int:campaign_id>/live")
def live(campaign_id: int) -> ResponseReturnValue:
    """The part of the same page that changes, for htmx."""
    return render_block("campaign.html", "live", **_values(_sheet(campaign_id)))


@door.get("/campaigns/<int:campaign_id>/course")
def show_course(campaign_id: int) -> ResponseReturnValue:
    """Its chart, rates and opt-outs, for htmx: dearer to count, so asked for less often."""
    sheet = _sheet(campaign_id)
    return render_block("campaign.html", "course", **_values(sheet), course=_course(sheet.campaign))


@door.get("/campaigns/<int:campaign_id>/cancel")
def ask_cancel(campaign_id: int) -> ResponseReturnValue:
    """What cancelling would drop, in numbers."""
    sheet = _sheet(campaign_id)
    require("steer", sheet.campaign.program_id)
    consequences = [
        _dropped(_tally(sheet)),
        gettext("This cannot be undone. To stop for a while, pause instead."),
    ]
    address = f"/campaigns/{campaign_id}"
    return confirm.ask(
        gettext("Cancel “%(name)s”?", name=sheet.campaign.name),
        consequences,
        gettext("Cancel the campaign"),
        f"{address}/cancel",
        address,
    )


@door.get("/campaigns/<int:campaign_id>/copy")
def ask_copy(campaign_id: int) -> ResponseReturnValue:
    """What a copy takes with it."""
    sheet = _sheet(campaign_id)
    require("write", sheet.campaign.program_id)
    consequences = [
        gettext("A new draft with the same audience, texts and limits. Nothing is sent, and nothing is approved.")
    ]
    address = f"/campaigns/{campaign_id}"
    title = gettext("Duplicate “%(name)s”?", name=sheet.campaign.name)
    return confirm.ask(
        title,
        consequences,
        gettext("Make the copy"),
        f"{address}/copy",
        address,
        danger=False,
        why=gettext("Name of the copy"),
    )


@door.post("/campaigns/<int:campaign_id>/copy")
def copy(campaign_id: int) -> ResponseReturnValue:
    """Make the copy: 303 to its first step."""
    sheet = _sheet(campaign_id)
    require("write", sheet.campaign.program_id)
    name = request.form.get("why", "").strip()[:120] or f"{sheet.campaign.name} (copy)"
    made = copies.duplicate(runtime(), campaign_id, name, person().actor)
    return redirect(f"/campaigns/{made}/edit/basics", 303)


@door.post("/campaigns/<int:campaign_id>/<any(pause, resume, cancel):action>")
def steer(campaign_id: int, action: str) -> ResponseReturnValue:
    """Pause, resume or cancel: 303 back to the campaign."""
    require("steer", _sheet(campaign_id).campaign.program_id)
    STEERING[action](runtime(), campaign_id, person().actor)
    return redirect(f"/campaigns/{campaign_id}", 303)


def _dropped(counted: reports.Tally | None) -> str:
    if counted is None:
        return gettext("All messages that wait are dropped; how many that is, is still being counted.")
    waiting = sum(counted.progress.by_status.get(status.value, 0) for status in WAITING)
    left = counted.progress.total - waiting
    return " ".join(
        (
            ngettext("%(num)s message that waits is dropped.", "%(num)s messages that wait are dropped.", waiting),
            ngettext("%(num)s is done or on its way.", "%(num)s are done or on their way.", left),
        )
    )


def _tally(sheet: reports.Sheet) -> reports.Tally | None:
    campaign_id, ids, now = sheet.campaign.id or 0, [one.id for one in sheet.variants], runtime().clock.now()
    key = ("tally", campaign_id)
    return figures_or_none(key, lambda session: reports.tally(session, campaign_id, ids, now), patience=SHORT)


def _values(sheet: reports.Sheet) -> dict[str, Any]:
    with runtime().db.read() as session:
        stood = standstills.standstills(session, sheet.campaign.id or 0)
    return {
        "sheet": sheet,
        "stood": [(one, brake_words(one)) for one in stood],
        "tally": _tally(sheet),
        "over": sheet.campaign.status in OVER,
        "may_steer": person().may("steer", sheet.campaign.program_id),
        "may_write": person().may("write", sheet.campaign.program_id),
    }


def _course(campaign: Campaign) -> course.Course | None:
    keys, now = runtime().keys, runtime().clock.now()
    key = ("course", campaign.id)
    return figures_or_none(key, lambda session: course.course(session, keys, campaign, now), COURSE_SECONDS)


def _sheet(campaign_id: int) -> reports.Sheet:
    with runtime().db.read() as session:
        sheet = reports.sheet(session, campaign_id)
    if sheet is None:
        abort(404)
    require("look", sheet.campaign.program_id)
    return sheet
