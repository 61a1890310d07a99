"""The library of texts: saved templates in versions, what differs between two, and what is said of the words."""

from dataclasses import replace
from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from guards.base import Purpose
from sender.audience import crowds
from sender.campaigns import library, library_words, programs, rendering
from sender.campaigns.library_words import LibraryDoubt, Seen, Words
from sender.campaigns.moves import ControlError
from sender.models import Program, SavedTemplate, TemplateVersion
from sender.models.accounts import ALL_PROGRAMS
from web.auth import Door, person, require, signed_in
from web.context import runtime, web
from web.frame import may_anywhere
from web.language import gettext
from web.pages import building
from web.pages.blocks import render_block
from web.pages.listing import read_listing
from web.pages.text_step import DEFAULT, FIELDS_SECONDS, OWN_FIELDS

EDITED = "template_edit.html"
door = Door("templates", __name__, rule=signed_in)


@door.get("/templates")
def listing() -> ResponseReturnValue:
    """The library by name, or those that were taken out of it."""
    view = read_listing(("name", "-changed"), ("find", "archived"))
    with runtime().db.read() as session:
        known = {one.id or 0: one.brand for one in programs.listing(session, person().programs)}
        every = library.templates(session, archived=bool(view.filters["archived"]))
    wanted = view.filters["find"].casefold()
    mine = [one for one in every if one.program_id is None or one.program_id in known]
    found = [one for one in mine if wanted in f"{one.name} {one.text}".casefold()]
    found.sort(key=lambda one: one.name if view.sort == "name" else one.changed_at.isoformat(), reverse=view.descending)
    rows = found[view.offset : view.offset + view.limit]
    may_write = may_anywhere(person(), "write")
    return render_template("templates.html", listing=view, rows=rows, brands=known, may_write=may_write)


@door.get("/templates/new")
def new() -> ResponseReturnValue:
    """The editor of a new template."""
    if not may_anywhere(person(), "write"):
        abort(403, gettext("You may look at the library but not write in it; ask the owner for the role."))
    some = building.may_choose()
    return _editor(None, Words("", "", {}, some[0] if some else None, _strictest(some[0] if some else None)), "")


@door.post("/templates/new")
def create() -> ResponseReturnValue:
    """Keep it: 303 to its page, 422 with what to mend."""
    program_id = request.form.get("program", ALL_PROGRAMS, type=int)
    require("write", program_id)
    words = replace(_typed(_program(program_id)), name=request.form.get("name", "").strip())
    with runtime().db.read() as session:
        if library.of_name(session, words.name) is not None:
            taken = gettext("There is a template %(name)s already; give this one another name.", name=repr(words.name))
            return _editor(None, words, taken), 422
    return _kept(None, words)


@door.get("/templates/<int:template_id>")
def show(template_id: int) -> ResponseReturnValue:
    """Its versions, and what differs between two of them."""
    return _page(_template(template_id, "look"), "")


@door.get("/templates/<int:template_id>/edit")
def edit(template_id: int) -> ResponseReturnValue:
    """The editor with the newest version, or with the one that the address names."""
    found = _template(template_id, "write")
    versions = _versions(found)
    wanted = request.args.get("version", 0, type=int)
    chosen = next((one for one in versions if one.version == wanted), versions[0])
    program = _program(found.program_id or ALL_PROGRAMS)
    return _editor(found, Words(found.name, chosen.text, chosen.defaults, program, _strictest(program)), "")


@door.post("/templates/<int:template_id>/edit")
def save(template_id: int) -> ResponseReturnValue:
    """Keep the words as the next version: 303 to its page, 422 with what to mend."""
    found = _template(template_id, "write")
    program = _program(found.program_id or ALL_PROGRAMS)
    return _kept(found, replace(_typed(program), name=found.name))


@door.post("/templates/preview")
def look() -> ResponseReturnValue:
    """What is said of the words in the editor, for htmx."""
    program_id = request.form.get("program", ALL_PROGRAMS, type=int)
    if program_id:
        require("look", program_id)
    sent = request.form.get("fields", "") if "HX-Request" in request.headers else None
    return render_block(EDITED, "look", sent_fields=sent, **_looked(_typed(_program(program_id))))


