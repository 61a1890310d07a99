"""A person's own page behind a signed link: no account, no cookie, no script; looking changes nothing."""

from flask import Response, abort, json, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sender.audience import preferences
from sender.audience.links import read_own_page_token
from sender.audience.opt_outs import stop_on_page
from sender.audience.preferences import EARLIEST, LATEST, PAUSES, Page, WishError
from web.auth import Door, anyone
from web.context import runtime
from web.language import gettext, later

DONE = {
    "stop": later("Done. You get no more of these texts, and only you can change that."),
    "pause": later("Done. Texts pause from now on; what falls into the pause is not sent later."),
    "resume": later("Done. The pause is over."),
    "choose": later("Saved. It holds from now on."),
    "erase": later("Done. Everything personal of you is being erased, and no text comes again."),
    "erase_waits": later(
        "A person will look at it: a law asks us to keep something for now. No text is affected by this."
    ),
}
GONE = later(
    "This link is not complete or too old. Text HELP to the number our texts come from, and ask for a new one."
)

# No CSRF token: whoever has the signed address has the right already, and nothing here must fail without cookies.
door = Door("preferences", __name__, rule=anyone, csrf=False)


@door.get("/p/<token>")
def show(token: str) -> ResponseReturnValue:
    """What one gets and chose; 404 for a link that is not ours or too old."""
    number_id = _read(token)
    return _page(number_id, request.args.get("done", ""))


@door.post("/p/<token>")
def act(token: str) -> ResponseReturnValue:
    """Do what a button says: 303 back to the page, 422 with why not; the data comes as a file."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, gettext("This form was sent by another site."))
    number_id = _read(token)
    _found(number_id)
    try:
        match request.form.get("act"):
            case "data":
                return _data(number_id)
            case "erase":
                done = preferences.ask_to_erase(runtime(), number_id, _typed())
                if done:
                    return render_template("preferences_gone.html", sentence=DONE["erase"])
                return redirect(f"/p/{token}?done=erase_waits", 303)
            case wanted:
                done_as = _do(wanted or "", number_id, token)
    except WishError as error:
        return _page(number_id, "", str(error)), 422
    return redirect(f"/p/{token}?done={done_as}", 303)


def _do(wanted: str, number_id: int, token: str) -> str:
    """What makes fewer or more texts come; returns the word for it."""
    value = request.form.get("value", "")
    if wanted == "stop" and value.isdecimal():
        stop_on_page(runtime(), number_id, int(value), "/p/", token)
    elif wanted == "stop" and value == "all":
        stop_on_page(runtime(), number_id, None, "/p/", token)
    elif wanted == "pause" and value.isdecimal():
        preferences.pause(runtime(), number_id, int(value))
        return "pause" if int(value) else "resume"
    elif wanted == "choose":
        preferences.choose(runtime(), number_id, _hours(), _left_out())
    else:
        raise WishError(gettext("Nothing was chosen, and nothing was changed."))
    return wanted


def _hours() -> tuple[int, int] | None:
    first, last = request.form.get("first", ""), request.form.get("last", "")
    if not first.isdecimal() or not last.isdecimal():
        return None
    return (int(first), int(last)) if (int(first), int(last)) != (EARLIEST, LATEST) else None


def _left_out() -> set[str]:
    """The subjects that were offered and not ticked."""
    return set(request.form.getlist("offered")) - set(request.form.getlist("wanted"))


def _data(number_id: int) -> Response:
    found = preferences.own_data(runtime(), number_id, _typed())
    headers = {"Content-Disposition": "attachment; filename=my-data.json"}
    return Response(json.dumps(found, indent=2, default=str), 200, headers, mimetype="application/json")


def _typed() -> str:
    return request.form.get("number", "")[:64]


def _read(token: str) -> int:
    number_id = read_own_page_token(runtime().keys, token, runtime().clock.now())
    if not number_id:
        abort(404, GONE)
    return number_id


def _found(number_id: int) -> Page:
    with runtime().db.read() as session:
        found = preferences.page(session, runtime().keys, number_id, runtime().clock.now())
    if found is None:
        abort(404, gettext("Nothing personal of you is kept here any more."))
    return found


def _page(number_id: int, done: str, error: str = "") -> str:
    return render_template(
        "preferences.html",
        found=_found(number_id),
        done=DONE.get(done, ""),
        error=error,
        pauses=PAUSES,
        hours=range(EARLIEST, LATEST + 1),
    )
