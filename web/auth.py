"""Who may pass a door: each blueprint names its rule, and a route without one is refused."""

import ipaddress
import logging
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, current_app, g, make_response, redirect, request, session
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import validate_csrf  # type: ignore[import-untyped]
from structlog.contextvars import bind_contextvars
from wtforms import ValidationError

from sender.accounts import AccountError, Person, TooManyTriesError, person_of
from web.context import runtime
from web.language import gettext

log = logging.getLogger("tactful.web.sign_in")
IDLE_SECONDS = 30 * 60
SEEN_EVERY_SECONDS = 60
BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
# The doors of somebody who still has to get the second factor that everybody here needs.
UNPROVEN = frozenset({"account", "passkeys", "leaving"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Door(Blueprint):
    """A blueprint that cannot be made without saying who may pass.

    ``rule`` runs before every view and answers None to let pass. ``csrf`` is False only where no cookie is
    looked at, or the rule itself looks at the token (``take_large_form``).
    """

    def __init__(self, name: str, import_name: str, *, rule: Any, csrf: bool = True, **rest: Any) -> None:
        super().__init__(name, import_name, **rest)
        self.rule = rule
        self.csrf = csrf
        self.before_request(rule)


def anyone() -> None:
    """The rule of pages that are for everybody: sign-in, opt-out links, styles."""


def signed_in() -> ResponseReturnValue | None:
    """The rule of pages for people with a living session; others are sent to the sign-in page.

    Where two factors are demanded, who has none but a password is sent to their account, until they have.
    """
    g.person = _person()
    if g.person is None:
        session.clear()
        return _sent_to("/login")
    bind_contextvars(who=f"user {g.person.user_id}")
    lacks = runtime().settings.two_factors and not g.person.has_two_factors
    return _sent_to("/account") if lacks and request.blueprint not in UNPROVEN else None


def _sent_to(address: str) -> ResponseReturnValue:
    if "HX-Request" not in request.headers:
        return redirect(address, 303)
    answer = make_response("", 401)
    answer.headers["HX-Redirect"] = address
    return answer


def this_machine() -> None:
    """The rule of pages for programs on this machine; whatever a proxy has passed on is from elsewhere."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers or not _is_loopback(request.remote_addr):
        abort(403)


def person() -> Person:
    """Who is asking, behind the rule ``signed_in``."""
    found: Person = g.person
    return found


def require(role: str, program_id: int) -> None:
    """Refuse a person who has not this right in this program; who may not even look is told that there is nothing.

    ``role`` is a right of sender/accounts/rights.py: look, write, approve, steer, answer, export, erase, audit or own.
    The names of roles of earlier versions are understood, too.
    """
    if not person().may("viewer", program_id):
        abort(404)
    if not person().may(role, program_id):
        abort(403, gettext("You may look at this program's campaigns but not do this; ask the owner for the role."))


def require_fresh(back: str = "") -> None:
    """Ask a person who has not proved for ten minutes who they are to do so again, before an act that cannot be undone.

    They come back to ``back`` (or to this page, where it is one to look at); a form is not repeated by itself.
    """
    if person().is_fresh(runtime().clock.real()):
        return
    where = back or (request.path if request.method in SAFE_METHODS else "/")
    address = f"/again?{urlencode({'back': where})}"
    answer = make_response("", 401) if "HX-Request" in request.headers else redirect(address, 303)
    answer.headers["HX-Redirect"] = address
    abort(answer)


def refused(way: str, error: AccountError, email: str = "") -> int:
    """The status of a try to prove who one is that failed, and a line about it for whoever watches the log.

    It says which way, from where, and the account as a keyed hash, which is the same for the same address typed.
    """
    account = runtime().keys.digests(email.strip().lower().encode())[0].hex()[:8] if email else "not known"
    log.warning("A sign-in by %s from %s was refused (%s), account %s", way, peer(), type(error).__name__, account)
    return 429 if isinstance(error, TooManyTriesError) else 401


def take_large_form(most: int) -> None:
    """Read a body of up to ``most`` bytes and look at its token; a rule calls it once it knows who may send that."""
    request.max_content_length = most
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        abort(403, gettext("This form is from an earlier visit; load the page again and choose the file once more."))


def browser_name() -> str:
    """What a person will know their browser by in the list of their sessions."""
    told = request.headers.get("User-Agent", "")
    browser = next((name for mark, name in BROWSERS if mark in told), "A browser")
    system = next((name for mark, name in SYSTEMS if mark in told), "")
    return f"{browser} on {system}" if system else browser


def start_session(token: str) -> None:
    """Put a fresh session into the cookie; everything the cookie held before is gone with its CSRF token."""
    session.clear()
    session["token"] = token
    session["seen"] = int(runtime().clock.real().timestamp())


def refuse_unruled() -> None:
    """Deny by default: a route whose blueprint is no Door has no rule."""
    if request.url_rule is not None and not isinstance(current_app.blueprints.get(request.blueprint or ""), Door):
        abort(403)


def refuse_other_sites() -> None:
    """A second lock beside the CSRF token: browsers say themselves when another site made the request."""
    door = current_app.blueprints.get(request.blueprint or "")
    from_elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    if request.method not in SAFE_METHODS and from_elsewhere and isinstance(door, Door) and door.csrf:
        abort(403, gettext("This form was sent by another site."))


def peer() -> str:
    """Where the request came from; a proxy of the settings is believed about the address it added last."""
    passed_on = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return passed_on if passed_on and _is_proxy(request.remote_addr) else request.remote_addr or ""


def _person() -> Person | None:
    """The time of the last act lies in the signed cookie, so that looking at a page writes nothing to the database."""
    real = runtime().clock.real()
    idle = real.timestamp() - session.get("seen", 0)
    if "token" not in session or idle > IDLE_SECONDS:
        return None
    with runtime().db.read() as database:
        found = person_of(database, runtime().keys, session["token"], real)
    # A page that polls is no sign of a person.
    if found and idle > SEEN_EVERY_SECONDS and "HX-Request" not in request.headers:
        session["seen"] = int(real.timestamp())
    return found


def _is_proxy(address: str | None) -> bool:
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(known in ipaddress.ip_network(one, strict=False) for one in runtime().settings.proxies)


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
