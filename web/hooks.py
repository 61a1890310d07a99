"""Doors for Twilio: delivery receipts and inbound texts. What gets a 2xx is durable (promise 11).

Nothing is read from a request, let alone stored, before its signature has been checked against the public address in
the settings. The Host header plays no part in it.
"""

import logging
import re

from flask import Response, abort, g, request
from werkzeug.exceptions import HTTPException

from sender.delivery import replies
from sender.delivery.receipts import ReceiptIn
from sender.delivery.replies import InboundText
from sender.settings import Settings
from web.auth import Door
from web.context import runtime, web
from web.receipt_writer import ReceiptsRefusedError
from web.signature import BadParametersError, form_parameters, is_signed

log = logging.getLogger("tactful.web.hooks")

FORM = "application/x-www-form-urlencoded"
SID = re.compile(r"(SM|MM)[0-9a-f]{32}")
STATUS = re.compile(r"[a-z_-]{1,32}")
TOKEN = re.compile(r"[A-Za-z0-9_.~-]{1,128}")
CODE = re.compile(r"[0-9]{1,6}")
OPT_OUT_TYPE = re.compile(r"[A-Z]{0,16}")


def signed_by_twilio() -> None:
    """The rule of hooks: a form, each parameter once, signed with one of our auth tokens, about our account."""
    try:
        g.parameters = form_parameters(request.get_data(cache=False)) if request.mimetype == FORM else {}
    except BadParametersError:
        abort(403)
    settings = runtime().settings
    header = request.headers.get("X-Twilio-Signature", "")
    ours = settings.twilio_account_sid or ""
    same_account = bool(ours) and g.parameters.get("AccountSid") == ours
    if not is_signed(auth_tokens(settings), signed_url(settings), g.parameters, header) or not same_account:
        abort(403)


door = Door("hooks", __name__, rule=signed_by_twilio, csrf=False, url_prefix="/hooks/twilio")


@door.post("/status/<token>")
def status(token: str) -> Response:
    """One delivery receipt: 204 once it is committed, 503 when that cannot be done now."""
    receipt = ReceiptIn(
        token=_match(TOKEN, token),
        sid=_match(SID, g.parameters.get("MessageSid", "")),
        status=_match(STATUS, g.parameters.get("MessageStatus", "")),
        error_code=int(_match(CODE, g.parameters["ErrorCode"])) if g.parameters.get("ErrorCode") else None,
    )
    try:
        web().receipts.write(receipt)
    except ReceiptsRefusedError as error:
        log.warning("A receipt was not taken: %s", error)
        abort(503)
    return Response(status=204)


@door.post("/inbound")
def inbound() -> Response:
    """One text from a person, in a transaction of its own: a STOP is committed before this answers."""
    text = inbound_text(g.parameters)
    try:
        replies.receive(runtime(), text)
    except Exception as error:
        # The kind of error only: its words may hold what the person wrote.
        log.error("An inbound text was not taken: %s", type(error).__name__)
        abort(503)
    return Response("<Response/>", mimetype="text/xml")


def inbound_text(parameters: dict[str, str]) -> InboundText:
    """What a person wrote, from Twilio's parameters; 400 where one that every inbound text has is missing."""
    if not {"From", "To", "Body"} <= parameters.keys():
        abort(400)
    return InboundText(
        sid=_match(SID, parameters.get("MessageSid", "")),
        from_=parameters["From"],
        to=parameters["To"],
        body=parameters["Body"],
        service_sid=parameters.get("MessagingServiceSid", ""),
        opt_out_type=_match(OPT_OUT_TYPE, parameters.get("OptOutType", "")),
        num_media=int(_match(CODE, parameters.get("NumMedia") or "0")),
    )


@door.errorhandler(HTTPException)
def plain(error: HTTPException) -> Response:
    """Programs read no pages: the bare name of the error."""
    return Response(f"{error.name}\n", status=error.code, mimetype="text/plain")


def auth_tokens(settings: Settings) -> list[str]:
    """The auth tokens that may have signed: the primary one, and the old one while rotating."""
    both = (settings.twilio_auth_token, settings.twilio_old_auth_token)
    return [token.get_secret_value() for token in both if token is not None and token.get_secret_value()]


def signed_url(settings: Settings) -> str:
    """The address Twilio was given: ours from the settings, then path and query exactly as they came on the wire."""
    raw = request.environ.get("RAW_URI", "")
    if not raw.startswith("/"):
        abort(403)
    return settings.address + str(raw)


def _match(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        abort(400)
    return value
