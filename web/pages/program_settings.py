"""How a program deals with replies, and whether its links are short: forms of their own beside the program's words."""

from zoneinfo import available_timezones

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from sender.audience import loosening
from sender.campaigns import program_changes, short_links, starts
from sender.campaigns.drafts import DAYS
from sender.campaigns.programs import ProgramError
from sender.campaigns.short_links import LinkRefused
from sender.delivery import prepared
from sender.delivery.prepared import LONGEST_HOURS, LONGEST_WINDOW, PreparedError, Replying
from sender.models import Program
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.language import gettext
from web.pages import program_form
from web.pages.blocks import render_block
from web.pages.program_form import Typed
from web.pages.programs import answers_given, program_of

REPLIES = "program_replies.html"
MOST = {"review_hours": LONGEST_HOURS, "reply_hours": LONGEST_WINDOW, "confirm_hours": LONGEST_WINDOW}
USUAL_DAYS = 90

door = Door("program_settings", __name__, rule=signed_in)


@door.get("/programs/<int:program_id>/replies")
def replies(program_id: int) -> ResponseReturnValue:
    """The hours of replies and of the desk as they stand, with every automatic answer beside them."""
    require("shape", program_id)
    with runtime().db.read() as session:
        return _replies(session, program_id, _shown(program_of(session, program_id)), "")


@door.post("/programs/<int:program_id>/replies")
def save_replies(program_id: int) -> ResponseReturnValue:
    """Keep them: 303 to the program, 422 with what to mend."""
    require("shape", program_id)
    try:
        with runtime().db.read() as session:
            program_of(session, program_id)
        prepared.set_replying(runtime(), program_id, _replying(request.form), person().actor)
    except (PreparedError, ProgramError) as error:
        with runtime().db.read() as session:
            return _replies(session, program_id, request.form, str(error)), 422
    return redirect(f"/programs/{program_id}", 303)


@door.post("/programs/<int:program_id>/replies/preview")
def preview_replies(program_id: int) -> ResponseReturnValue:
    """Every answer with the desk in the form, for htmx."""
    require("look", program_id)
    with runtime().db.read() as session:
        return render_block(REPLIES, "answers", **_answers(session, program_id, request.form))


@door.get("/programs/<int:program_id>/links")
def links(program_id: int) -> ResponseReturnValue:
    """Whether links are made short and clicks counted, what people are told of it, and what a change stops."""
    require("shape", program_id)
    return _links(program_id, "")


@door.post("/programs/<int:program_id>/links")
def save_links(program_id: int) -> ResponseReturnValue:
    """Switch it on or off: 303 to the program, 422 with what to mend."""
    require("shape", program_id)
    with runtime().db.read() as session:
        slug = program_of(session, program_id).slug
    days = request.form.get("days", 0, type=int)
    try:
        if "short" in request.form:
            short_links.switch_on(runtime(), slug, days, "utm" in request.form, person().actor)
        else:
            short_links.switch_off(runtime(), slug, person().actor)
    except LinkRefused as error:
        return _links(program_id, str(error)), 422
    return redirect(f"/programs/{program_id}", 303)


def _links(program_id: int, error: str) -> str:
    with runtime().db.read() as session:
        return render_template(
            "program_links.html",
            program=program_of(session, program_id),
            bound=loosening.affected(session, program_id),
            usual=USUAL_DAYS,
            error=error,
            typed=request.form,
        )


def _replies(session: Session, program_id: int, typed: Typed, error: str) -> str:
    program = program_of(session, program_id)
    chosen = typed.get("zone", "")
    near = starts.zones_of(program.countries)
    zones = near if chosen in near or chosen not in available_timezones() else [chosen, *near]
    return render_template(
        REPLIES,
        program=program,
        typed=typed,
        error=error,
        most=MOST,
        zones=zones,
        days=DAYS,
        **_answers(session, program_id, typed),
    )


def _answers(session: Session, program_id: int, typed: Typed) -> dict[str, object]:
    """The answers as they would be with this desk; ``mistake`` where its hours cannot be read."""
    program = program_of(session, program_id)
    lines = program_changes.lines_of_program(session, program_id)
    words = {kind: row.text for kind, row in program_changes.words_of_program(session, program_id).items()}
    ready = prepared.listing(session, program_id)
    session.expunge(program)
    try:
        program.desk = _desk(typed) or None
    except ProgramError as error:
        return {"answers": [], "mistake": str(error)}
    said = answers_given(program, words, lines, ready)
    return {"answers": sorted(said, key=lambda one: one[0].kind != "away"), "mistake": ""}


def _shown(program: Program) -> Typed:
    typed = program_form.desk_shown(program)
    typed.update((name, str(getattr(program, name))) for name in MOST)
    return typed


def _replying(typed: Typed) -> Replying:
    hours = {name: typed.get(name, 0, type=int) for name in MOST}
    return Replying(hours["review_hours"], hours["reply_hours"], hours["confirm_hours"], _desk(typed))


def _desk(typed: Typed) -> dict[str, object]:
    """The desk in the form, as a program keeps it; {} where somebody always answers."""
    if typed.get("staffed") != "hours":
        return {}
    hours = program_form.hours_of(typed)
    if hours is None:
        raise ProgramError(gettext("The desk has no hours; write some, or choose that nobody is told that it is late."))
    return {"zone": typed.get("zone", ""), "hours": [[one.day, one.start, one.end] for one in hours]}
