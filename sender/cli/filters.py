"""The filters: one JSON object per line in, one out, no database. A bad line is answered, never skipped."""

import json
import sys
from collections.abc import Callable
from typing import Any

import typer

Door = Callable[[dict[str, Any]], dict[str, Any]]


def register(app: typer.Typer) -> None:
    """Add the four filters to the command."""
    for name, door in (("parts", _parts), ("intent", _intent), ("number", _number), ("hours", _hours)):
        app.command(name, help=(door.__doc__ or "").strip())(_command(door))


def _command(door: Callable[[], Door]) -> Callable[[], None]:
    def run() -> None:
        answer = door()
        for line in sys.stdin:
            if line.strip():
                sys.stdout.write(json.dumps(_answered(answer, line), ensure_ascii=False) + "\n")
                sys.stdout.flush()

    return run


def _answered(answer: Door, line: str) -> dict[str, Any]:
    try:
        asked = json.loads(line)
    except ValueError:
        return {"error": "not_json"}
    if not isinstance(asked, dict):
        return {"error": "not_an_object"}
    try:
        return answer(asked)
    except (KeyError, TypeError, ValueError) as error:
        return {"error": "bad_input", "detail": str(error).strip("'\"")}


def _parts() -> Door:
    """Count the billed parts of each {"text", "smart"?} line."""
    from sender.campaigns.parts import door

    return door


def _intent() -> Door:
    """Read what each {"text"} reply wants: opt_out, opt_in, help or none."""
    from sender.audience.intent import door

    return door


def _number() -> Door:
    """Tell what each {"text", "region"?} number is and where its owner may be."""
    from sender.audience.filters import number

    return number


def _hours() -> Door:
    """Tell whether a text may go to each {"number", "at", …} by the shipped hours."""
    from sender.audience.filters import hours

    return hours
