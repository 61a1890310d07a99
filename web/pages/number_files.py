"""Files of numbers in and out: registers, given-up and reassigned numbers, whom nobody may text. For all programs."""

import io
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import IO

from flask import Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from sender.audience import number_files, registers
from sender.audience.number_files import NumberFileError
from sender.audit import note
from sender.models.accounts import ALL_PROGRAMS
from sender.runtime import Runtime
from web.auth import Door, person, require, require_fresh, signed_in, take_large_form
from web.context import runtime
from web.language import figure, gettext, later
from web.pages import confirm

UPLOAD_MOST = 8 << 20
"""Some half a million numbers; larger files go by command, because a browser would wait too long."""
COUNT_WORDS = {
    "read": later("Lines read"),
    "unreadable": later("No number"),
    "known": later("Known here"),
    "agreed": later("With a consent"),
    "waiting": later("Texts that wait for them"),
    "barred": later("Never texted already"),
    "consents": later("Consents ended"),
    "cancelled": later("Texts cancelled"),
    "listed": later("On the register"),
    "suppressed": later("Never texted from now on"),
    "blocked": later("Texts blocked"),
    "taken_off": later("Taken off the list"),
    "answered_no": later("Answered no"),
    "forgotten": later("Numbers dropped"),
}
Take = Callable[[Path], Counter[str]]


def keeper_with_file() -> ResponseReturnValue | None:
    """The rule: whoever may end consent everywhere; only then is a body of this size read, and its token looked at."""
    refused = signed_in()
    if refused is None:
        require("erase", ALL_PROGRAMS)
        require_fresh("/numbers")
        take_large_form(UPLOAD_MOST)
    return refused


door = Door("number_files", __name__, rule=signed_in)
taking = Door("number_taking", __name__, rule=keeper_with_file, csrf=False)


@door.get("/numbers")
def show() -> ResponseReturnValue:
    """The registers there are, and a form for each kind of file."""
    require("erase", ALL_PROGRAMS)
    require_fresh()
    return _page()


@taking.post("/numbers/<any(do_not_call, deactivated, reassigned, suppress, unsuppress):kind>")
def take(kind: str) -> ResponseReturnValue:
    """Take a file in, or only look whom it is about: the page with the figures, 422 with what to mend."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(error=gettext("Choose a file first.")), 422
    try:
        work = _look(kind) if "look" in request.form else _work(kind)
        done = "look" if "look" in request.form else kind
        return _page(done, number_files.from_upload(runtime(), file.stream, file.filename, work))
    except NumberFileError as error:
        return _page(error=str(error)), 422


@door.get("/numbers/registers/<country>/forget")
def ask_forget(country: str) -> ResponseReturnValue:
    """What dropping a register means."""
    _require_keeper()
    said = [
        gettext("Nothing here holds its numbers back any more, until somebody takes in a newer copy."),
        gettext("Your name and reason are kept in the audit."),
    ]
    covers = request.args.get("covers", "all")
    title = gettext("Drop the do-not-call file of %(country)s (%(covers)s)?", country=country, covers=covers)
    fields = {"covers": covers}
    return confirm.ask(title, said, gettext("Drop it"), request.path, "/numbers", fields=fields, why=gettext("Why?"))


@door.post("/numbers/registers/<country>/forget")
def forget(country: str) -> ResponseReturnValue:
    """Drop it: the page with how many numbers it held, 422 with what to mend."""
    _require_keeper()
    covers, why = request.form.get("covers", "all"), request.form.get("why", "")
    try:
        numbers = registers.forget(runtime(), country, covers, person().actor, why)
    except NumberFileError as error:
        return _page(error=str(error)), 422
    return _page("forget", Counter({"forgotten": numbers}))


@door.get("/numbers/<any(suppressed, to_ask):which>")
def ask_list(which: str) -> ResponseReturnValue:
    """Why a list of people's numbers is wanted."""
    _require_export()
    title, what = {
        "suppressed": (
            gettext("Download whom nobody may text?"),
            gettext("Every suppressed and opted-out number in plain, for another provider."),
        ),
        "to_ask": (
            gettext("Download the numbers to ask about?"),
            gettext("US numbers with the day of their consent, for a reassigned-numbers database."),
        ),
    }[which]
    said = [what, gettext("Your name and reason are kept in the audit. Delete the file when it has been used.")]
    label = gettext("Download CSV")
    return confirm.ask(title, said, label, request.path, "/numbers", danger=False, why=gettext("What for?"))


@door.post("/numbers/<any(suppressed, to_ask):which>")
def take_list(which: str) -> ResponseReturnValue:
    """The list as CSV; 422 without a reason."""
    _require_export()
    why = request.form.get("why", "").strip()[:200]
    if not why:
        abort(422, gettext("Say what it is for; it is kept in the audit."))
    write, what = _LISTS[which]
    table = io.StringIO()
    with runtime().db.write() as session:
        counts = write(runtime(), session, table)
        detail = {"why": why, **counts}
        note(session, runtime().clock.now(), person().actor, "people.export", what, detail)
    headers = {"Content-Disposition": f"attachment; filename={which.replace('_', '-')}.csv"}
    return Response(table.getvalue(), 200, headers, mimetype="text/csv")


_LISTS: Mapping[str, tuple[Callable[[Runtime, Session, IO[str]], Counter[str]], str]] = {
    "suppressed": (number_files.write_suppressed, "suppressed numbers"),
    "to_ask": (number_files.write_to_ask, "numbers to ask about"),
}


def _look(kind: str) -> Take:
    return lambda path: number_files.foreseen(runtime(), path, answers=kind == "reassigned")


def _work(kind: str) -> Take:
    form, by, here = request.form, person().actor, runtime()
    match kind:
        case "do_not_call":
            country, drawn, covers = form.get("country", ""), _day("drawn"), form.get("covers", "")
            return lambda path: registers.take_in(here, path, country, drawn, by, covers)
        case "deactivated":
            on = _day("on")
            return lambda path: number_files.deactivated(here, path, on, by)
        case "reassigned":
            return lambda path: number_files.reassigned(here, path, by)
        case "suppress":
            return lambda path: number_files.suppress(here, path, form.get("why", ""), by)
        case _:
            return lambda path: number_files.unsuppress(here, path, form.get("why", ""), by)


def _day(name: str) -> date:
    try:
        found = date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        raise NumberFileError(gettext("Give the day of the file.")) from None
    if found > runtime().clock.now().date():
        raise NumberFileError(gettext("%(day)s is in the future; give the day of the file.", day=found))
    return found


def _require_keeper() -> None:
    require("erase", ALL_PROGRAMS)
    require_fresh("/numbers")


def _require_export() -> None:
    require("export", ALL_PROGRAMS)
    require_fresh("/numbers")


def _page(done: str = "", counts: Mapping[str, int] | None = None, error: str = "") -> str:
    with runtime().db.read() as session:
        rows = registers.kept(session, runtime().clock.now().date())
    told = [(COUNT_WORDS.get(name, name), figure(count)) for name, count in (counts or {}).items()]
    return render_template("number_files.html", rows=rows, done=done, told=told, error=error)
