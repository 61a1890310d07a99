"""Imports: upload, columns, dry run, commit, undo; each step is what the import's own page shows."""

from collections.abc import Iterator
from typing import Any

import phonenumbers
from flask import Response, abort, redirect, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from sender.audience.importing import presets, undoing, uploads
from sender.audience.importing.options import CONSENT_PURPOSES, FileRefused
from sender.audience.importing.refused import note_taken, refused_lines
from sender.campaigns import programs
from sender.models import ImportPreset, ImportRun, Program
from sender.models.accounts import ALL_PROGRAMS
from web.auth import Door, person, require, require_fresh, signed_in, take_large_form
from web.context import runtime
from web.frame import may_anywhere
from web.language import figure, gettext
from web.pages import confirm, import_form
from web.pages.blocks import render_block
from web.pages.listing import read_listing
from web.pages.terms import worded

UPLOAD_MOST = uploads.MOST_BYTES + (1 << 20)
STATES = ("uploaded", "checking", "checked", "running", "finished", "failed", "undoing", "undone")
BUSY = frozenset({"checking", "running", "undoing"})


def marketer() -> ResponseReturnValue | None:
    """The rule: signed in, and a marketer of some program."""
    refused = signed_in()
    if refused is None and not may_anywhere(person(), "write"):
        abort(403, gettext("You may look at campaigns but not at people; ask the owner for the role."))
    return refused


def marketer_with_file() -> ResponseReturnValue | None:
    """The same for a request that may be large; its token is looked at only then, so nobody else's body is read."""
    refused = marketer()
    if refused is None:
        take_large_form(UPLOAD_MOST)
    return refused


door = Door("imports", __name__, rule=marketer)
uploading = Door("uploading", __name__, rule=marketer_with_file, csrf=False)


@door.errorhandler(FileRefused)
def refuse(error: FileRefused) -> tuple[str, int]:
    """A step that no longer fits where the import is."""
    return render_template("error.html", title=gettext("Nothing was changed"), sentence=str(error)), 409


@door.get("/imports")
def listing() -> ResponseReturnValue:
    """Every import, newest first, or by name, or those of one state."""
    view = read_listing(("-id", "name"), ("status",))
    status = view.filters["status"] if view.filters["status"] in STATES else ""
    with runtime().db.read() as database:
        rows = uploads.listing(database, person().programs, view.limit, view.offset, view.order, status)
    return render_template("imports.html", rows=rows, listing=view, states=STATES)


@door.get("/imports/new")
def new() -> ResponseReturnValue:
    """Choose a file."""
    return render_template("import_new.html", error="")


@uploading.post("/imports")
def upload() -> ResponseReturnValue:
    """Take the file in: 303 to its page, 422 with what is wrong with it."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return render_template("import_new.html", error=gettext("Choose a file first.")), 422
    try:
        name = file.filename.replace("\\", "/").rpartition("/")[2][:120]
        import_id = uploads.take_in(runtime(), name, file.stream, person().actor)
    except FileRefused as error:
        return render_template("import_new.html", error=str(error)), 422
    return redirect(f"/imports/{import_id}", 303)


@door.get("/imports/<int:import_id>")
def show(import_id: int) -> ResponseReturnValue:
    """Where this import is: its columns, its dry run, its progress or what came of it."""
    run = _run(import_id)
    if run.status in ("uploaded", "failed") or (run.status == "checked" and "columns" in request.args):
        return _columns(run, None, run.problem)
    return render_template("import.html", **_values(run))


@door.get("/imports/<int:import_id>/live")
def live(import_id: int) -> ResponseReturnValue:
    """The part that moves, for htmx; the whole page when a person is needed again."""
    run = _run(import_id)
    if run.status not in BUSY:
        return Response("", 200, {"HX-Redirect": f"/imports/{import_id}"})
    return render_block("import.html", "busy", **_values(run))


@door.post("/imports/<int:import_id>/check")
def check(import_id: int) -> ResponseReturnValue:
    """Have the dry run made: 303 to the import, 422 with the form and what to mend."""
    run = _run(import_id)
    headers = uploads.glance(runtime(), import_id, {}).headers
    form = import_form.read(request.form, headers)
    try:
        options = import_form.options(form, _program(form.program), person().actor, run.name, runtime().clock.now())
        uploads.check(runtime(), import_id, options, person().actor)
        if form.preset:
            presets.save(runtime(), form.preset, import_form.mapping(form), form.region or None, person().actor)
    except FileRefused as error:
        return _columns(run, form, str(error)), 422
    return redirect(f"/imports/{import_id}", 303)


@door.post("/imports/<int:import_id>/<any(commit, discard):choice>")
def move(import_id: int, choice: str) -> ResponseReturnValue:
    """Import it, or forget the file: 303."""
    _require_its_program(_run(import_id))
    if choice == "discard":
        uploads.discard(runtime(), import_id)
        return redirect("/imports", 303)
    uploads.commit(runtime(), import_id, person().actor)
    return redirect(f"/imports/{import_id}", 303)


@door.get("/imports/<int:import_id>/undo")
def ask_undo(import_id: int) -> ResponseReturnValue:
    """What undoing means, in numbers."""
    run = _run(import_id)
    with runtime().db.read() as database:
        if reason := undoing.why_not(database, import_id):
            raise FileRefused(reason)
    counts = run.counts
    said = [
        gettext(
            "%(new)s new contacts go; those that were used or edited since stay.", new=figure(counts.get("new", 0))
        ),
        gettext("%(changed)s changed contacts get their former values back.", changed=figure(counts.get("changed", 0))),
        gettext(
            "%(with_consent)s consents are withdrawn; the ledger keeps both facts.",
            with_consent=figure(counts.get("with_consent", 0)),
        ),
        gettext(
            "%(opted_out)s opt-outs stay: nobody but the person can take one back.",
            opted_out=figure(counts.get("opted_out", 0)),
        ),
    ]
    return confirm.ask(
        gettext("Undo the import of %(name)s?", name=run.name),
        said,
        gettext("Undo it"),
        request.path,
        f"/imports/{import_id}",
    )


@door.post("/imports/<int:import_id>/undo")
def undo(import_id: int) -> ResponseReturnValue:
    """Undo it: 303 to the import, which shows how far the undo is."""
    _require_its_program(_run(import_id))
    undoing.begin_undo(runtime().db, runtime().clock, import_id, person().actor)
    return redirect(f"/imports/{import_id}", 303)


@door.get("/imports/<int:import_id>/refused")
def ask_refused(import_id: int) -> ResponseReturnValue:
    """Why the rows with people's data are wanted."""
    run = _run(import_id)
    _require_export(run)
    said = [
        gettext(
            "%(refused)s rows leave Tactful with everything that stood in them.",
            refused=figure(run.counts.get("refused", 0)),
        ),
        gettext("Your name and reason are kept in the audit. Delete the file once the rows are mended."),
    ]
    title, action, back = (
        gettext("Download the refused rows of %(name)s?", name=run.name),
        request.path,
        f"/imports/{import_id}",
    )
    return confirm.ask(title, said, gettext("Download CSV"), action, back, danger=False, why=gettext("What for?"))


