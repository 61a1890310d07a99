"""The switches of the frame: the theme, and the brake of the whole installation."""

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue

from sender import halt
from sender.campaigns import reports
from sender.models.accounts import ALL_PROGRAMS
from web import choices
from web.auth import Door, person, require_fresh, signed_in
from web.context import runtime
from web.frame import THEMES
from web.language import COOKIE, LANGUAGES, gettext, ngettext
from web.pages import confirm

LONGEST_REASON = 200

door = Door("frame", __name__, rule=signed_in)


@door.post("/theme")
def choose_theme() -> ResponseReturnValue:
    """Keep light, dark or auto in a cookie: 303 back to the page."""
    chosen = request.form.get("theme", "")
    if chosen not in THEMES:
        abort(400, gettext("Choose light, dark or auto."))
    answer = redirect(local_path(request.form.get("back", "")), 303)
    choices.keep(answer, "theme", chosen)
    return answer


@door.post("/language")
def choose_language() -> ResponseReturnValue:
    """Keep a language in a cookie, or what the browser asks for: 303 back to the page."""
    chosen = request.form.get("language", "")
    answer = redirect(local_path(request.form.get("back", "")), 303)
    choices.keep(answer, COOKIE, chosen if chosen in LANGUAGES else "")
    return answer


@door.get("/halt")
def ask_halt() -> ResponseReturnValue:
    """What halting would stop, in numbers."""
    _require("steer")
    with runtime().db.read() as session:
        running, waiting = reports.under_way(session)
    consequences = [
        gettext(
            "No text leaves this installation until somebody releases it: "
            "campaigns, answers, and texts sent by programs."
        ),
        ngettext("%(num)s running campaign stops.", "%(num)s running campaigns stop.", running)
        + " "
        + ngettext("%(num)s message waits and is not lost.", "%(num)s messages wait, and none is lost.", waiting),
        gettext("Texts that are with the provider already cannot be called back. STOPs are still taken."),
    ]
    return confirm.ask(
        gettext("Halt all sending?"),
        consequences,
        gettext("Halt now"),
        "/halt",
        "/",
        why=gettext("Why (everybody will read it)"),
    )


@door.post("/halt")
def do_halt() -> ResponseReturnValue:
    """Halt: no gate is open once this answers."""
    _require("steer")
    why = request.form.get("why", "").strip()[:LONGEST_REASON]
    halt.halt(runtime(), why or f"halted by {person().actor}", person().actor)
    return redirect("/", 303)


@door.get("/release")
def ask_release() -> ResponseReturnValue:
    """What releasing would set going, in numbers."""
    _require("own")
    with runtime().db.read() as session:
        running, waiting = reports.under_way(session)
    consequences = [
        ngettext("%(num)s running campaign goes on.", "%(num)s running campaigns go on.", running)
        + " "
        + ngettext(
            "%(num)s message may leave as soon as the rules allow it.",
            "%(num)s messages may leave as soon as the rules allow each of them.",
            waiting,
        ),
        gettext(
            "Find out first why sending was halted: after a restored backup, texts that had left may not be in it."
        ),
    ]
    return confirm.ask(
        gettext("Let texts leave again?"), consequences, gettext("Release"), "/release", "/", danger=False
    )


@door.post("/release")
def do_release() -> ResponseReturnValue:
    """Let gates open again."""
    _require("own")
    require_fresh("/release")
    try:
        halt.release(runtime(), person().actor)
    except halt.HeldError as error:
        abort(409, str(error))
    return redirect("/", 303)


def local_path(text: str) -> str:
    """A path of our own to go back to; the first page where it is anything else."""
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if plain else "/"


def _require(role: str) -> None:
    if not person().may(role, ALL_PROGRAMS):
        abort(403, gettext("You may not do this; ask the owner of this installation."))
