"""What Twilio's two requests must look like before anything of them is used; shared by both servers that take them.

Nothing is read from a request, let alone stored, before its signature has been checked against an address in the
settings. The Host header plays no part in it.
"""

import re
from collections.abc import Mapping

from sender.delivery.receipts import ReceiptIn
from sender.delivery.replies import InboundText
from sender.settings import Settings
from web.signature import BadParametersError, form_parameters, is_signed

FORM = "application/x-www-form-urlencoded"
SID = re.compile(r"(SM|MM)[0-9a-f]{32}")
STATUS = re.compile(r"[a-z_-]{1,32}")
TOKEN = re.compile(r"[A-Za-z0-9_.~-]{1,128}")
CODE = re.compile(r"[0-9]{1,6}")
OPT_OUT_TYPE = re.compile(r"[A-Z]{0,16}")
ASKED_OF_TEXTS = {"From", "To", "Body"}
READ_OF_ALL = frozenset({"AccountSid", "MessageSid", "MessageStatus", "ErrorCode", "MessagingServiceSid"})
READ = READ_OF_ALL | ASKED_OF_TEXTS | {"NumMedia", "OptOutType"}


class RefusedError(Exception):
    """The request is not taken; ``status`` is 403 where it is not Twilio's, 400 where it is not what it should be."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


def signed_parameters(settings: Settings, kind: str, raw_uri: str, body: bytes, signature: str) -> dict[str, str]:
    """The parameters of a form that is signed with one of our tokens, over one of our addresses, about our account.

    ``raw_uri`` is path and query exactly as they came on the wire. RefusedError 403 for everything else.
    """
    if not raw_uri.startswith("/"):
        raise RefusedError(403)
    try:
        parameters = form_parameters(body) if kind.partition(";")[0].strip().lower() == FORM else {}
    except BadParametersError as error:
        raise RefusedError(403) from error
    ours = settings.twilio_account_sid or ""
    tokens = auth_tokens(settings)
    signed = any(
        is_signed(tokens, address + raw_uri, parameters, signature)
        for address in {settings.address, settings.hooks_address}
    )
    if not signed or not ours or parameters.get("AccountSid") != ours or _is_shifted(parameters):
        raise RefusedError(403)
    return parameters


def _is_shifted(parameters: Mapping[str, str]) -> bool:
    """Whether a name that we read has moved into its neighbour.

    Twilio signs names and values without separators, so that "ErrorCode" with "30005" and "ErrorCod" with "e30005" have
    one signature, and so have "To" with a number, and "T" with nothing followed by "o" with the number. A name that is
    missing must not stand anywhere in what was signed; people may write it, though.
    """
    signed = "".join(name + ("\0" if name == "Body" else parameters[name]) for name in sorted(parameters))
    return any(name in signed for name in READ if name not in parameters)


def receipt_of(token: str, parameters: Mapping[str, str]) -> ReceiptIn:
    """One delivery receipt; RefusedError 400 where a part of it has the wrong shape."""
    code = parameters.get("ErrorCode")
    return ReceiptIn(
        token=_match(TOKEN, token),
        sid=_match(SID, parameters.get("MessageSid", "")),
        status=_match(STATUS, parameters.get("MessageStatus", "")),
        error_code=int(_match(CODE, code)) if code else None,
    )


def inbound_text(parameters: Mapping[str, str]) -> InboundText:
    """What a person wrote; RefusedError 400 where something is missing that every inbound text has."""
    if not parameters.keys() >= ASKED_OF_TEXTS:
        raise RefusedError(400)
    return InboundText(
        sid=_match(SID, parameters.get("MessageSid", "")),
        from_=_readable(parameters["From"]),
        to=_readable(parameters["To"]),
        body=_readable(parameters["Body"]),
        service_sid=parameters.get("MessagingServiceSid", ""),
        opt_out_type=_match(OPT_OUT_TYPE, parameters.get("OptOutType", "")),
        num_media=int(_match(CODE, parameters.get("NumMedia") or "0")),
    )


def _readable(text: str) -> str:
    """Bytes that are no UTF-8 become marks: what else the person wrote still counts."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def auth_tokens(settings: Settings) -> list[str]:
    """The auth tokens that may have signed: the primary one, and the old one while rotating."""
    both = (settings.twilio_auth_token, settings.twilio_old_auth_token)
    return [token.get_secret_value() for token in both if token is not None and token.get_secret_value()]


def _match(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise RefusedError(400)
    return value