@door.post("/imports/<int:import_id>/refused")
def refused(import_id: int) -> ResponseReturnValue:
    """The refused rows with their reasons as CSV; 422 without a reason."""
    run, why = _run(import_id), request.form.get("why", "").strip()
    _require_export(run)
    if not why:
        abort(422, gettext("Say what you need the rows for; it is kept in the audit."))
    with runtime().db.write() as database:
        rows = run.counts.get("refused", 0)
        note_taken(database, runtime().clock.now(), person().actor, import_id, why, rows)
    headers = {"Content-Disposition": f"attachment; filename=refused-{import_id}.csv"}
    return Response(stream_with_context(_refused(import_id)), 200, headers, mimetype="text/csv")


def _refused(import_id: int) -> Iterator[str]:
    with runtime().db.read() as database:
        yield from refused_lines(database, runtime().keys, import_id)


def _columns(run: ImportRun, form: import_form.Form | None, error: str) -> str:
    """The page of the columns, with the top of the file beside each choice."""
    with runtime().db.read() as database:
        saved = presets.listing(database)
        known = programs.listing(database, person().programs)
    chosen = form.columns if form else run.options.get("mapping") or _preset(saved)
    plain = {name: meant for name, meant in chosen.items() if meant != import_form.KEEP} if chosen else {}
    seen = uploads.glance(runtime(), run.id or 0, plain)
    shown = form or import_form.from_glance(seen, run)
    return render_template(
        "import_columns.html",
        run=run,
        seen=seen,
        form=shown,
        error=error or seen.problem,
        presets=presets.fitting(saved, seen.headers),
        programs=[(one.id, one.brand) for one in known if person().may("write", one.id or 0)],
        fields=import_form.FIELD_WORDS,
        purposes=[(one.value, worded(one.value).capitalize()) for one in CONSENT_PURPOSES],
        regions=sorted(phonenumbers.SUPPORTED_REGIONS),
        sources=import_form.SOURCES,
        hows=import_form.hows(),
    )


def _preset(saved: list[ImportPreset]) -> dict[str, str] | None:
    wanted = request.args.get("preset", type=int)
    return next((dict(one.mapping) for one in saved if one.id == wanted), None)


def _values(run: ImportRun) -> dict[str, Any]:
    with runtime().db.read() as database:
        program = database.get(Program, run.program_id) if run.program_id else None
        why_not = undoing.why_not(database, run.id or 0) if run.status == "finished" else ""
        database.expunge_all()
    return {"run": run, "program": program, "why_not": why_not, "busy": run.status in BUSY, "word": _word(run)}


def _word(run: ImportRun) -> dict[str, str]:
    return run.options.get("attestation") or {}


def _program(chosen: str) -> Program | None:
    if not chosen.isdecimal():
        return None
    require("write", int(chosen))
    with runtime().db.read() as database:
        found = database.get(Program, int(chosen))
        database.expunge_all()
    return found


def _require_its_program(run: ImportRun) -> None:
    if run.program_id is not None:
        require("write", run.program_id)


def _require_export(run: ImportRun) -> None:
    """People's data leaves by the hands of those who may export, after they have said again who they are."""
    require("export", run.program_id or ALL_PROGRAMS)
    require_fresh(f"/imports/{run.id}/refused")


def _run(import_id: int) -> ImportRun:
    with runtime().db.read() as database:
        run = uploads.find(database, import_id)
    if run is None or run.status == "discarded":
        abort(404)
    if run.program_id is not None:
        require("look", run.program_id)
    return run
