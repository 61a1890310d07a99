"""A person's own account: the second factor, recovery codes, open sessions, and proving again who they are."""

from flask import redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from sender import audit
from sender.accounts import AccountError, TooManyTriesError, own_password, passkeys, proving, second_factor, users
from web import choices
from web.auth import Door, peer, person, refused, require_fresh, signed_in
from web.context import runtime
from web.language import COOKIE, gettext
from web.pages.frame_doors import local_path
from web.pages.passkeys import site

door = Door("account", __name__, rule=signed_in)


@door.get("/account")
def show() -> ResponseReturnValue:
    """The second factor and the sessions."""
    return _page()


@door.post("/account/second-factor")
def switch_on() -> ResponseReturnValue:
    """Without a code: a fresh secret to put into the app. With its code: on, and the recovery codes."""
    require_fresh("/account")
    code, secret = request.form.get("code", "").strip(), session.get("secret")
    if not code or not secret:
        session["secret"] = second_factor.new_secret()
        return _page()
    real = runtime().clock.real()
    with runtime().db.write() as database:
        codes = second_factor.switch_on(database, runtime().keys, person().user_id, secret, code, real)
        if codes:
            audit.note(database, real, person().actor, "user.second_factor", person().email, {"on": True})
    if codes is None:
        return _page(gettext("This code does not fit; is the clock of your phone right?")), 400
    session.pop("secret")
    return _page(codes=codes)


@door.post("/account/second-factor/off")
def switch_off() -> ResponseReturnValue:
    """Ask for the password alone again."""
    require_fresh("/account")
    real = runtime().clock.real()
    with runtime().db.write() as database:
        second_factor.switch_off(database, person().user_id)
        audit.note(database, real, person().actor, "user.second_factor", person().email, {"on": False})
    return redirect("/account", 303)


@door.post("/account/recovery-codes")
def new_codes() -> ResponseReturnValue:
    """Ten fresh codes; those of before end."""
    require_fresh("/account")
    with runtime().db.write() as database:
        codes = second_factor.new_recovery_codes(database, runtime().keys, person().user_id)
        audit.note(database, runtime().clock.real(), person().actor, "user.recovery_codes", person().email)
    return _page(codes=codes)


@door.post("/account/password")
def change_password() -> ResponseReturnValue:
    """A new password for whoever knows the old one: 303 back, 400 or 429 with what is wrong."""
    form, real = request.form, runtime().clock.real()
    try:
        old, new = form.get("old_password", ""), form.get("new_password", "")
        own_password.change(runtime().db, runtime().keys, person(), old, new, peer(), real)
    except AccountError as error:
        return _page(refused=str(error)), 429 if isinstance(error, TooManyTriesError) else 400
    return redirect("/account?changed", 303)


@door.post("/account/sessions/<int:session_id>/end")
def end_session(session_id: int) -> ResponseReturnValue:
    """End one of this person's own sessions at once."""
    with runtime().db.write() as database:
        users.revoke(database, runtime().clock.real(), person().actor, person().user_id, session_id)
    return redirect("/account", 303)


@door.get("/again")
def ask_again() -> ResponseReturnValue:
    """The form that asks once more who it is."""
    back = local_path(request.args.get("back", "/"))
    return render_template("again.html", sentence="", back=back, passkeys=site().takes_passkeys)


@door.post("/again")
def again() -> ResponseReturnValue:
    """Ten more minutes for acts that need it: 303 back, 401 or 429 with what is wrong."""
    back, form = local_path(request.form.get("back", "/")), request.form
    try:
        token = proving.by_password(
            runtime().db,
            runtime().keys,
            person(),
            form.get("password", ""),
            form.get("code", ""),
            peer(),
            runtime().clock.real(),
        )
    except AccountError as error:
        page = render_template("again.html", sentence=str(error), back=back, passkeys=site().takes_passkeys)
        return page, refused("password, again", error, person().email)
    session["token"] = token
    return redirect(back, 303)


def _page(sentence: str = "", codes: list[str] | None = None, refused: str = "") -> str:
    real, mine = runtime().clock.real(), person().user_id
    secret = session.get("secret", "")
    with runtime().db.read() as database:
        return render_template(
            "account.html",
            sentence=sentence,
            refused=refused,
            changed="changed" in request.args,
            demanded=runtime().settings.two_factors and not person().has_two_factors,
            codes=codes or [],
            secret=secret,
            otpauth=second_factor.address(secret, person().email) if secret else "",
            qr=second_factor.qr(secret, person().email) if secret else "",
            site=site(),
            passkeys=passkeys.listing(database, mine),
            left=second_factor.left(database, mine),
            sessions=users.sessions_of(database, mine, real),
            chosen_language=choices.chosen(COOKIE),
        )
