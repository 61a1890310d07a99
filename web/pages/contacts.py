"""Contacts: found by their number in any spelling, a page for each with all that happened, and their upkeep."""

from collections.abc import Iterator
from typing import Any

from flask import Response, abort, redirect, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue
from phonenumbers import SUPPORTED_REGIONS

from guards.base import Purpose
from sender.audience import contacts, merging, upkeep
from sender.audience.checks import Checked, check_number
from sender.audience.contacts import EVERYBODY, Kinds, Wanted
from sender.audience.numbers import find
from sender.audience.phone import PhoneError, parse
from sender.audience.timeline import Profile, profile, timeline
from sender.audience.upkeep import ContactIn, UpkeepError
from sender.audit import note
from sender.campaigns import programs
from sender.models import Program
from sender.models.accounts import ALL_PROGRAMS
from web.auth import Door, person, require, require_fresh, signed_in
from web.context import runtime
from web.counting import SHORT, figures_or_none
from web.frame import may_anywhere
from web.language import figure, gettext
from web.pages import confirm
from web.pages.listing import read_listing

FIELDS = ("language", "postal_code", "region", "zone")
MOST_CHOICES = 300
Choice = tuple[str, str, int]
"""What the address says, the region of it ("" for all of a country), and how many contacts are there."""

door = Door("contacts", __name__, rule=signed_in)


@door.get("/contacts")
def listing() -> ResponseReturnValue:
    """Contacts, newest or oldest first, those of a place or a language, and the box that finds one."""
    view = read_listing(sorts=("-id",), filters=("place", "language"))
    country, _, region = view.filters["place"].partition("-")
    wanted = Wanted(country, region, view.filters["language"])
    kinds = _kinds()
    known = kinds.of(wanted) if kinds else None
    with runtime().db.read() as session:
        rows = contacts.listing(session, runtime().keys, view.limit, view.offset, view.descending, wanted, known)
    choices = {"places": _places(kinds, view.filters["place"]), "languages": _languages(kinds, wanted.language)}
    return _list(rows=rows, listing=view, kinds=kinds, total=known, **choices)


@door.post("/contacts/find")
def find_one() -> ResponseReturnValue:
    """303 to the page of a number, however it is spelled; 404 where nobody with it was ever met. Nothing is logged."""
    typed = request.form.get("number", "").strip()
    region = request.form.get("region", "US")
    try:
        e164 = parse(typed, region if region in SUPPORTED_REGIONS else None).e164
    except PhoneError as error:
        return _list(error=error.sentence), 422
    with runtime().db.read() as session:
        number_id = find(session, runtime().keys, e164)
    if number_id is None:
        return _list(error=gettext("Nobody with this number was ever met here: no contact, no text, no reply.")), 404
    return redirect(f"/contacts/{number_id}", 303)


@door.get("/contacts/<int:number_id>")
def show(number_id: int) -> ResponseReturnValue:
    """One number: who it is, may they be texted now, and what happened."""
    with runtime().db.read() as session:
        found = profile(session, runtime().keys, number_id) or abort(404)
        known = programs.listing(session, person().programs)
        brands = {program.id: program.brand for program in known}
        moments = timeline(session, found, person().programs, brands)
        asked = _asked(known)
        answer = _may_i(session, found, asked, known)
    return render_template(
        "contact.html",
        found=found,
        moments=moments,
        programs=known,
        offered=[(program.slug, program.brand) for program in known],
        asked=asked,
        answer=answer,
        may_write=may_anywhere(person(), "write"),
        may_export=person().may("export", ALL_PROGRAMS),
        may_erase=person().may("erase", ALL_PROGRAMS),
        may_stop=may_anywhere(person(), "write") or may_anywhere(person(), "answer"),
        ways=upkeep.STOP_CAME_BY,
    )


@door.get("/contacts/<int:number_id>/edit")
def ask_edit(number_id: int) -> ResponseReturnValue:
    """The contact's fields, its number, and a duplicate to merge."""
    return _edit_page(_with_contact(number_id), "")


@door.post("/contacts/<int:number_id>/edit")
def edit(number_id: int) -> ResponseReturnValue:
    """Change fields, the number, or merge a duplicate: 303 to the page, 422 with what to mend."""
    found = _with_contact(number_id)
    contact_id = found.contact.id or 0 if found.contact else 0
    try:
        match request.form.get("act"):
            case "number":
                upkeep.change_number(runtime(), contact_id, request.form.get("number", ""), _region(), person().actor)
            case "merge":
                merging.merge(runtime(), contact_id, _other(), person().actor)
            case _:
                upkeep.edit(runtime(), contact_id, _typed(), person().actor)
    except UpkeepError as error:
        return _edit_page(found, str(error)), 422
    with runtime().db.read() as session:
        fresh = contacts.number_of(session, contact_id)
    return redirect(f"/contacts/{fresh or number_id}", 303)


@door.post("/contacts/<int:number_id>/stop")
def stop(number_id: int) -> ResponseReturnValue:
    """Take a stop that came by another way: 303 to the page."""
    if not (may_anywhere(person(), "write") or may_anywhere(person(), "answer")):
        abort(403, gettext("You may look at people but not record their stop; ask a colleague who may."))
    found, chosen = _profile(number_id), request.form.get("program", "")
    if found.contact is None:
        abort(404)
    program_id = int(chosen) if chosen.isdecimal() else None
    came_by, words = request.form.get("came_by", ""), request.form.get("words", "")
    try:
        upkeep.stop(runtime(), found.contact.id or 0, program_id, came_by, words, person().actor)
    except UpkeepError as error:
        abort(422, str(error))
    return redirect(f"/contacts/{number_id}", 303)


