"""Signatures of the Standard Webhooks scheme: whoever has the endpoint's secret can tell that a request is ours.

Source: standardwebhooks.com, specification 1.0: HMAC-SHA256 over id, timestamp and body, joined by dots.
"""

import base64
import hmac
import secrets

PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh secret of 32 bytes, as endpoints are given it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed_headers(secret: str, uid: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one delivery; ``timestamp`` in epoch seconds."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{uid}.{timestamp}.".encode() + body, "sha256")
    return {
        "Content-Type": "application/json",
        "User-Agent": "Tactful-Webhooks/1",
        "webhook-id": uid,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
