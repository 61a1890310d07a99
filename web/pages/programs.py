"""Programs: the brand and purpose people say yes to, its words with every answer it gives by itself, its limits."""

from collections.abc import Callable
from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from guards.base import Purpose
from sender.audience import loosening
from sender.audience.links import own_page_link
from sender.campaigns import from_numbers, parts, program_changes
from sender.campaigns import programs as book
from sender.campaigns.drafts import DAYS
from sender.campaigns.programs import LINE_KINDS, FromNumberIn, ProgramError, ProgramIn, program_row
from sender.delivery import automatic, prepared
from sender.models import FromNumber, PreparedAnswer, Program
from sender.models.accounts import ALL_PROGRAMS
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.language import figure, gettext, later, number, typed_number
from web.pages import confirm, program_form
from web.pages.blocks import render_block
from web.pages.listing import read_listing
from web.pages.program_form import Typed

EDITED = "program_edit.html"
MAY_NOT = later("You may look at programs but not make one; ask somebody who manages all of them.")
# What each kind of words is for; where none are written, plain ones made of brand and contact go in most of them.
KINDS = {
    "opt_in": later("Beside the box that is ticked, or on the poster"),
    "confirm": later("Asks for the YES of a sign-up; names brand, help, STOP and rates"),
    "welcome": later("After a sign-up; names brand, help, STOP and rates"),
    "stop": later("Confirms a STOP"),
    "clarify": later("Confirms a STOP and asks what to keep (KEEP or UPDATES); goes instead of the words above"),
    "start": later("After a START that counts"),
    "help": later("Answers HELP"),
    "away": later("While nobody is at the desk"),
}

ORDERS: dict[str, Callable[[Program], object]] = {
    "brand": lambda one: (one.brand.casefold(), one.slug),
}

door = Door("programs", __name__, rule=signed_in)


@door.get("/programs")
def listing() -> ResponseReturnValue:
    """The programs one may look at."""
    view = read_listing(("brand",), ("find",))
    with runtime().db.read() as session:
        every = book.listing(session, person().programs)
    rows = view.part(every, ORDERS, lambda one: f"{one.brand} {one.slug}")
    return render_template("programs.html", rows=rows, listing=view, may_make=person().may("shape", ALL_PROGRAMS))


@door.get("/programs/new")
def new() -> ResponseReturnValue:
    """The form of a new program."""
    _require_all()
    return _editor(None, program_form.blank(), "")


@door.post("/programs/new")
def create() -> ResponseReturnValue:
    """Make it: 303 to its page, 422 with what to mend."""
    _require_all()
    try:
        wanted = program_form.read(request.form, request.form.get("slug", "").strip().lower())
        made = book.create_program(runtime(), wanted, person().actor, person())
    except ProgramError as error:
        return _editor(None, request.form, str(error)), 422
    return redirect(f"/programs/{made}", 303)


@door.get("/programs/<int:program_id>")
def show(program_id: int) -> ResponseReturnValue:
    """Its settings, every automatic answer as it goes out, its from_numbers, and its words in versions."""
    require("look", program_id)
    return _page(program_id, "")


@door.get("/programs/<int:program_id>/edit")
def edit(program_id: int) -> ResponseReturnValue:
    """The form with what stands now, and the answers beside it."""
    require("shape", program_id)
    with runtime().db.read() as session:
        typed = program_form.shown(program_changes.as_written(session, program_of(session, program_id)))
    return _editor(program_id, typed, "")


@door.post("/programs/<int:program_id>/edit")
def save(program_id: int) -> ResponseReturnValue:
    """Keep it: 303 to its page, 422 with what to mend."""
    require("shape", program_id)
    try:
        program_changes.change_program(runtime(), program_id, _read(program_id), person().actor)
    except ProgramError as error:
        return _editor(program_id, request.form, str(error)), 422
    return redirect(f"/programs/{program_id}", 303)


@door.post("/programs/<int:program_id>/preview")
def preview(program_id: int) -> ResponseReturnValue:
    """Every answer with the words in the form, for htmx; 0 is a program that is not there yet."""
    require("look", program_id or ALL_PROGRAMS)
    return render_block(EDITED, "answers", **_typed_answers(program_id or None, request.form))


@door.post("/programs/<int:program_id>/from-numbers")
def add_line(program_id: int) -> ResponseReturnValue:
    """Let a from_number join its pool: 303 back, 422 with what to mend."""
    slug, typed = _slug(program_id), request.form
    country, address = typed.get("country", "").strip().upper() or book.EVERYWHERE, typed.get("address", "").strip()
    try:
        rate = float(typed_number(typed.get("rate", "") or "1"))
    except ValueError:
        return _page(
            program_id, gettext("Give parts a second as a number, such as %(example)s.", example=number(0.5))
        ), 422
    wanted = FromNumberIn(country, address, typed.get("kind", ""), "answers_keywords" in typed, rate=rate)
    try:
        from_numbers.add(runtime(), slug, wanted, person().actor)
    except ProgramError as error:
        return _page(program_id, str(error)), 422
    return redirect(f"/programs/{program_id}", 303)


