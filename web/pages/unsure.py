"""Replies that may be a wish to stop: read one, decide, next. Everything works from the keyboard."""

from flask import abort, redirect, render_template
from flask.typing import ResponseReturnValue

from sender.delivery import reviews
from sender.delivery.reviews import ReviewError, Waiting
from sender.models.accounts import ALL_PROGRAMS
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.language import gettext
from web.pages.blocks import render_block

door = Door("unsure", __name__, rule=signed_in)


@door.errorhandler(ReviewError)
def refuse(error: ReviewError) -> tuple[str, int]:
    """Somebody, or the clock, was faster."""
    return render_template("error.html", title=gettext("Nothing was changed"), sentence=str(error)), 409


@door.get("/inbox/review")
def show() -> ResponseReturnValue:
    """What waits, what the clock decides first in front."""
    return render_template("unsure.html", waiting=_waiting())


@door.get("/inbox/review/live")
def live() -> ResponseReturnValue:
    """The same list, for htmx."""
    return render_block("unsure.html", "live", waiting=_waiting())


@door.post("/inbox/review/<int:reply_id>/<any(opt_out, harmless, later):decision>")
def decide(reply_id: int, decision: str) -> ResponseReturnValue:
    """Settle one reply: 303 back to the next."""
    with runtime().db.read() as session:
        found = reviews.program_of(session, reply_id)
    if found is None:
        abort(404)
    require("answer", found or ALL_PROGRAMS)
    reviews.decide(runtime(), reply_id, decision, person().actor)
    return redirect("/inbox/review", 303)


def _waiting() -> list[tuple[Waiting, bool]]:
    """Each reply with whether this person may decide it."""
    with runtime().db.read() as session:
        found = reviews.queue(runtime(), session, person().programs)
    return [(one, person().may("answer", one.program_id or ALL_PROGRAMS)) for one in found]
