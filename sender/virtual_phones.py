"""The simulator's phones as people see them, through its own doors under ``/_sim/`` (docs/simulator.md) alone."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from sender.settings import Settings

SECONDS = 3.0


class SimulatorAway(Exception):
    """There is no simulator, or it does not answer; one sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text on a phone. ``theirs``: the phone wrote it. ``other`` is our end, "" while none is chosen."""

    theirs: bool
    other: str
    words: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone with its newest text."""

    number: str
    last: Text


def phones(settings: Settings, limit: int) -> list[Phone]:
    """The phones that were texted or wrote, the last met first."""
    found = _ask(settings, f"phones?{urlencode({'limit': limit})}")
    return [Phone(one["number"], _text(one["last"])) for one in found["phones"]]


def thread(settings: Settings, number: str) -> tuple[list[Text], list[str]]:
    """What one phone got and wrote, oldest first, and the senders that the provider lets reach it no more."""
    found = _ask(settings, f"thread?{urlencode({'phone': number})}")
    return [_text(one) for one in found["messages"]], list(found["blocked"])


def write(settings: Settings, number: str, to: str, words: str) -> None:
    """Text one of our from_numbers from this phone; the simulator posts it to the hook as the provider would."""
    _ask(settings, "inbound", {"from": number, "to": to, "body": words})


def _ask(settings: Settings, door: str, body: dict[str, str] | None = None) -> Any:
    if not settings.simulated:
        raise SimulatorAway("There are no virtual phones here: texts go to Twilio.")
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{settings.twilio_base_url}/_sim/{door}", data)  # noqa: S310 - the simulator's
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the same address
            return json.load(answer)
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        raise SimulatorAway("The simulator does not answer; start it, or look again in a moment.") from error


def _text(one: dict[str, Any]) -> Text:
    theirs = one["direction"] == "inbound"
    other = one["to"] if theirs else one["from"] or ""
    return Text(theirs, other, one["body"], one["status"], parsedate_to_datetime(one["date_created"]))
