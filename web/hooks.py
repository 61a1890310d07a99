"""Twilio's requests where the web process takes them too: one address, no second process.

What gets a 2xx is durable (promise 11). The process of their own (receiver.py) does the same ten times as fast.
"""

import logging

from flask import Response, abort, g, request
from werkzeug.exceptions import HTTPException

from sender.delivery import replies
from web.auth import Door
from web.context import runtime, web
from web.inbox import RefusedError, inbound_text, receipt_of, signed_parameters
from web.receipt_writer import ReceiptsRefusedError

log = logging.getLogger("tactful.web.hooks")


def signed_by_twilio() -> None:
    """The rule of hooks: a form, each parameter once, signed with one of our auth tokens, about our account."""
    raw, kind = str(request.environ.get("RAW_URI", "")), request.headers.get("Content-Type", "")
    body, signature = request.get_data(cache=False), request.headers.get("X-Twilio-Signature", "")
    try:
        g.parameters = signed_parameters(runtime().settings, kind, raw, body, signature)
    except RefusedError as refused:
        abort(refused.status)


door = Door("hooks", __name__, rule=signed_by_twilio, csrf=False, url_prefix="/hooks/twilio")


@door.post("/status/<token>")
def status(token: str) -> Response:
    """One delivery receipt: 204 once it is committed, 503 when that cannot be done now."""
    receipt = receipt_of(token, g.parameters)
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


@door.errorhandler(RefusedError)
def refuse(error: RefusedError) -> Response:
    """A request of the wrong shape."""
    return Response(status=error.status)


@door.errorhandler(HTTPException)
def plain(error: HTTPException) -> Response:
    """Programs read no pages: the bare name of the error."""
    return Response(f"{error.name}\n", status=error.code, mimetype="text/plain")
