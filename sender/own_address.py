"""Requests to our own public address, signed as Twilio signs them: what stands in between is asked with them."""

from collections.abc import Mapping
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request

from twilio.request_validator import RequestValidator

from sender.no_redirects import open_here
from sender.settings import Settings


def post_signed(settings: Settings, path: str, form: Mapping[str, str], seconds: float) -> int:
    """Post a form with our account's id to a hook; returns the status, of a redirect too. OSError when nobody answers.

    ValueError without the auth token, with which it would be signed.
    """
    if settings.twilio_auth_token is None or not settings.twilio_account_sid:
        raise ValueError("Without Twilio's credentials no request can be signed.")
    address, whole = f"{settings.hooks_address}{path}", {"AccountSid": settings.twilio_account_sid, **form}
    signed = RequestValidator(settings.twilio_auth_token.get_secret_value()).compute_signature(address, whole)
    request = Request(address, urlencode(whole).encode(), {"X-Twilio-Signature": signed})  # noqa: S310 - our own
    try:
        with open_here(request, seconds) as answer:
            return answer.status
    except HTTPError as refused:
        return refused.code
