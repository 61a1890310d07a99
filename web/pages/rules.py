"""The rules browser: what may be sent where and when, under which law, and what that meant on another day.

Owners loosen here what is no law on texts, one program at a time, and keep it again. Whoever steers all programs
closes a place in an emergency, and an owner opens it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from guards.rules import showing
from guards.zones import country_zones
from sender.accounts import Person
from sender.audience import emergencies, loosening
from sender.audience.emergencies import EmergencyError
from sender.audience.loosening import LooseningError
from sender.campaigns import programs
from sender.models import Program
from sender.models.accounts import ALL_PROGRAMS
from sender.runtime import Runtime
from web.auth import Door, person, require_fresh, signed_in
from web.context import runtime
from web.language import DEFAULT, country, gettext, language, later, ngettext
from web.pages import confirm
from web.pages.listing import read_listing

BASES = {
    "law-text": later("Law for texts"),
    "law-call": later("Law for calls, kept for texts"),
    "carrier": later("Enforced by carriers"),
    "courtesy": later("Courtesy"),
    "inherit": later("The law above it"),
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

CHANGES: dict[str, Callable[[Runtime, str, str, str, Person | None], None]] = {
    "loosen": loosening.loosen,
    "keep": loosening.keep,
}
SWITCHES: dict[str, tuple[str, Callable[[Runtime, str, str, str], str]]] = {
    "close": ("steer", emergencies.declare),
    "open": ("own", emergencies.end),
}
WHY = later("Why, with the source; it stays in the audit")

door = Door("rules", __name__, rule=signed_in)


@door.errorhandler(LooseningError)
@door.errorhandler(EmergencyError)
def refuse(error: Exception) -> tuple[str, int]:
    """What cannot be changed like this, in one sentence."""
    return render_template("error.html", title=gettext("Nothing was changed"), sentence=str(error)), 409


@door.get("/rules")
def listing() -> ResponseReturnValue:
    """Every place with rules of its own, by name or code, on the day the address names."""
    view = read_listing(("code", "name", "basis"), ("place", "basis", "on"), SIZE)
    day = _day(view.filters["on"])
    wanted = view.filters["place"].casefold()
    lines = [
        line
        for line in _in_words(showing.listed(day))
        if wanted in f"{line['code']} {line['name']}".casefold() and view.filters["basis"] in ("", line["basis"])
    ]
    lines.sort(key=lambda line: str(line[view.sort]), reverse=view.descending)
    rows = lines[view.offset : view.offset + view.limit]
    with runtime().db.read() as session:
        closed = emergencies.declared(session, runtime().clock.now())
    values = {"total": len(lines), "closed": closed, "loosened": _loosened(_programs())}
    return render_template("rules.html", listing=view, rows=rows, day=day, bases=BASES, **values)


def _in_words(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same with countries by their names in the reader's language; states keep the rules' own English names."""
    if language() == DEFAULT:
        return [dict(line) for line in lines]
    named = [(line, country(line["code"])) for line in lines]
    return [{**line, "name": line["name"] if name == line["code"] else name} for line, name in named]


@door.get("/rules/<code>")
def show(code: str) -> ResponseReturnValue:
    """One place: every version of its rules with law, source and confidence, and who does not keep them."""
    whole = _place(code)
    today = runtime().clock.now().date()
    with runtime().db.read() as session:
        closed = [one for one in emergencies.declared(session, runtime().clock.now()) if one.place == code]
    values = {"closed": closed, "can_close": bool(country_zones(code)), "mine": _programs(), "may": _may}
    can_loosen = any(_in_force(one, today) and one["loosened_by"] != "nobody" for one in whole["versions"])
    return render_template(
        "rule.html", place=whole, bases=BASES, details=DETAILS, in_force=_in_force, today=today, can_loosen=can_loosen,
        **values,
    )  # fmt: skip


