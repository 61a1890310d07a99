"""The rules browser: what may be sent where and when, under which law, and what that meant on another day."""

from datetime import date

from flask import abort, render_template
from flask.typing import ResponseReturnValue

from guards.rules import showing
from web.auth import Door, signed_in
from web.context import runtime
from web.pages.listing import read_listing

BASES = {
    "law-text": "Law for texts",
    "law-call": "Law for calls, kept for texts",
    "carrier": "Enforced by carriers",
    "courtesy": "Courtesy",
    "inherit": "The law above it",
}
SIZE = 60
# What a version says beside its hours, in the order of a reader's questions.
DETAILS = (
    "holidays",
    "sundays",
    "caps",
    "consent",
    "frequency_limit",
    "opt_out_deadline",
    "text_coverage_note",
    "notes",
)

door = Door("rules", __name__, rule=signed_in)


@door.get("/rules")
def listing() -> ResponseReturnValue:
    """Every place with rules of its own, by name or code, on the day the address names."""
    view = read_listing(("code", "name", "basis"), ("place", "basis", "on"), SIZE)
    day = _day(view.filters["on"])
    wanted = view.filters["place"].casefold()
    lines = [
        line
        for line in showing.listed(day)
        if wanted in f"{line['code']} {line['name']}".casefold() and view.filters["basis"] in ("", line["basis"])
    ]
    lines.sort(key=lambda line: str(line[view.sort]), reverse=view.descending)
    rows = lines[view.offset : view.offset + view.limit]
    return render_template("rules.html", listing=view, rows=rows, day=day, bases=BASES, total=len(lines))


@door.get("/rules/<code>")
def show(code: str) -> ResponseReturnValue:
    """One place: every version of its rules with law, source and confidence."""
    try:
        whole = showing.whole(code)
    except KeyError:
        abort(404)
    return render_template("rule.html", place=whole, bases=BASES, details=DETAILS, today=runtime().clock.now().date())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return runtime().clock.now().date()
