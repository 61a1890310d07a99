"""The inbox: conversations, one of them with its answer, and the answers that are kept ready."""

import secrets
from dataclasses import replace
from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sender.campaigns import programs
from sender.delivery import inbox, prepared
from sender.delivery.inbox import InboxError, Thread
from sender.delivery.prepared import PreparedError
from sender.models.accounts import ALL_PROGRAMS
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.pages.blocks import render_block
from web.pages.listing import Listing, read_listing

door = Door("inbox", __name__, rule=signed_in)


@door.get("/inbox")
def listing() -> ResponseReturnValue:
    """Conversations, the latest first."""
    return render_template("inbox.html", **_talks())


@door.get("/inbox/live")
def live() -> ResponseReturnValue:
    """The same list, for htmx."""
    return render_block("inbox.html", "live", **_talks())


@door.get("/inbox/<int:number_id>")
def show(number_id: int) -> ResponseReturnValue:
    """One conversation."""
    return render_template("conversation.html", **_thread(number_id), text="", errors={})


@door.get("/inbox/<int:number_id>/live")
def live_thread(number_id: int) -> ResponseReturnValue:
    """What was said, for htmx."""
    return render_block("conversation.html", "live", **_thread(number_id))


@door.post("/inbox/<int:number_id>/answer")
def answer(number_id: int) -> ResponseReturnValue:
    """Answer: 303 to the conversation, 422 with what was typed and why it may not go."""
    _require(number_id)
    text = request.form.get("text", "")
    try:
        inbox.answer(runtime(), number_id, text, request.form.get("press", ""), person().actor)
    except InboxError as error:
        values = _thread(number_id)
        return render_template("conversation.html", **values, text=text, errors={"text": str(error)}), 422
    return redirect(f"/inbox/{number_id}", 303)


@door.post("/inbox/<int:number_id>/read")
def mark_read(number_id: int) -> ResponseReturnValue:
    """Nothing of it is new any more."""
    _require(number_id)
    inbox.mark_read(runtime(), number_id)
    return redirect("/inbox", 303)


@door.post("/inbox/<int:number_id>/assign")
def assign(number_id: int) -> ResponseReturnValue:
    """Take it, or give it back to nobody."""
    _require(number_id)
    to = person().actor if request.form.get("to") == "me" else ""
    inbox.assign(runtime(), number_id, to, person().actor)
    return redirect(f"/inbox/{number_id}", 303)


@door.get("/inbox/answers")
def answers() -> ResponseReturnValue:
    """The prepared answers of the programs this person may look at."""
    return render_template("answers.html", **_answers(), typed={}, errors={})


@door.post("/inbox/answers")
def keep() -> ResponseReturnValue:
    """Keep one: 303 to the list, 422 with what to mend."""
    program_id = request.form.get("program", 0, type=int)
    require("write", program_id)
    typed = {name: request.form.get(name, "") for name in ("kind", "keyword", "text")}
    try:
        prepared.keep(runtime(), program_id, typed["kind"], typed["keyword"], typed["text"], person().actor)
    except PreparedError as error:
        return render_template("answers.html", **_answers(), typed=typed, errors={"keyword": str(error)}), 422
    return redirect("/inbox/answers", 303)


@door.post("/inbox/answers/<int:answer_id>/retire")
def retire(answer_id: int) -> ResponseReturnValue:
    """Use one no more."""
    known = {one.id: one.program_id for _, some in _answers()["prepared"] for one in some}
    if answer_id not in known:
        abort(404)
    require("write", known[answer_id])
    prepared.retire(runtime(), answer_id, person().actor)
    return redirect("/inbox/answers", 303)


def _talks() -> dict[str, Any]:
    found: Listing = replace(read_listing(sorts=("-latest",), filters=("view",)), path="/inbox")
    view = found.filters["view"] if found.filters["view"] in inbox.VIEWS else "all"
    with runtime().db.read() as session:
        rows = inbox.talks(
            runtime(),
            session,
            person().programs,
            view,
            person().actor,
            limit=found.limit,
            offset=found.offset,
            latest_first=found.descending,
        )
        unread, waiting = inbox.unread(session, person().programs)
    return {"listing": found, "rows": rows, "view": view, "unread": unread, "waiting": waiting}


def _thread(number_id: int) -> dict[str, Any]:
    thread = _look(number_id)
    with runtime().db.read() as session:
        canned = prepared.listing(session, thread.program_id) if thread.program_id else []
    return {
        "thread": thread,
        "canned": [one for one in canned if one.kind == "canned"],
        "may_answer": person().may("answer", thread.program_id or ALL_PROGRAMS),
        "me": person().actor,
        "press": secrets.token_urlsafe(12),
    }


def _look(number_id: int) -> Thread:
    with runtime().db.read() as session:
        found = inbox.thread(runtime(), session, number_id)
    if found is None:
        abort(404)
    require("viewer", found.program_id or ALL_PROGRAMS)
    return found


def _require(number_id: int) -> None:
    require("answer", _look(number_id).program_id or ALL_PROGRAMS)


def _answers() -> dict[str, Any]:
    with runtime().db.read() as session:
        mine = programs.listing(session, person().programs)
        rows = [(program, prepared.listing(session, program.id or 0)) for program in mine]
    return {"prepared": rows, "programs": mine}
