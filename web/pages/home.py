"""The first page: what goes out now and next."""

from flask import render_template
from flask.typing import ResponseReturnValue

from sender.campaigns import reports
from web.auth import Door, person, signed_in
from web.context import runtime

door = Door("home", __name__, rule=signed_in)


@door.get("/")
def show() -> ResponseReturnValue:
    """What runs, waits and stands still."""
    with runtime().db.read() as session:
        lines = reports.listing(session, person().programs)
    return render_template("home.html", lines=lines)
