"""The row that explains a refusal, for the gate and for planning alike (promise 8)."""

from datetime import datetime
from typing import Any

from guards.base import Defer
from guards.chain import VERSION, Refused
from sender.audience.facts import Known


def decision(message_id: int, outcome: Refused, known: Known | None, door: str, now: datetime) -> dict[str, Any]:
    """Column values of one Decision: guard, verdict, reason, rules, and the facts they were based on."""
    verdict = outcome.verdict
    return {
        "message_id": message_id,
        "at": now,
        "door": door,
        "guard": outcome.guard,
        "verdict": "defer" if isinstance(verdict, Defer) else "block",
        "reason": verdict.reason,
        "until": verdict.until if isinstance(verdict, Defer) else None,
        "rules": list(verdict.rules),
        "inputs": {"chain": VERSION, **_note(verdict.note), **(known.record() if known else {})},
    }


def _note(note: str) -> dict[str, str]:
    return {"note": note} if note else {}
