"""Automations without code: what begins one, its texts with their waits, what ends it, and who is in it."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from guards.base import Purpose
from sender.audience import saved_segments
from sender.automations import aside, people, writing
from sender.automations.writing import AutomationError, AutomationIn, StepIn
from sender.campaigns import programs, starts
from sender.models import Automation, Program
from web.auth import Door, person, require, require_fresh, signed_in
from web.context import runtime
from web.frame import may_anywhere
from web.language import figure, gettext, later
from web.pages import confirm
from web.pages.listing import read_listing

UNITS = {"minutes": 1, "hours": 60, "days": 24 * 60}
DAYS = (
    later("Monday"),
    later("Tuesday"),
    later("Wednesday"),
    later("Thursday"),
    later("Friday"),
    later("Saturday"),
    later("Sunday"),
)
EVERYBODY, AS_WRITTEN = "", "kept"
EMPTY = {"text": "", "wait": "0", "unit": "hours", "segment": EVERYBODY}
PURPOSES = ("marketing", "informational", "transactional")

ORDERS: dict[str, Callable[[tuple[Automation, dict[str, int]]], object]] = {
    "name": lambda one: one[0].name.casefold(),
    "status": lambda one: (one[0].status, one[0].name.casefold()),
}

door = Door("automations", __name__, rule=signed_in)


@door.errorhandler(AutomationError)
def refuse(error: AutomationError) -> tuple[str, int]:
    """A button that came too late, or for an automation that is not there."""
    return render_template("error.html", title=gettext("Nothing was changed"), sentence=str(error)), 409


@door.get("/automations")
def listing() -> ResponseReturnValue:
    """Every automation of the programs this person may look at, or the archived ones."""
    view = read_listing(("name", "status"), ("archived", "find"))
    archived = bool(view.filters["archived"])
    with runtime().db.read() as session:
        every = writing.listing(session, person().programs, archived=archived)
        brands = {one.id: one.brand for one in programs.listing(session)}
        rows = view.part(every, ORDERS, lambda one: one[0].name)
    values = {"rows": rows, "brands": brands, "days": DAYS, "archived": archived, "listing": view}
    return render_template("automations.html", **values, may_write=_may_write())


@door.get("/automations/<int:automation_id>")
def show(automation_id: int) -> ResponseReturnValue:
    """One automation with its steps and the people in it."""
    with runtime().db.read() as session:
        row = _found(session, automation_id, "look")
        inside = people.newest(session, runtime().keys, automation_id)
        program = session.get_one(Program, row.program_id)
        values = {"row": row, "brand": program.brand, "inside": inside, "days": DAYS}
        values |= {"aside": people.set_aside(session, runtime().keys, automation_id)}
        values |= {"counts": writing.counts(session, automation_id), "events": aside.events(session, automation_id)}
        values |= {"event_errors": aside.event_errors(session, automation_id)}
        rights = {right: person().may(right, row.program_id) for right in ("write", "approve", "steer")}
        return render_template("automation.html", **values, rights=rights)


@door.get("/automations/new")
@door.get("/automations/<int:automation_id>/edit")
def edit(automation_id: int = 0) -> ResponseReturnValue:
    """The form, with what was written in it."""
    with runtime().db.read() as session:
        if automation_id:
            row = _found(session, automation_id, "write")
            return _form(session, automation_id, _values_of(session, row))
        _require_write()
        return _form(session, 0, {"steps": [EMPTY], "begins": "event", "leave_on_reply": "yes", "at": "10:00"})


@door.post("/automations/new")
@door.post("/automations/<int:automation_id>/edit")
def save(automation_id: int = 0) -> ResponseReturnValue:
    """Keep it as a draft: 303 to its page, 422 with the form and what to mend; ``add`` only gives another text."""
    values = _read()
    with runtime().db.read() as session:
        row = _found(session, automation_id, "write") if automation_id else None
        if row is None:
            _require_write()
        if "add" in request.form:
            return _form(session, automation_id, {**values, "steps": [*values["steps"], EMPTY]})
        chosen = next((one for one in programs.listing(session) if one.slug == values["program"]), None)
    if chosen is not None:
        require("write", chosen.id or 0)
    try:
        with runtime().db.write() as session:
            known = session.get(Automation, automation_id) if automation_id else None
            wanted = _wanted(session, values, known)
            made = writing.save(runtime(), session, wanted, person().actor, automation_id or None).id
    except AutomationError as error:
        with runtime().db.read() as session:
            return _form(session, automation_id, values, str(error)), 422
    return redirect(f"/automations/{made}", 303)


@door.get("/automations/<int:automation_id>/start")
def ask_start(automation_id: int) -> ResponseReturnValue:
    """What starting means, in numbers."""
    with runtime().db.read() as session:
        row = _found(session, automation_id, "approve")
        counts = writing.counts(session, automation_id)
    begins = (
        gettext("“%(trigger)s” is told of somebody", trigger=row.trigger)
        if row.trigger
        else gettext("its hour comes round")
    )
    consequences = [
        gettext(
            "From now on people enter when %(begins)s, and get up to %(number)s texts without anybody looking again.",
            begins=begins,
            number=len(row.steps),
        ),
        gettext(
            "%(waiting)s people are in it already and go on; what is six hours late is let go.",
            waiting=figure(counts.get("waiting", 0)),
        ),
    ]
    address = f"/automations/{automation_id}"
    return confirm.ask(
        gettext("Start “%(name)s”?", name=row.name),
        consequences,
        gettext("Start it"),
        f"{address}/start",
        address,
        danger=False,
    )


@door.post("/automations/<int:automation_id>/start")
def start(automation_id: int) -> ResponseReturnValue:
    """Start it: 303 back to its page."""
    with runtime().db.read() as session:
        _found(session, automation_id, "approve")
    require_fresh(f"/automations/{automation_id}")
    with runtime().db.write() as session:
        writing.start(runtime(), session, automation_id, person().actor)
    return redirect(f"/automations/{automation_id}", 303)


@door.post("/automations/<int:automation_id>/pause")
def pause(automation_id: int) -> ResponseReturnValue:
    """Pause it: 303 back to its page."""
    with runtime().db.write() as session:
        _found(session, automation_id, "steer")
        writing.pause(runtime(), session, automation_id, person().actor)
    return redirect(f"/automations/{automation_id}", 303)


@door.post("/automations/<int:automation_id>/aside")
def move_aside(automation_id: int) -> ResponseReturnValue:
    """Try again with everybody who was set aside, or let them go: 303 back to its page."""
    act = aside.let_go if request.form.get("act") == "let_go" else aside.try_again
    with runtime().db.write() as session:
        _found(session, automation_id, "steer")
        act(session, automation_id, person().actor, runtime().clock.now())
    return redirect(f"/automations/{automation_id}", 303)


@door.get("/automations/<int:automation_id>/end")
def ask_end(automation_id: int) -> ResponseReturnValue:
    """What ending it for good means, in numbers."""
    with runtime().db.read() as session:
        row = _found(session, automation_id, "steer")
        counted = writing.ending(session, automation_id)
    kept = gettext("It goes for good: nobody was ever in it.")
    if counted.ever:
        kept = gettext(
            "It moves to the archive with what it sent to %(ever)s people, and cannot be started again.",
            ever=figure(counted.ever),
        )
    said = [
        gettext("%(inside)s people are in it and get nothing more of it.", inside=figure(counted.inside)),
        gettext(
            "%(texts)s of its texts wait and are taken back, a hundred people a second.", texts=figure(counted.texts)
        ),
        kept,
    ]
    address = f"/automations/{automation_id}"
    title, button = gettext("End “%(name)s” for good?", name=row.name), gettext("End it for good")
    return confirm.ask(title, said, button, f"{address}/end", address)


@door.post("/automations/<int:automation_id>/end")
def end(automation_id: int) -> ResponseReturnValue:
    """Delete or archive it: 303 to the list."""
    with runtime().db.write() as session:
        _found(session, automation_id, "steer")
        writing.end(runtime(), session, automation_id, person().actor)
    return redirect("/automations", 303)


def _found(session: Session, automation_id: int, right: str) -> Automation:
    row = session.get(Automation, automation_id)
    if row is None:
        abort(404)
    require(right, row.program_id)
    return row


def _form(session: Session, automation_id: int, values: Mapping[str, Any], error: str = "") -> str:
    mine = [one for one in programs.listing(session) if person().may("write", one.id or 0)]
    segments = [(EVERYBODY, gettext("Everybody")), *((str(one.id), one.name) for one in saved_segments.saved(session))]
    choices: dict[str, Any] = {
        "programs": [(one.slug, one.brand) for one in mine],
        "segments": segments,
        "days": DAYS,
        "units": UNITS,
    }
    near = starts.zones_of(sorted({country for one in mine for country in one.countries}))
    choices["zones"] = near if values.get("zone", "") in ("", *near) else [values["zone"], *near]
    empty = dict.fromkeys(("name", "program", "purpose", "trigger", "goal", "zone", "segment", "again"), "")
    form = {**empty, "weekdays": [], **values}
    again = [
        ("", gettext("Once")),
        ("0", gettext("Whenever they are through")),
        *((str(n), gettext("After %(n)s days", n=n)) for n in (7, 30, 90, 365)),
    ]
    return render_template(
        "automation_edit.html", automation_id=automation_id, form=form, error=error, purposes=PURPOSES, again=again,
        kept=AS_WRITTEN, **choices,
    )  # fmt: skip


def _read() -> dict[str, Any]:
    form = request.form
    names = ("name", "program", "purpose", "begins", "trigger", "at", "zone", "segment", "goal", "again")
    values: dict[str, Any] = {name: form.get(name, "").strip() for name in (*names, "leave_on_reply")}
    columns = (form.getlist(f"step_{name}") for name in ("text", "wait", "unit", "segment"))
    rows = [dict(zip(EMPTY, row, strict=True)) for row in zip(*columns, strict=False)]
    values["steps"] = rows[: writing.MOST_STEPS] or [EMPTY]
    values["weekdays"] = [int(one) for one in form.getlist("weekday") if one in "0123456"]
    return values


def _wanted(session: Session, values: Mapping[str, Any], known: Automation | None) -> AutomationIn:
    steps = [
        StepIn(one["text"], _minutes(one), _definition(session, one["segment"], _kept_step(known, place)))
        for place, one in enumerate(values["steps"])
        if one["text"].strip()
    ]
    by_hours = values["begins"] == "hours"
    schedule = {"weekdays": values["weekdays"], "at": values["at"], "zone": values["zone"]} if by_hours else {}
    purpose = Purpose(values["purpose"]) if values["purpose"] in PURPOSES else Purpose.MARKETING
    return AutomationIn(
        values["name"], values["program"], steps, purpose, "" if by_hours else values["trigger"], schedule,
        _definition(session, values["segment"], known.segment if known else {}), values["goal"],
        values["leave_on_reply"] == "yes", int(values["again"]) if values["again"].isdecimal() else None,
    )  # fmt: skip


def _minutes(step: Mapping[str, str]) -> int:
    if not step["wait"].isdecimal() or len(step["wait"]) > 6:
        raise AutomationError(
            gettext("%(wait)s is no time to wait; give a whole number from 0.", wait=repr(step["wait"][:20]))
        )
    return int(step["wait"]) * UNITS.get(step["unit"], 1)


def _kept_step(known: Automation | None, place: int) -> Mapping[str, Any]:
    return known.steps[place]["only_if"] if known and place < len(known.steps) else {}


def _definition(session: Session, chosen: str, kept: Mapping[str, Any]) -> Mapping[str, Any]:
    if chosen == AS_WRITTEN:
        return kept
    found = saved_segments.find(session, int(chosen)) if chosen.isdecimal() and len(chosen) < 10 else None
    return found.definition if found else {}


def _values_of(session: Session, row: Automation) -> dict[str, Any]:
    saved = {str(one.definition): str(one.id) for one in saved_segments.in_full(session)}

    def chosen(definition: Mapping[str, Any]) -> str:
        return saved.get(str(definition), AS_WRITTEN) if definition else EVERYBODY

    def step(one: Mapping[str, Any]) -> dict[str, str]:
        minutes = one["wait_minutes"]
        unit = next(name for name in ("days", "hours", "minutes") if minutes % UNITS[name] == 0 or name == "minutes")
        wait = str(minutes // UNITS[unit])
        return {"text": one["text"], "wait": wait, "unit": unit, "segment": chosen(one["only_if"])}

    return {
        "name": row.name,
        "program": session.get_one(Program, row.program_id).slug,
        "purpose": row.purpose,
        "begins": "hours" if row.schedule else "event",
        "trigger": row.trigger,
        "at": row.schedule.get("at", "10:00"),
        "zone": row.schedule.get("zone", ""),
        "weekdays": row.schedule.get("weekdays", []),
        "segment": chosen(row.segment),
        "goal": row.goal,
        "leave_on_reply": "yes" if row.leave_on_reply else "",
        "again": "" if row.again_after_days is None else str(row.again_after_days),
        "steps": [step(one) for one in row.steps],
    }


def _may_write() -> bool:
    return may_anywhere(person(), "write")


def _require_write() -> None:
    if not _may_write():
        abort(403, gettext("You may look at automations but not write them; ask the owner for the role."))
