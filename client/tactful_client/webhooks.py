"""Is a webhook request Tactful's, and is it fresh? (Standard Webhooks, specification 1.0)"""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE = 300


class SignatureError(Exception):
    """The request is not what the holder of the secret sent, or it is old."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> dict[str, Any]:
    """The event in a request; SignatureError unless its signature fits and it is at most five minutes off."""
    given = {name.lower(): value for name, value in headers.items()}
    uid, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE:
        raise SignatureError("The request's time is missing or more than five minutes off.")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{uid}.{timestamp}.".encode() + body, "sha256")
    wanted = f"v1,{base64.b64encode(digest).decode()}"
    if not any(
        hmac.compare_digest(wanted.encode(), one.encode()) for one in given.get("webhook-signature", "").split()
    ):
        raise SignatureError("The signature does not fit.")
    event: dict[str, Any] = json.loads(body)
    return event
