"""The web application of one process: its doors in one list, and what holds for all of them."""

import functools
import hashlib
import logging
import time

from flask import Flask, Response, g, render_template, request
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect  # type: ignore[import-untyped]
from jinja2 import StrictUndefined
from structlog.contextvars import bind_contextvars, clear_contextvars
from werkzeug.exceptions import HTTPException, InternalServerError

from sender.archive.pages import ArchiveError
from sender.delivery import receipts
from sender.runtime import Runtime
from web import health, hooks
from web.api import document, problems
from web.api.doors import API_DOORS
from web.api.limits import InFlight, Rates
from web.api.operations import name_request
from web.auth import Door, anyone, refuse_other_sites, refuse_unruled
from web.context import NAME, Web, web
from web.frame import read_frame
from web.headers import SecurityHeaders
from web.language import gettext, translate_pages
from web.pages import (
    account,
    audience_step,
    automations,
    builder,
    campaigns,
    contacts,
    frame_doors,
    home,
    imports,
    inbox,
    integrations,
    join,
    links,
    mistakes,
    number_files,
    opt_in,
    opt_out,
    passkeys,
    preferences,
    program_settings,
    programs,
    proof,
    reports,
    retention,
    review,
    rules,
    segments,
    sign_in,
    templates,
    text_step,
    trying,
    unsure,
    users,
    virtual_phones,
)
from web.pages.words import FILTERS
from web.policy import is_https
from web.receipt_writer import ReceiptWriter
from web.remembered import Counting

log = logging.getLogger("tactful.web")
access = logging.getLogger("tactful.access")

static = Door("static", __name__, rule=anyone, static_folder="static", static_url_path="/static")
DOORS: tuple[Door, ...] = (
    static,
    health.door,
    health.metrics_door,
    hooks.door,
    opt_out.door,
    join.door,
    links.door,
    preferences.door,
    sign_in.door,
    sign_in.leaving,
    passkeys.door,
    passkeys.entrance,
    frame_doors.door,
    home.door,
    campaigns.door,
    document.door,
    *API_DOORS,
    builder.door,
    audience_step.door,
    text_step.door,
    review.door,
    trying.door,
    rules.door,
    programs.door,
    program_settings.door,
    templates.door,
    virtual_phones.door,
    segments.door,
    account.door,
    users.door,
    users.audit_door,
    contacts.door,
    proof.door,
    number_files.door,
    number_files.taking,
    retention.door,
    imports.door,
    imports.uploading,
    opt_in.door,
    inbox.door,
    unsure.door,
    reports.door,
    integrations.door,
    automations.door,
)


REFUSALS = frozenset({401, 403, 429})
BY_PROGRAMS = frozenset({"static", "health", "metrics", "hooks"})


class Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie, by HMAC-SHA-256 in place of SHA-1."""

    digest_method = staticmethod(hashlib.sha256)


def create_app(runtime: Runtime) -> Flask:
    """The application over one runtime; nothing is shared between two of them."""
    app = Flask("web", static_folder=None)
    app.session_interface = Cookies()
    # An address with a slash too many is another address: nobody signed it, and it is not sent on to the right one.
    app.url_map.merge_slashes = False
    secure = is_https(runtime.settings)
    app.config.update(
        SECRET_KEY=runtime.keys.session,
        SESSION_COOKIE_NAME="__Host-tactful" if secure else "tactful",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=256 * 1024,
        MAX_FORM_MEMORY_SIZE=64 * 1024,
        MAX_FORM_PARTS=100,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        # The token lives as long as the session; the referrer is not sent at all (see web.policy).
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    writer = ReceiptWriter(functools.partial(receipts.store, runtime))
    rates = Rates(runtime.settings.api_rate)
    app.extensions[NAME] = Web(runtime, writer, health.make_metrics(runtime), rates, InFlight())
    _shape_pages(app)
    _guard(app, runtime)
    for door in DOORS:
        app.register_blueprint(door)
    return app


def _shape_pages(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals["read_frame"] = read_frame
    translate_pages(app)
    app.register_error_handler(HTTPException, show_error)
    app.register_error_handler(CSRFError, show_stale_form)
    app.register_error_handler(problems.ApiProblem, problems.answer)
    app.register_error_handler(Counting, show_counting)
    app.register_error_handler(ArchiveError, show_damage)
    app.register_error_handler(Exception, show_fault)


def _guard(app: Flask, runtime: Runtime) -> None:
    app.before_request(_start_watch)
    app.before_request(refuse_unruled)
    app.before_request(refuse_other_sites)
    csrf = CSRFProtect(app)
    for door in DOORS:
        if not door.csrf:
            csrf.exempt(door)
    app.after_request(SecurityHeaders(runtime.settings))
    app.after_request(name_request)
    app.after_request(_log_access)


def show_error(error: HTTPException) -> ResponseReturnValue:
    """A page with one sentence and the way back; programs get a problem."""
    if problems.is_api():
        return problems.answer(problems.of_status(error.code or 500))
    heading, sentence = mistakes.said_of(error)
    return render_template("error.html", title=heading, sentence=sentence), error.code or 500


def show_counting(_: Counting) -> ResponseReturnValue:
    """A page of figures that asks for itself until they are there: 202, or nothing new (204) for its own asking."""
    if "HX-Request" in request.headers:
        return "", 204
    here = request.full_path.removesuffix("?")
    return render_template("counting.html", here=here), 202, {"Retry-After": "2"}


def show_stale_form(_: CSRFError) -> tuple[str, int]:
    """A form without our token, or with one of an earlier session: nothing was done."""
    sentence = gettext(
        "This form is from an earlier visit, and nothing was changed. Go back, load the page again and repeat it."
    )
    return render_template("error.html", title=gettext("Please try again"), sentence=sentence), 403


def show_damage(error: ArchiveError) -> ResponseReturnValue:
    """A page of the archive is not what was written: which one, of when, and how to mend it."""
    log.error("%s at %s: %s", type(error).__name__, request.url_rule, error)
    if request.blueprint in BY_PROGRAMS:
        return show_error(InternalServerError(str(error)))
    return render_template("error.html", title=gettext("Part of the archive cannot be read"), sentence=str(error)), 500


def show_fault(error: Exception) -> ResponseReturnValue:
    """A fault of ours: the kind goes to the log, nothing of it to the page."""
    log.error("%s at %s", type(error).__name__, request.url_rule, exc_info=error)
    return show_error(InternalServerError(gettext("Something went wrong on our side, and nothing was changed.")))


def _start_watch() -> None:
    g.started = time.monotonic()
    clear_contextvars()
    bind_contextvars(request=problems.request_id())


def _loudness(response: Response) -> int:
    """What nobody did, such as receipts by the thousand and polls, is only for those who look for faults.

    What was refused (no key or session, no right, a wrong signature, too many tries) is a line, whoever asked.
    """
    if response.status_code >= 500:
        return logging.WARNING
    if response.status_code in REFUSALS:
        return logging.INFO
    by_program = request.blueprint in BY_PROGRAMS or "HX-Request" in request.headers
    return logging.DEBUG if by_program else logging.INFO


def _log_access(response: Response) -> Response:
    """One line a request, with the route's pattern in place of the address: tokens and numbers never reach a log."""
    route = str(request.url_rule or "(no route)")
    milliseconds = (time.monotonic() - g.get("started", time.monotonic())) * 1000
    access.log(_loudness(response), "%s %s %d %.0f ms", request.method, route, response.status_code, milliseconds)
    web().metrics.requests.labels(route, str(response.status_code)).inc()
    return response
