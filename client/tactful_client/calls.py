"""Every request there is, in one place for the sync and the async client."""

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

from tactful_client.calling import Call, making
from tactful_client.shapes import Dimension, Purpose, Wanted


def send(once: str, wanted: dict[str, Any]) -> Call:
    """One text."""
    return making("/messages", wanted, once)


def send_batch(messages: Sequence[Wanted], once: str) -> Call:
    """Up to 1,000 texts."""
    return making("/messages/batch", {"messages": list(messages)}, once)


def message(message_id: str) -> Call:
    """One text again."""
    return Call("GET", f"/messages/{quote(message_id, safe='')}")


def messages(cursor: str | None, query: dict[str, Any]) -> Call:
    """A page of texts."""
    return Call("GET", "/messages", query={**query, "cursor": cursor})


def cancel(message_id: str) -> Call:
    """A text back."""
    return making(f"/messages/{quote(message_id, safe='')}/cancel", None)


def check(numbers: Sequence[str], program: str, purpose: Purpose, at: str | None) -> Call:
    """The gate's answer for numbers."""
    body: dict[str, Any] = {"to": list(numbers), "program": program, "purpose": purpose}
    return making("/checks", body if at is None else {**body, "at": at})


def keep_contact(number: str, said: dict[str, Any]) -> Call:
    """A person's record."""
    return making("/contacts", {"number": number, **said})


def consent(said: dict[str, Any], once: str) -> Call:
    """A yes or no."""
    return making("/consents", said, once)


def changes(cursor: str | None) -> Call:
    """A page of the ledger."""
    return Call("GET", "/changes", query={"cursor": cursor, "limit": 200})


def replies(cursor: str | None) -> Call:
    """A page of replies."""
    return Call("GET", "/replies", query={"cursor": cursor, "limit": 200})


def tell(event: dict[str, Any], once: str) -> Call:
    """Something that happened."""
    return making("/events", event, once)


def automations() -> Call:
    """Every automation."""
    return Call("GET", "/automations")


def campaigns(cursor: str | None, status: str | None) -> Call:
    """A page of campaigns."""
    return Call("GET", "/campaigns", query={"cursor": cursor, "status": status})


def steer(campaign_id: str, act: Literal["pause", "resume", "cancel"]) -> Call:
    """A campaign stopped, or let go on."""
    return making(f"/campaigns/{quote(campaign_id, safe='')}/{act}", None)


def report(by: Dimension, query: dict[str, Any]) -> Call:
    """Figures line by line."""
    return Call("GET", "/reports/figures", query={**query, "by": by})