@door.post("/templates/<int:template_id>/<any(archive, restore):where>")
def move(template_id: int, where: str) -> ResponseReturnValue:
    """Take it out of the lists, or put it back: 303 to its page."""
    found = _template(template_id, "write")
    library.archive_template(runtime(), found.name, person().actor, archived=where == "archive")
    return redirect(f"/templates/{template_id}", 303)


def _kept(found: SavedTemplate | None, words: Words) -> ResponseReturnValue:
    try:
        library_words.save(runtime(), words, person().actor)
    except (ControlError, rendering.TemplateError) as error:
        return _editor(found, words, str(error), isinstance(error, LibraryDoubt)), 422
    with runtime().db.read() as session:
        kept = library.of_name(session, words.name)
    return redirect(f"/templates/{kept.id if kept else ''}", 303)


def _page(found: SavedTemplate, error: str) -> str:
    versions = _versions(found)
    by_number = {one.version: one for one in versions}
    to = by_number.get(request.args.get("to", 0, type=int), versions[0])
    before = by_number.get(request.args.get("from", 0, type=int)) or by_number.get(to.version - 1) or to
    program = _program(found.program_id or ALL_PROGRAMS)
    words = Words(found.name, versions[0].text, versions[0].defaults, program, _strictest(program))
    return render_template(
        "template.html",
        template=found,
        versions=versions,
        before=before,
        to=to,
        changes=library_words.changes(before.text, to.text),
        brand=program.brand if program else gettext("every program"),
        error=error,
        may_write=person().may("write", found.program_id or ALL_PROGRAMS),
        **_looked(words),
    )


def _editor(found: SavedTemplate | None, words: Words, error: str, doubted: bool = False) -> str:
    with runtime().db.read() as session:
        known = web().remembered.get(
            "attributes", runtime().clock.elapsed(), FIELDS_SECONDS, lambda: crowds.known_attributes(session)
        )
    program_id = (words.program.id if words.program else None) or ALL_PROGRAMS
    return render_template(
        EDITED,
        template=found,
        error=error,
        doubted=doubted,
        vouchers=building.vouchers(program_id) if doubted else [],
        known=[*known, *OWN_FIELDS],
        choices=_choices(),
        purposes=list(Purpose),
        sent_fields=None,
        **_looked(words),
    )


def _looked(words: Words) -> dict[str, Any]:
    seen: Seen | None = None
    mistake = ""
    try:
        seen = library_words.look(words)
    except (rendering.TemplateError, rendering.RenderError) as error:
        mistake = str(error) if words.text else ""
    return {"words": words, "seen": seen, "mistake": mistake}


def _typed(program: Program | None) -> Words:
    typed = request.form
    named = {name.removeprefix(DEFAULT): value for name, value in typed.items() if name.startswith(DEFAULT)}
    wanted = typed.get("purpose", "")
    purpose = Purpose(wanted) if wanted in list(Purpose) else _strictest(program)
    text = typed.get("text", "").replace("\r\n", "\n").strip()
    note, second = typed.get("note", "").strip()[:200], typed.get("second_person", "")
    return Words(typed.get("name", "").strip(), text, named, program, purpose, note, second)


def _strictest(program: Program | None) -> Purpose:
    names = program.purposes if program and program.purposes else [Purpose.MARKETING.value]
    return max((Purpose(name) for name in names), key=list(Purpose).index)


def _choices() -> list[tuple[int, str]]:
    some = [(one.id or 0, one.brand) for one in building.may_choose()]
    return [*some, (ALL_PROGRAMS, gettext("Every program"))] if person().may("write", ALL_PROGRAMS) else some


def _program(program_id: int) -> Program | None:
    if program_id == ALL_PROGRAMS:
        return None
    with runtime().db.read() as session:
        found = session.get(Program, program_id)
        if found is None:
            abort(404)
        session.expunge_all()
        return found


def _versions(found: SavedTemplate) -> list[TemplateVersion]:
    with runtime().db.read() as session:
        rows = library.versions(session, found.name)
        session.expunge_all()
    return rows


def _template(template_id: int, right: str) -> SavedTemplate:
    with runtime().db.read() as session:
        found = session.get(SavedTemplate, template_id)
        if found is None:
            abort(404)
        session.expunge_all()
    if right == "write" or found.program_id is not None:
        require(right, found.program_id or ALL_PROGRAMS)
    return found
