"""Twilio's error codes as data: what each does to a message, and the words for it."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from sender.providers.base import (
    AccountFault,
    AnotherDay,
    Crowded,
    Misconfigured,
    NumberRefused,
    OptedOut,
    OutcomeUnknown,
    Rejected,
    Retryable,
    SendError,
)

Does = Literal[
    "crowded", "retry", "line_day", "account_day", "unknown", "opted_out", "number", "text", "halt", "account"
]


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code: what it does and what the user is told."""

    does: Does
    says: str


@cache
def meanings() -> dict[int, Meaning]:
    """The whole table, by code. Raises ValueError where the file names an unknown action."""
    table = tomllib.loads(files("sender.providers").joinpath("twilio_errors.toml").read_text())
    unknown = set(table) - set(get_args(Does))
    if unknown:
        raise ValueError(f"twilio_errors.toml: {', '.join(sorted(unknown))} is no action; see the head of the file")
    return {int(code): Meaning(does, says) for does, rows in table.items() for code, says in rows.items()}  # type: ignore[arg-type]


def meaning(code: int | None) -> Meaning:
    """What a code means; a code we do not know fails the one message."""
    return meanings().get(code or 0) or Meaning("text", f"Twilio refused it with code {code}")


def refusal(status: int, code: int | None) -> SendError:
    """The error for an HTTP answer that is no success. The code decides; the status only where there is none.

    A gateway's 4xx without a Twilio code tells nothing of the account or the text: only 429 and 401 do.
    """
    known = meanings().get(code or 0)
    if known is None and (status >= 500 or status in (408, 499)):
        return OutcomeUnknown(f"Twilio answered {status}; the text may have been accepted", code)
    if known is None and status == 429:
        return Crowded("Twilio asked to slow down", code)
    if known is None and status in (401, 403, 404):
        return AccountFault(f"Twilio answered {status}; check TACTFUL_TWILIO_ACCOUNT_SID and its credentials", code)
    return _error(known or meaning(code), code)


def _error(known: Meaning, code: int | None) -> SendError:
    match known.does:
        case "crowded":
            return Crowded(known.says, code)
        case "retry":
            return Retryable(known.says, code)
        case "line_day" | "account_day":
            return AnotherDay(known.says, code, whole=known.does == "account_day")
        case "unknown":
            return OutcomeUnknown(known.says, code)
        case "opted_out":
            return OptedOut(known.says, code)
        case "number":
            return NumberRefused(known.says, code)
        case "account":
            return AccountFault(known.says, code)
        case "halt":
            return Misconfigured(known.says, code)
        case _:
            return Rejected(known.says, code)
