"""Segments without code: rows of questions, a live count and a few of the people; saved under a name."""

from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from guards.base import Purpose
from sender.audience import crowds, saved_segments
from sender.audience.nested_segments import written_out
from sender.audience.segments import SegmentError
from sender.campaigns import programs
from sender.models import Program
from web.auth import Door, person, signed_in
from web.context import runtime
from web.frame import may_anywhere
from web.language import gettext
from web.pages import confirm, segment_form
from web.pages.blocks import render_block
from web.pages.listing import read_listing
from web.pages.segment_form import Row
from web.pages.who import who

SHOWN = 8

door = Door("segments", __name__, rule=signed_in)


@door.get("/segments")
def listing() -> ResponseReturnValue:
    """The saved segments by name or age, and those whose name has some words in it."""
    view = read_listing(("name", "-made"), ("find",))
    with runtime().db.read() as session:
        rows = saved_segments.in_full(session, view.limit, view.offset, view.filters["find"], view.order)
    return render_template("segments.html", listing=view, rows=rows, may_edit=_may_edit())


@door.get("/segments/new")
@door.get("/segments/<int:segment_id>")
def show(segment_id: int = 0) -> ResponseReturnValue:
    """The builder, with what was saved in it."""
    with runtime().db.read() as session:
        found = saved_segments.find(session, segment_id) if segment_id else None
        if segment_id and found is None:
            abort(404)
        names = {one.id: one.name for one in saved_segments.saved(session)}
        form = segment_form.form_of(found.definition if found else {}, names)
        values = _values(session, form, found.definition if found else {})
    return render_template("segment.html", segment_id=segment_id, name=found.name if found else "", error="", **values)


@door.post("/segments/count")
def count() -> ResponseReturnValue:
    """How many the rows mean now, and a few of them, for htmx."""
    form = segment_form.read(request.form)
    with runtime().db.read() as session:
        return render_block("segment.html", "crowd", **_values(session, form, None), error="")


@door.post("/segments/new")
@door.post("/segments/<int:segment_id>")
def save(segment_id: int = 0) -> ResponseReturnValue:
    """Keep it: 303 to the list, 422 with the form and what to mend; ``add`` only gives another row."""
    _require_edit()
    form, name = segment_form.read(request.form), request.form.get("name", "")
    error, status = "", 200
    with runtime().db.read() as session:
        values = _values(session, form, None)
    if "add" in request.form:
        values["form"] = segment_form.Form(form.match, [*form.rows, Row()])
    elif values["mistake"]:
        error, status = values["mistake"], 422
    else:
        try:
            saved_segments.save(runtime(), name, values["definition"], person().actor, segment_id or None)
            return redirect("/segments", 303)
        except SegmentError as wrong:
            error, status = str(wrong), 422
    return render_template("segment.html", segment_id=segment_id, name=name, error=error, **values), status


@door.get("/segments/<int:segment_id>/delete")
def ask_delete(segment_id: int) -> ResponseReturnValue:
    """What deleting means."""
    _require_edit()
    with runtime().db.read() as session:
        found = saved_segments.find(session, segment_id)
    if found is None:
        abort(404)
    consequences = [
        gettext("It can no longer be picked for new campaigns."),
        gettext("Campaigns that were written with it keep their own copy; no contact is deleted."),
    ]
    action = f"/segments/{segment_id}/delete"
    return confirm.ask(
        gettext("Delete the segment “%(name)s”?", name=found.name),
        consequences,
        gettext("Delete"),
        action,
        f"/segments/{segment_id}",
    )


@door.post("/segments/<int:segment_id>/delete")
def delete(segment_id: int) -> ResponseReturnValue:
    """Forget it: 303 to the list; 409 while other segments ask about it."""
    _require_edit()
    try:
        saved_segments.delete(runtime(), segment_id, person().actor)
    except SegmentError as used:
        abort(409, str(used))
    return redirect("/segments", 303)


def _values(session: Session, form: segment_form.Form, saved: dict[str, Any] | None) -> dict[str, Any]:
    known = crowds.known_attributes(session)
    definition = segment_form.definition(form, known) if saved is None or form.simple else saved
    program = _program(session)
    values: dict[str, Any] = {
        "form": form,
        "fields": segment_form.fields(known),
        "operators": segment_form.OPERATOR_WORDS,
        "kinds": segment_form.kind_of,
        "known": known,
        "definition": definition,
        "program": program,
        "may_edit": _may_edit(),
        "others": saved_segments.saved(session),
        "shown": {},
        "who": None,
        "mistake": "",
    }
    try:
        values["shown"] = written_out(session, definition)
        purpose = Purpose(((program and program.purposes) or ["marketing"])[0])
        values["who"] = who(session, values["shown"], program.id if program else None, purpose, SHOWN)
    except SegmentError as wrong:
        values["mistake"] = str(wrong).partition(": ")[2] or str(wrong)
    return values


def _program(session: Session) -> Program | None:
    """Whose consent the count is shown for: the first program this person may look at."""
    return next(iter(programs.listing(session, person().programs)), None)


def _may_edit() -> bool:
    return may_anywhere(person(), "write")


def _require_edit() -> None:
    if not _may_edit():
        abort(403, gettext("You may look at segments but not change them; ask the owner for the role."))
