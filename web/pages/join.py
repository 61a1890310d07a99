"""The public sign-up form of a program: framed by the sites it names alone, and the same answer to everybody."""

import secrets
from datetime import date
from typing import Any

from flask import abort, g, render_template, request
from flask.typing import ResponseReturnValue

from sender.audience import opt_in_forms
from sender.audience.opt_in_forms import Published
from sender.delivery.signing_up import SignUp, SignUpError, sign_up
from web.auth import Door, anyone, peer
from web.context import runtime
from web.language import gettext, later

LASTS = 4 * 60 * 60
"""A page is good for so many seconds."""
HONEYPOT = "website"
STALE = later("This page was open for long. Please send it once more.")

# No cookie and no CSRF token: in a frame of another site there is no cookie. A signed mark says which version was seen.
door = Door("join", __name__, rule=anyone, csrf=False)


@door.get("/join/<slug>")
def show(slug: str) -> ResponseReturnValue:
    """The form as it was published; 404 where nothing is."""
    return _page(_published(slug))


@door.post("/join/<slug>")
def sign(slug: str) -> ResponseReturnValue:
    """Take a sign-up: 200 with the same thanks whoever it is; 4xx and 503 with the form and what to mend."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, gettext("This form was sent by another site."))
    form = _published(slug)
    if request.form.get(HONEYPOT):
        return _done(form)
    version, reference = _read_mark(request.form.get("mark", ""), slug)
    try:
        if not reference:
            raise SignUpError(STALE, status=409)
        sign_up(runtime(), slug, _wanted(version, f"{slug}:{reference}"))
    except SignUpError as error:
        return _page(form, {error.field or "number": str(error)}), error.status
    return _done(form)


def _published(slug: str) -> Published:
    with runtime().db.read() as session:
        form = opt_in_forms.published(session, slug)
        if form is None:
            abort(404, gettext("This form is closed. Ask the people who showed it to you for the new one."))
        session.expunge_all()
    g.framed_by = form.form.sites
    return form


def _page(form: Published, errors: dict[str, str] | None = None) -> str:
    typed = {name: request.form.get(name, "")[:64] for name in ("number", "region", "born")}
    mark = _mark(form.form.slug, form.version.version)
    return render_template("join.html", **_said(form), errors=errors or {}, typed=typed, mark=mark)


def _done(form: Published) -> str:
    return render_template("join_done.html", **_said(form), hours=form.program.confirm_hours)


def _said(form: Published) -> dict[str, Any]:
    return {"said": form.version.page, "wording": form.version.wording}


def _wanted(version: int, reference: str) -> SignUp:
    typed = request.form
    return SignUp(
        version,
        typed.get("number", "")[:64],
        typed.get("region", ""),
        typed.get("agree") == "yes",
        reference,
        _date(typed.get("born", "")),
        peer(),
        request.headers.get("User-Agent", "")[:300],
        {"page": request.base_url},
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _mark(slug: str, version: int) -> str:
    value = f"{version}.{int(runtime().clock.real().timestamp())}.{secrets.token_urlsafe(9)}"
    return f"{value}.{runtime().keys.sign('join page', f'{slug} {value}')}"


def _read_mark(mark: str, slug: str) -> tuple[int, str]:
    """The version that was shown and the name of this showing; the name is empty where it is not ours or too old."""
    value, _, signature = mark.rpartition(".")
    if not mark.isascii() or not runtime().keys.verifies("join page", f"{slug} {value}", signature):
        return 0, ""
    version, at, name = value.split(".")
    return (int(version), name) if runtime().clock.real().timestamp() - int(at) < LASTS else (0, "")
