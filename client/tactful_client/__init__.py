"""A typed client of Tactful's API, sync and async. It needs httpx and nothing of Tactful itself."""

from tactful_client.calling import Problem
from tactful_client.clients import AsyncTactful, Tactful
from tactful_client.shapes import BatchItem, Change, Check, Consent, Contact, Message, Reply, Verdict, Wanted
from tactful_client.webhooks import SignatureError, verify

__all__ = [
    "AsyncTactful",
    "BatchItem",
    "Change",
    "Check",
    "Consent",
    "Contact",
    "Message",
    "Problem",
    "Reply",
    "SignatureError",
    "Tactful",
    "Verdict",
    "Wanted",
    "verify",
]