@door.get("/contacts/export")
def ask_export() -> ResponseReturnValue:
    """Why everybody's data is wanted."""
    _require_export()
    kinds = _kinds()
    said = [
        gettext(
            "%(total)s contacts leave Tactful with their numbers in plain and all attributes.",
            total=gettext("All") if kinds is None else figure(kinds.of(EVERYBODY)),
        ),
        gettext(
            "Your name and reason are kept in the audit. "
            "Where you send it is yours to answer for: it must not be shared."
        ),
    ]
    why = gettext("What for?")
    return confirm.ask(
        gettext("Download all contacts?"),
        said,
        gettext("Download CSV"),
        request.path,
        "/contacts",
        danger=False,
        why=why,
    )


@door.post("/contacts/export")
def export() -> ResponseReturnValue:
    """Every contact as CSV; 422 without a reason."""
    _require_export()
    why = request.form.get("why", "").strip()
    if not why:
        abort(422, gettext("Say what you need the contacts for; it is kept in the audit."))
    with runtime().db.write() as session:
        detail = {"why": why[:200], "rows": contacts.count(session)}
        note(session, runtime().clock.now(), person().actor, "people.export", "all contacts", detail)
    headers = {"Content-Disposition": "attachment; filename=contacts.csv"}
    return Response(stream_with_context(_lines()), 200, headers, mimetype="text/csv")


def _kinds() -> Kinds | None:
    """How many contacts there are of each kind; None while a large installation counts them."""
    clock = runtime().clock
    return figures_or_none("contacts", lambda session: contacts.kinds(session, clock.now()), patience=SHORT)


def _places(kinds: Kinds | None, asked: str) -> list[tuple[str, list[Choice]]]:
    """By country, most first: its own choice, and one for each region that its contacts name."""
    found = {code: [(code, "", number)] for (code,), number in (kinds.by(0) if kinds else [])}
    for (code, region), number in (kinds.by(0, 1) if kinds else [])[:MOST_CHOICES]:
        found[code].append((f"{code}-{region}", region, number))
    country, _, region = asked.partition("-")
    if asked and asked not in {value for some in found.values() for value, _, _ in some}:
        found.setdefault(country, []).append((asked, region, 0))
    return list(found.items())


def _languages(kinds: Kinds | None, asked: str) -> list[tuple[str, int]]:
    found = [(code, number) for (code,), number in (kinds.by(2) if kinds else [])][:MOST_CHOICES]
    return found if not asked or asked in dict(found) else [*found, (asked, 0)]


def _lines() -> Iterator[str]:
    with runtime().db.read() as session:
        yield from contacts.as_csv(session, runtime().keys)


def _require_export() -> None:
    require("export", ALL_PROGRAMS)
    require_fresh("/contacts/export")


def _list(**values: Any) -> str:
    filled = {"rows": [], "listing": None, "total": 0, "error": "", "kinds": None, **values}
    may_import, may_export = may_anywhere(person(), "write"), person().may("export", ALL_PROGRAMS)
    regions = sorted(SUPPORTED_REGIONS)
    return render_template("contacts.html", may_import=may_import, may_export=may_export, regions=regions, **filled)


def _profile(number_id: int) -> Profile:
    with runtime().db.read() as session:
        found = profile(session, runtime().keys, number_id)
    if found is None:
        abort(404)
    return found


def _with_contact(number_id: int) -> Profile:
    if not may_anywhere(person(), "write"):
        abort(403, gettext("You may look at people but not change them; ask the owner for the role."))
    found = _profile(number_id)
    if found.contact is None:
        abort(404)
    return found


def _edit_page(found: Profile, error: str) -> str:
    typed = request.form if request.method == "POST" else None
    return render_template(
        "contact_edit.html", found=found, error=error, typed=typed, regions=sorted(SUPPORTED_REGIONS)
    )


def _typed() -> ContactIn:
    names, texts = request.form.getlist("name"), request.form.getlist("text")
    attributes = {name.strip(): text for name, text in zip(names, texts, strict=False) if name.strip()}
    plain = {name: request.form.get(name, "").strip()[:100] for name in FIELDS}
    return ContactIn(**plain, attributes=attributes)


def _region() -> str | None:
    chosen = request.form.get("region_of_number", "")
    return chosen if chosen in SUPPORTED_REGIONS else None


def _other() -> int:
    """The contact behind the number of a duplicate."""
    try:
        e164 = parse(request.form.get("other", ""), _region()).e164
    except PhoneError as error:
        raise UpkeepError(error.sentence) from error
    with runtime().db.read() as session:
        number_id = find(session, runtime().keys, e164)
        found = profile(session, runtime().keys, number_id) if number_id else None
    if found is None or found.contact is None:
        raise UpkeepError(gettext("No contact has that number."))
    return found.contact.id or 0


def _asked(known: list[Program]) -> dict[str, str]:
    slugs = [program.slug for program in known]
    slug = request.args.get("program", "")
    purpose = request.args.get("purpose", Purpose.MARKETING.value)
    fits = purpose in {one.value for one in Purpose}
    chosen = slug if slug in slugs else next(iter(slugs), "")
    return {"program": chosen, "purpose": purpose if fits else Purpose.MARKETING.value}


def _may_i(session: Any, found: Profile, asked: dict[str, str], known: list[Program]) -> Checked | None:
    """What the gate would say now; None where there is nothing to ask about."""
    program_id = next((program.id for program in known if program.slug == asked["program"]), None)
    if not found.e164 or program_id is None:
        return None
    return check_number(runtime(), session, found.number_id, program_id, Purpose(asked["purpose"]))
