"""What is done about one person for good: their evidence file, their own data, and forgetting them."""

import json
from typing import Any

from flask import Response, abort, redirect, request
from flask.typing import ResponseReturnValue

from sender.audience import evidence, own_data
from sender.audience.erasing import EraseError, erase, outlook
from sender.audience.timeline import Profile, profile
from sender.models.accounts import ALL_PROGRAMS
from web.auth import Door, person, require, require_fresh, signed_in
from web.context import runtime
from web.language import gettext, later
from web.pages import confirm
from web.pages.confirm import Pick

WHY = later("What for?")
KINDS = (("pdf", later("PDF, to be printed and signed")), ("json", later("JSON, to be read by programs")))

door = Door("proof", __name__, rule=signed_in)


@door.get("/contacts/<int:number_id>/evidence")
def ask_evidence(number_id: int) -> ResponseReturnValue:
    """Why somebody's evidence is wanted, and in which form."""
    found = _found(number_id, "export")
    said = [
        gettext(
            "Every consent with its wording, every text with its decisions, local times and laws, "
            "every reply, hashes, and how the ledger stands: "
            "with the number in plain, where it was not erased."
        ),
        gettext("It ends with a draft of a records certification, for counsel to complete."),
        gettext("Your name and reason are kept in the audit."),
    ]
    return _ask(
        found,
        gettext("Take out the evidence?"),
        said,
        gettext("Make the file"),
        False,
        Pick("form", gettext("As"), KINDS),
    )


@door.post("/contacts/<int:number_id>/evidence")
def take_evidence(number_id: int) -> ResponseReturnValue:
    """The evidence file as PDF or JSON; 422 without a reason."""
    found, why = _found(number_id, "export"), _why()
    by = person().actor
    with runtime().db.read() as session:
        file = evidence.gather(runtime(), session, number_id, found.e164 or "erased", by, why)
    with runtime().db.write() as session:
        evidence.note_taken(runtime(), session, number_id, by, why, file)
    if request.form.get("form") == "json":
        return _attached(evidence.as_json(file), f"evidence-{number_id}.json", "application/json")
    return _attached(evidence.as_pdf(file), f"evidence-{number_id}.pdf", "application/pdf")


@door.get("/contacts/<int:number_id>/export")
def ask_own_data(number_id: int) -> ResponseReturnValue:
    """Why one person's data is wanted."""
    found = _found(number_id, "export")
    said = [
        gettext("All that is known of this person, for them: contact, consent, texts and replies, as one JSON file."),
        gettext("Your name and reason are kept in the audit. Give it to nobody but the person."),
    ]
    return _ask(found, gettext("Take out this person's data?"), said, gettext("Download JSON"), False)


@door.post("/contacts/<int:number_id>/export")
def take_own_data(number_id: int) -> ResponseReturnValue:
    """One person's data as JSON; 422 without a reason."""
    _found(number_id, "export")
    why = _why()
    with runtime().db.write() as session:
        file = own_data.export(runtime(), session, number_id, person().actor, why)
    body = json.dumps(file, indent=2, ensure_ascii=False).encode()
    return _attached(body, f"person-{number_id}.json", "application/json")


@door.get("/contacts/<int:number_id>/erase")
def ask_erase(number_id: int) -> ResponseReturnValue:
    """What erasing this person would do, in numbers."""
    found = _found(number_id, "erase")
    with runtime().db.read() as session:
        ahead = outlook(session, number_id)
    if ahead.held:
        abort(409, ahead.held)
    return _ask(found, gettext("Erase this person for good?"), ahead.sentences(), gettext("Erase"), True)


@door.post("/contacts/<int:number_id>/erase")
def do_erase(number_id: int) -> ResponseReturnValue:
    """Forget the person: 303 to what is left of the page; 422 where it cannot be done."""
    _found(number_id, "erase")
    why = _why()
    try:
        erase(runtime(), number_id, person().actor, why)
    except EraseError as error:
        abort(422, str(error))
    return redirect(f"/contacts/{number_id}", 303)


def _found(number_id: int, right: str) -> Profile:
    """The person, for whoever may do this to everybody and has just said again who they are."""
    require(right, ALL_PROGRAMS)
    require_fresh(f"/contacts/{number_id}")
    with runtime().db.read() as session:
        found = profile(session, runtime().keys, number_id)
    if found is None:
        abort(404)
    return found


def _ask(found: Profile, title: str, said: list[str], button: str, danger: bool, pick: Pick | None = None) -> str:
    more: dict[str, Any] = {"pick": pick} if pick else {}
    who = f"{found.name + ', ' if found.name else ''}{found.shown}"
    back = f"/contacts/{found.number_id}"
    return confirm.ask(title, [f"{who}.", *said], button, request.path, back, danger=danger, why=WHY, **more)


def _why() -> str:
    why = request.form.get("why", "").strip()[:200]
    if not why:
        abort(422, gettext("Say what it is for; it is kept in the audit."))
    return why


def _attached(body: bytes, name: str, kind: str) -> Response:
    return Response(body, 200, {"Content-Disposition": f"attachment; filename={name}"}, mimetype=kind)