@door.get("/rules/<code>/<any(loosen, keep):change>")
def ask_change(code: str, change: str) -> ResponseReturnValue:
    """What loosening a rule for a program, or keeping it again, means in numbers."""
    place, program = _place(code), _owned(request.args.get("program", ""))
    with runtime().db.read() as session:
        stopped = loosening.affected(session, program.id or 0)
    loosens = change == "loosen"
    consequences = [
        gettext("%(brand)s will no longer keep the rules of %(place)s.", brand=program.brand, place=place["name"])
        if loosens
        else gettext("%(brand)s will keep again the rules of %(place)s.", brand=program.brand, place=place["name"]),
        gettext("The rules of other places, and whatever is law on texts, hold as before.")
        if loosens
        else gettext("It holds at once."),
        ngettext(
            "%(num)s approved or running campaign of %(brand)s waits until it is approved again.",
            "%(num)s approved or running campaigns of %(brand)s wait until they are approved again.",
            stopped,
            brand=program.brand,
        ),
    ]
    return confirm.ask(
        gettext("Loosen %(place)s for %(brand)s?", place=place["name"], brand=program.brand)
        if loosens
        else gettext("Keep %(place)s for %(brand)s?", place=place["name"], brand=program.brand),
        consequences,
        gettext("Loosen it") if loosens else gettext("Keep it again"),
        f"/rules/{code}/{change}",
        f"/rules/{code}",
        danger=loosens,
        fields={"program": program.slug},
        why=WHY,
    )


@door.post("/rules/<code>/<any(loosen, keep):change>")
def make_change(code: str, change: str) -> ResponseReturnValue:
    """Loosen it or keep it again: 303 back to the place, 409 with what is in the way."""
    _place(code)
    program = _owned(request.form.get("program", ""))
    require_fresh(f"/rules/{code}")
    CHANGES[change](runtime(), program.slug, code, request.form.get("why", ""), person())
    return redirect(f"/rules/{code}", 303)


@door.get("/rules/<code>/<any(close, open):switch>")
def ask_switch(code: str, switch: str) -> ResponseReturnValue:
    """What closing a place, or opening it again, means."""
    place = _switchable(code, switch)
    closes = switch == "close"
    where = place["name"]
    if closes:
        title = gettext("Close %(place)s?", place=where)
        consequences = [
            gettext(
                "Marketing and informational texts to everybody who may be in %(place)s are blocked at once, "
                "for every program.",
                place=where,
            ),
            gettext("Campaigns that run meanwhile end those texts; they do not wait."),
        ]
    else:
        title = gettext("Open %(place)s?", place=where)
        consequences = [
            gettext(
                "Marketing and informational texts to everybody who may be in %(place)s go again, "
                "under the rules of every day.",
                place=where,
            ),
            gettext("What was blocked meanwhile stays blocked."),
        ]
    address = f"/rules/{code}"
    return confirm.ask(
        title,
        consequences,
        gettext("Close it") if closes else gettext("Open it"),
        f"{address}/{switch}",
        address,
        why=WHY,
    )


@door.post("/rules/<code>/<any(close, open):switch>")
def make_switch(code: str, switch: str) -> ResponseReturnValue:
    """Close a place or open it: 303 back to it, 409 with what is in the way."""
    _switchable(code, switch)
    if switch == "open":
        require_fresh(f"/rules/{code}")
    SWITCHES[switch][1](runtime(), code, request.form.get("why", ""), person().actor)
    return redirect(f"/rules/{code}", 303)


def _place(code: str) -> dict[str, Any]:
    try:
        whole = showing.whole(code)
    except KeyError:
        abort(404)
    return whole


def _in_force(version: Mapping[str, Any], day: date) -> bool:
    begins, ends = version["from"] or "", version["until"] or "9999"
    return bool(begins <= day.isoformat() < ends)


def _programs() -> list[Program]:
    """The programs this person may look at."""
    with runtime().db.read() as session:
        return list(programs.listing(session, person().programs))


def _loosened(some: Sequence[Program]) -> list[tuple[str, Program, str]]:
    return sorted(
        ((rule, one, why) for one in some for rule, why in one.loosened.items()),
        key=lambda line: (line[0], line[1].slug),
    )


def _owned(slug: str) -> Program:
    found = next((one for one in _programs() if one.slug == slug), None)
    if found is None:
        abort(404)
    if not person().may("own", found.id or 0):
        abort(403, gettext("Only an owner may change which rules a program keeps; ask one."))
    return found


def _switchable(code: str, switch: str) -> dict[str, Any]:
    place = _place(code)
    if not _may(SWITCHES[switch][0]):
        abort(
            403,
            gettext("You may not close or open places; ask somebody who steers all programs, or an owner to open one."),
        )
    return place


def _may(right: str, program_id: int = ALL_PROGRAMS) -> bool:
    return person().may(right, program_id)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return runtime().clock.now().date()
