"""Sign in, sign out, and the one-use page at which a new person chooses a password."""

from flask import abort, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from sender import accounts
from sender.accounts import AccountError, CodeNeededError, PasskeyNeededError
from web.auth import Door, anyone, browser_name, peer, person, refused, signed_in, start_session
from web.context import runtime
from web.headers import LEFT
from web.language import gettext
from web.pages.passkeys import site

door = Door("sign_in", __name__, rule=anyone)
leaving = Door("leaving", __name__, rule=signed_in)


@door.get("/login")
def show_login() -> ResponseReturnValue:
    """The sign-in form."""
    return render_template("login.html", sentence="", email="", passkeys=site().takes_passkeys)


@door.post("/login")
def login() -> ResponseReturnValue:
    """Sign in: 303 to the campaigns, 401 when e-mail or password is wrong, 429 when guessed too often."""
    email, password = _credentials()
    now = runtime().clock.real()
    try:
        token = accounts.sign_in(
            runtime().db,
            runtime().keys,
            email,
            password,
            peer(),
            now,
            browser_name(),
            two_factors=runtime().settings.two_factors,
        )
    except CodeNeededError as needed:
        session["half"] = needed.half
        return redirect("/login/code", 303)
    except AccountError as error:
        status = refused("password", error, email)
        return render_template("login.html", sentence=str(error), email=email, passkeys=site().takes_passkeys), status
    start_session(token)
    return redirect("/", 303)


@door.get("/login/code")
def show_code() -> ResponseReturnValue:
    """The form for the second factor of somebody who knew the password."""
    return render_template("login_code.html", sentence="") if "half" in session else redirect("/login", 303)


@door.post("/login/code")
def login_code() -> ResponseReturnValue:
    """Sign in with a code of the app or a recovery code: 303 to the first page, 401 or 429 with what is wrong."""
    half, code, now = session.get("half", ""), request.form.get("code", ""), runtime().clock.real()
    try:
        token = accounts.finish_sign_in(runtime().db, runtime().keys, half, code, peer(), now, browser_name())
    except AccountError as error:
        return render_template("login_code.html", sentence=str(error)), refused("code", error)
    start_session(token)
    return redirect("/", 303)


@door.get("/welcome/<token>")
def show_welcome(token: str) -> ResponseReturnValue:
    """The form of a one-use link; looking at it does not use it up."""
    known = _require_open(token)
    return render_template("welcome.html", sentence="", email="", known=known)


@door.post("/welcome/<token>")
def welcome(token: str) -> ResponseReturnValue:
    """Make the user, use the link up and sign in: 303 to the campaigns, 400 with what is wrong."""
    known = _require_open(token)
    email, password = _credentials()
    try:
        now, demanded = runtime().clock.real(), runtime().settings.two_factors
        fresh = accounts.accept(
            runtime().db, runtime().keys, token, known or email, password, now, two_factors=demanded
        )
    except CodeNeededError as needed:
        session["half"] = needed.half
        return redirect("/login/code", 303)
    except PasskeyNeededError as needed:
        return render_template("login.html", sentence=str(needed), email=known, passkeys=site().takes_passkeys)
    except AccountError as error:
        return render_template("welcome.html", sentence=str(error), email=email, known=known), 400
    start_session(fresh)
    return redirect("/", 303)


@leaving.post("/logout")
def logout() -> ResponseReturnValue:
    """End this session, or all of this person's sessions when the form says ``everywhere``."""
    now = runtime().clock.real()
    with runtime().db.write() as database:
        if "everywhere" in request.form:
            accounts.sign_out_everywhere(database, person().user_id, now)
        else:
            accounts.sign_out(database, person().session_id, now)
    session.clear()
    answer = redirect("/login", 303)
    answer.headers["Clear-Site-Data"] = LEFT
    return answer


def _credentials() -> tuple[str, str]:
    return request.form.get("email", ""), request.form.get("password", "")


def _require_open(token: str) -> str:
    """The e-mail address of the user whom the link gives a new password; "" where it makes a user."""
    with runtime().db.read() as database:
        link = accounts.find_link(database, runtime().keys, token, runtime().clock.real())
        if link is None:
            abort(404, gettext("This link has been used or is too old. Ask for a new one."))
        return accounts.email_of(database, link.user_id) if link.user_id else ""
