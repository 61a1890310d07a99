"""One cell at a time: what a text in a table means as a value."""

import re
from datetime import datetime
from functools import cache, lru_cache
from zoneinfo import available_timezones

from sender.audience.phone import PhoneError, parse

Scalar = str | int | float | bool

YES = frozenset(
    {"yes", "y", "true", "t", "1", "x", "on", "opted in", "opt in", "optin", "in", "subscribed", "granted", "given"}
)
NO = frozenset({"", "no", "n", "false", "f", "0", "off", "none", "null", "n/a", "not opted in", "not subscribed"})
OUT = frozenset({"opted out", "opt out", "optout", "unsubscribed", "stop", "stopped", "withdrawn", "revoked"})
UNSUBSCRIBED = frozenset({"opted out", "opt out", "optout", "unsubscribed"})
"""What says an opt-out even in a column of which nothing else is known."""
LARGEST = 1 << 53
LONGEST = 1000

_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,15})", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,14})\.\d{1,12}", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?", re.ASCII)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}|\d{3}))?", re.ASCII)


@lru_cache(maxsize=1 << 10)
def word(text: str) -> str:
    """A cell as one of the words above would be written."""
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())


@lru_cache(maxsize=1 << 14)
def typed(text: str) -> Scalar:
    """The value of an attribute: whole and decimal numbers, true and false, ISO dates in one form; else text.

    Leading zeros, as in postal codes, keep a value text.
    """
    if _INTEGER.fullmatch(text) and abs(int(text)) <= LARGEST:
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    return _iso(text) if _ISO.fullmatch(text) else text


def _iso(text: str) -> str:
    try:
        return text if len(text) == 10 else datetime.fromisoformat(text).isoformat()  # a local time stays one
    except ValueError:
        return text


def is_phone(text: str, region: str | None) -> bool:
    """Whether a value is somebody's phone number, which may not lie in plain sight (a date is none)."""
    if len(text) < 7 or not 7 <= sum(map(str.isdigit, text)) <= 20 or _ISO.fullmatch(text):
        return False
    try:
        parse(text, region)
    except PhoneError:
        return False
    return True


def language_tag(text: str) -> str | None:
    """The tag "en-US" for "EN_us"; None for what is no language code."""
    match = _LANGUAGE.fullmatch(text)
    if match is None:
        return None
    return f"{match[1].lower()}-{match[2].upper()}" if match[2] else match[1].lower()


def zone_name(text: str) -> str | None:
    """The IANA zone of that name in any case; None where there is none."""
    return _zones().get(text.casefold())


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}