@door.get("/programs/<int:program_id>/retire")
def ask_retire(program_id: int) -> ResponseReturnValue:
    """What taking a from_number out of its pools means, in numbers."""
    slug, address = _slug(program_id), request.args.get("address", "")
    with runtime().db.read() as session:
        lost = from_numbers.waiting_for(session, slug, address)
    said = [
        gettext(
            "%(lost)s texts that wait to leave from %(address)s will be blocked; "
            "each campaign can be sent to its rest.",
            lost=figure(lost),
            address=address,
        ),
        gettext("People who were texted from it get their next text from another number of the pool, if there is one."),
        gettext("Whoever writes to it is still heard, and what it has sent stays on record."),
    ]
    back = f"/programs/{program_id}"
    return confirm.ask(
        gettext("Retire %(address)s?", address=address),
        said,
        gettext("Retire it"),
        f"{back}/retire",
        back,
        fields={"address": address},
    )


@door.post("/programs/<int:program_id>/retire")
def retire(program_id: int) -> ResponseReturnValue:
    """Take it out: 303 back, 422 where there is none."""
    slug = _slug(program_id)
    try:
        from_numbers.retire(runtime(), slug, request.form.get("address", ""), person().actor)
    except ProgramError as error:
        return _page(program_id, str(error)), 422
    return redirect(f"/programs/{program_id}", 303)


def _page(program_id: int, error: str) -> str:
    with runtime().db.read() as session:
        program = program_of(session, program_id)
        lines = program_changes.lines_of_program(session, program_id)
        versions = program_changes.versions_of_words(session, program_id)
        newest = {one.kind: one.text for one in reversed(versions)}
        said = answers_given(program, newest, lines, prepared.listing(session, program_id))
        return render_template(
            "program.html",
            program=program,
            hours=program_form.shown(program_changes.as_written(session, program)),
            desk=program_form.desk_shown(program),
            lines=lines,
            versions=versions,
            answers=said,
            kinds=KINDS,
            line_kinds=LINE_KINDS,
            days=DAYS,
            error=error,
            typed=request.form,
            may_shape=person().may("shape", program_id),
        )


def _editor(program_id: int | None, typed: Typed, error: str) -> str:
    values: dict[str, Any] = {"bound": 0, **_typed_answers(program_id, typed)}
    if program_id is not None:
        with runtime().db.read() as session:
            values["bound"] = loosening.affected(session, program_id)
    return render_template(
        EDITED,
        typed=typed,
        error=error,
        program_id=program_id,
        caps=program_form.caps_of(typed),
        kinds=KINDS,
        purposes=list(Purpose),
        line_kinds=LINE_KINDS,
        days=DAYS,
        **values,
    )


def _typed_answers(program_id: int | None, typed: Typed) -> dict[str, Any]:
    """The answers as they would be with the words in the form; ``mistake`` where a field cannot be read."""
    lines: list[FromNumber] = []
    ready: list[PreparedAnswer] = []
    desk = None
    try:
        wanted = _read(program_id, typed)
    except ProgramError as error:
        return {"answers": [], "mistake": str(error)}
    if program_id is not None:
        with runtime().db.read() as session:
            lines = program_changes.lines_of_program(session, program_id)
            ready = prepared.listing(session, program_id)
            desk = program_of(session, program_id).desk
    program = program_row(wanted, runtime().clock.now())
    program.desk = desk
    return {"answers": answers_given(program, wanted.wordings, lines, ready), "mistake": ""}


def answers_given(
    program: Program, words: Any, lines: list[FromNumber], ready: list[PreparedAnswer]
) -> list[tuple[automatic.Automatic, parts.Parts]]:
    """Every answer the program gives by itself, as it leaves, with its parts."""
    link = own_page_link(runtime().keys, runtime().settings.address, 0, runtime().clock.now())
    living = [one for one in lines if one.retired_at is None]
    return [(one, parts.count(one.words)) for one in automatic.answers_of(program, words, living, ready, link)]


def _read(program_id: int | None, typed: Typed | None = None) -> ProgramIn:
    typed = request.form if typed is None else typed
    if program_id is None:
        return program_form.read(typed, "new")
    with runtime().db.read() as session:
        known = program_changes.as_written(session, program_of(session, program_id))
    return program_form.read(typed, known.slug, known)


def program_of(session: Session, program_id: int) -> Program:
    """The program; 404 where there is none."""
    found = session.get(Program, program_id)
    if found is None:
        abort(404)
    return found


def _slug(program_id: int) -> str:
    require("shape", program_id)
    with runtime().db.read() as session:
        return program_of(session, program_id).slug


def _require_all() -> None:
    if not person().may("shape", ALL_PROGRAMS):
        abort(403, MAY_NOT)
