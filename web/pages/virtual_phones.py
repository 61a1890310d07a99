"""Virtual phones, while texts go to the simulator: see one arrive, answer STOP from the phone, watch it take effect.

Addresses hold the number's row, never the number, which would end up in logs.
"""

from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from sender import virtual_phones
from sender.audience.numbers import SealedNumber, seek
from sender.audience.phone import PhoneError, parse
from sender.models import Number
from sender.models.accounts import ALL_PROGRAMS
from sender.virtual_phones import SimulatorAway
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.language import gettext
from web.pages.blocks import render_block

MOST = 50
LONGEST = 1600
WORDS = ("STOP", "START", "HELP", "YES")

door = Door("virtual_phones", __name__, rule=signed_in)


@door.get("/phones")
def listing() -> ResponseReturnValue:
    """The phones with their newest texts."""
    _require_look()
    rows, away = [], ""
    try:
        found = virtual_phones.phones(runtime().settings, MOST)
        with runtime().db.read() as session:
            ids = _ids(session, [one.number for one in found])
        rows = [(ids[one.number], one) for one in found if one.number in ids]
    except SimulatorAway as error:
        away = str(error)
    return render_template("phones.html", rows=rows, away=away)


@door.get("/phones/<int:number_id>")
def show(number_id: int) -> ResponseReturnValue:
    """One phone: what it got and wrote, and a line to write from it."""
    _require_look()
    return _page(number_id, "")


@door.get("/phones/<int:number_id>/live")
def live(number_id: int) -> ResponseReturnValue:
    """The texts alone, for htmx."""
    _require_look()
    return render_block("phone.html", "live", **_looked(number_id))


@door.post("/phones/<int:number_id>")
def write(number_id: int) -> ResponseReturnValue:
    """Text our from_number from this phone: 303 back, 422 with why it cannot be."""
    _require_look()
    require("answer", ALL_PROGRAMS)
    words = (request.form.get("word", "") or request.form.get("words", "")).strip()
    looked = _looked(number_id)
    if not words or len(words) > LONGEST:
        return _page(number_id, gettext("Write 1 to %(most)s characters.", most=LONGEST)), 422
    if not looked["to"]:
        return _page(
            number_id, looked["away"] or gettext("Nobody has texted this phone yet, so it knows no number.")
        ), 422
    try:
        virtual_phones.write(runtime().settings, _number(number_id), looked["to"], words)
    except SimulatorAway as error:
        return _page(number_id, str(error)), 422
    return redirect(f"/phones/{number_id}", 303)


def _page(number_id: int, error: str) -> str:
    may = person().may("answer", ALL_PROGRAMS)
    return render_template("phone.html", error=error, words=WORDS, may_write=may, **_looked(number_id))


def _looked(number_id: int) -> dict[str, Any]:
    number = _number(number_id)
    values: dict[str, Any] = {"number": number, "number_id": number_id, "away": "", "texts": [], "blocked": []}
    try:
        values["texts"], values["blocked"] = virtual_phones.thread(runtime().settings, number)
    except SimulatorAway as error:
        values["away"] = str(error)
    values["to"] = next((one.other for one in reversed(values["texts"]) if one.other), "")
    return values


def _number(number_id: int) -> str:
    with runtime().db.read() as session:
        found = session.get(Number, number_id)
        if found is None or not found.data_key:
            abort(404)
        return SealedNumber(found.cipher, found.data_key).open(runtime().keys)


def _ids(session: Session, numbers: list[str]) -> dict[str, int]:
    phones = []
    for one in numbers:
        try:
            phones.append(parse(one, None))
        except PhoneError:
            continue
    return seek(session, runtime().keys, phones, runtime().clock.now()).known


def _require_look() -> None:
    if not runtime().settings.simulated:
        abort(404, gettext("There are no virtual phones here: texts go to Twilio."))
    require("look", ALL_PROGRAMS)
