"""The last step: the rehearsal of the real audience, then submit, approve, and start."""

import functools
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sender.audience import crowds
from sender.campaigns import approval, control, starts, writing
from sender.campaigns.moves import ControlError
from sender.campaigns.rehearsal import Rehearsal, rehearse
from sender.runtime import Runtime
from web.auth import Door, person, require_fresh, signed_in
from web.context import runtime, web
from web.language import figure, gettext, later
from web.pages import building, confirm
from web.pages.blocks import render_block
from web.pages.building import Building, Refused
from web.pages.words import both_clocks, money

# What each button does, and the right it takes.
MOVES: dict[str, tuple[str, Callable[[Runtime, int, str], object]]] = {
    "submit": ("write", approval.submit),
    "approve": ("approve", approval.approve),
    "withdraw": ("write", approval.withdraw),
}

# Minutes in the form, and what they are.
LATENESS = {str(minutes): timedelta(minutes=minutes) for minutes in (15, 60, 180, 720)}
LATE = confirm.Pick(
    "late",
    later("Should the machines be down then, it may still start"),
    (("15", later("up to 15 minutes late")), ("60", later("up to an hour late")), ("180", later("up to 3 hours late")),
     ("720", later("up to 12 hours late"))),
    later("After that it stays paused until somebody resumes it"),
)  # fmt: skip

door = Door("review", __name__, rule=signed_in)


@door.errorhandler(ControlError)
def refuse(error: ControlError) -> tuple[str, int]:
    """What cannot be done now, in one sentence."""
    return render_template("error.html", title=gettext("Nothing was changed"), sentence=str(error)), 409


@door.get("/campaigns/<int:campaign_id>/edit/review")
def show(campaign_id: int) -> ResponseReturnValue:
    """What would happen, and the buttons that let it."""
    found = building.load(campaign_id, "look")
    return render_template("builder/review.html", **_values(found), **building.frame(found, "review"))


@door.post("/campaigns/<int:campaign_id>/rehearse")
def begin(campaign_id: int) -> ResponseReturnValue:
    """Rehearse in the background: 303 to the review, which shows how far it is; the page can be left."""
    found = building.load(campaign_id, "look")
    work = functools.partial(rehearse, runtime(), found.id, None)
    web().rehearsals.start(found.id, found.campaign.edits, work, Refused)
    if "HX-Request" in request.headers:
        return render_block("builder/review.html", "rehearsal", **_values(found), **building.frame(found, "review"))
    return redirect(building.address(found.id, "review"), 303)


@door.get("/campaigns/<int:campaign_id>/rehearsal")
def progress(campaign_id: int) -> ResponseReturnValue:
    """The part of the review that changes, for htmx."""
    found = building.load(campaign_id, "look")
    return render_block("builder/review.html", "rehearsal", **_values(found), **building.frame(found, "review"))


@door.post("/campaigns/<int:campaign_id>/<any(submit, approve, withdraw):step>")
def move(campaign_id: int, step: str) -> ResponseReturnValue:
    """Submit, approve or withdraw: 303 back to the review, 409 with what is in the way."""
    right, act = MOVES[step]
    found = building.load(campaign_id, right)
    if step == "approve":
        require_fresh(building.address(found.id, "review"))
    act(runtime(), found.id, person().actor)
    return redirect(building.address(found.id, "review"), 303)


@door.get("/campaigns/<int:campaign_id>/start")
def ask_start(campaign_id: int) -> ResponseReturnValue:
    """What starting means, in numbers."""
    found = building.load(campaign_id, "steer")
    run = web().rehearsals.find(found.id)
    by_itself = found.written.begins_at is not None or found.written.local_start
    return confirm.ask(
        gettext("Start “%(name)s”?", name=found.campaign.name),
        _consequences(found, run.result if run and run.edition == found.campaign.edits else None),
        gettext("Start the campaign"),
        f"/campaigns/{found.id}/start",
        building.address(found.id, "review"),
        danger=False,
        pick=LATE if by_itself else confirm.NOTHING,
    )


@door.post("/campaigns/<int:campaign_id>/start")
def start(campaign_id: int) -> ResponseReturnValue:
    """Schedule it for its start: 303 to the campaign's own page."""
    found = building.load(campaign_id, "steer")
    lateness = LATENESS.get(request.form.get("late", "15"))
    if lateness is None:
        abort(400, gettext("Choose how late it may start."))
    control.schedule(runtime(), found.id, None, person().actor, lateness=lateness)
    return redirect(f"/campaigns/{found.id}", 303)


def _consequences(found: Building, rehearsed: Rehearsal | None) -> list[str]:
    people = found.campaign.recipients or 0
    said = [
        gettext(
            "%(people)s people are in its audience; only those whom every rule allows get a text.",
            people=figure(people),
        )
    ]
    if rehearsed is not None:
        allowed, later = rehearsed.verdicts["allow"], rehearsed.verdicts["defer"]
        said = [
            gettext(
                "%(allowed)s people may get a text at its start, %(later)s later, %(block)s never.",
                allowed=figure(allowed),
                later=figure(later),
                block=figure(rehearsed.verdicts["block"]),
            ),
            gettext(
                "It takes %(parts)s parts and costs at least %(shown)s.",
                parts=figure(rehearsed.parts),
                shown=money(rehearsed.cost),
            ),
        ]
    wanted = found.written
    when = gettext("It begins within seconds.")
    if wanted.begins_at is not None:
        instant = both_clocks(wanted.begins_at, _zones(found, rehearsed))
        when = gettext("It begins by itself on %(moment)s.", moment=instant)
    elif wanted.local_start:
        when = gettext("It begins at %(start)s on each person's own clock.", start=wanted.local_start.replace("T", " "))
    gone = gettext("What has left cannot be called back; pausing and cancelling hold at once.")
    return [*said, when, gone]


def _values(found: Building) -> dict[str, Any]:
    run = web().rehearsals.find(found.id)
    done = run.result if run else None
    values: dict[str, Any] = {"run": run, "stale": run is not None and run.edition != found.campaign.edits}
    values |= {"done": done, "faces": {}, "shown": money, "may": _rights(found)}
    values["zones"] = _zones(found, None if values["stale"] else done)
    if done is not None:
        values["faces"] = _faces(done)
        values["drain"] = _lasts(done)
    with runtime().db.read() as session:
        able = approval.people(session, _program(found))
        values["vouched"] = writing.vouched(session, found.campaign)
    values["limit"] = runtime().settings.second_person_above
    values["others"] = sorted(able - {person().actor})
    return values


def _rights(found: Building) -> dict[str, bool]:
    return {right: person().may(right, _program(found)) for right in ("write", "approve", "steer")}


def _program(found: Building) -> int:
    return found.campaign.program_id


def _zones(found: Building, rehearsed: Rehearsal | None) -> Collection[str]:
    """On whose clocks it arrives: those of the people rehearsed, else of all countries that the program texts."""
    return (rehearsed.zones if rehearsed else ()) or starts.zones_of(found.program.countries)


def _faces(done: Rehearsal) -> dict[int, crowds.Face]:
    ids = sorted({one for some in done.people.values() for one in some})
    with runtime().db.read() as session:
        return {face.contact_id: face for face in crowds.faces(session, runtime().keys, ids)}


def _lasts(done: Rehearsal) -> timedelta | None:
    return done.forecast.ends - done.at if done.forecast.ends else None
