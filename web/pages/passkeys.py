"""Passkeys: make one, end one, sign in with one, and prove with one that it is still you."""

from flask import Response, abort, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from sender.accounts import AccountError, passkeys
from sender.accounts.passkeys import Challenge, Site
from web.auth import Door, anyone, browser_name, peer, person, refused, require_fresh, signed_in, start_session
from web.context import runtime
from web.pages.frame_doors import local_path

door = Door("passkeys", __name__, rule=signed_in)
entrance = Door("passkey_entrance", __name__, rule=anyone)


def site() -> Site:
    """The site that devices bind passkeys to; the Host header plays no part in it."""
    return Site.of(runtime().settings.address)


@entrance.post("/login/passkey/options")
def ask_for_one() -> Response:
    """A challenge for whoever has a passkey of this site; it counts once, within five minutes."""
    return _json(passkeys.to_prove(_open_site(), _challenge()))


@entrance.post("/login/passkey")
def sign_in() -> ResponseReturnValue:
    """Sign in: 303 to the first page, 401 or 429 with what is wrong."""
    try:
        now, challenge = runtime().clock.real(), _answered()
        token = passkeys.sign_in(
            runtime().db, runtime().keys, _open_site(), challenge, _answer(), peer(), now, browser_name()
        )
    except AccountError as error:
        return render_template("login.html", sentence=str(error), email="", passkeys=True), refused("passkey", error)
    start_session(token)
    return redirect("/", 303)


@door.post("/account/passkeys/options")
def ask_to_make() -> Response:
    """What a device needs to make a passkey for this person."""
    require_fresh("/account")
    with runtime().db.read() as database:
        return _json(passkeys.to_make(database, _open_site(), person(), _challenge()))


@door.post("/account/passkeys")
def make() -> ResponseReturnValue:
    """Keep it: 303 back, 400 with what is wrong."""
    require_fresh("/account")
    name, challenge = request.form.get("name", ""), _answered()
    try:
        with runtime().db.write() as database:
            passkeys.keep(database, _open_site(), person(), challenge, _answer(), name, runtime().clock.real())
    except AccountError as error:
        abort(400, str(error))
    return redirect("/account", 303)


@door.post("/account/passkeys/<int:passkey_id>/end")
def end(passkey_id: int) -> ResponseReturnValue:
    """Accept this one no more."""
    require_fresh("/account")
    with runtime().db.write() as database:
        passkeys.forget(database, person(), passkey_id, runtime().clock.real())
    return redirect("/account", 303)


@door.post("/again/passkey")
def again() -> ResponseReturnValue:
    """Ten more minutes for acts that need it: 303 back, 401 with what is wrong."""
    back, challenge = local_path(request.form.get("back", "/")), _answered()
    try:
        with runtime().db.write() as database:
            real, keys = runtime().clock.real(), runtime().keys
            token = passkeys.confirm(database, keys, _open_site(), person(), challenge, _answer(), real)
    except AccountError as error:
        page = render_template("again.html", sentence=str(error), back=back, passkeys=True)
        return page, refused("passkey, again", error, person().email)
    session["token"] = token
    return redirect(back, 303)


def _open_site() -> Site:
    found = site()
    if not found.takes_passkeys:
        abort(404)
    return found


def _challenge() -> Challenge:
    made = Challenge.new(runtime().clock.real())
    session["passkey"] = made.write()
    return made


def _answered() -> Challenge:
    return Challenge.read(session.pop("passkey", ""))


def _answer() -> str:
    return request.form.get("credential", "")


def _json(text: str) -> Response:
    return Response(text, mimetype="application/json")
