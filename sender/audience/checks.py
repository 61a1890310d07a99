"""Answers "may I text this number now, why not, when?" with what the gate would say (promise 8)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Defer, Draft, Purpose
from guards.chain import VERSION, Cleared, Refused, run
from sender.audience.facts import Asked, FactsLoader
from sender.audience.numbers import find
from sender.models import Program
from sender.runtime import Runtime


class CheckError(Exception):
    """The question cannot be asked like this; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The chain's answer at ``at``: verdict, the guard and reason of a refusal, when again, and the facts it saw."""

    verdict: str
    at: datetime
    guard: str | None
    reason: str | None
    note: str
    until: datetime | None
    rules: tuple[str, ...]
    facts: dict[str, object]
    chain: str = VERSION


def check(runtime: Runtime, session: Session, e164: str, program: str, purpose: Purpose) -> Checked:
    """What the gate would say of a text of this program to this number now. Writes nothing."""
    now = runtime.clock.now()
    program_id = session.execute(select(col(Program.id)).where(col(Program.slug) == program)).scalar()
    if program_id is None:
        raise CheckError(f"There is no program {program!r}; `tactful program list` shows them.")
    number_id = find(session, runtime.keys, e164)
    if number_id is None:
        return Checked("block", now, "consent_check", "no_consent", "nobody with this number is known", None, (), {})
    asked = Asked(number_id, number_id, program_id, purpose)
    known = FactsLoader(runtime.keys, runtime.settings.address).load(session, [asked], now, runtime.clock.margin)
    one = known.get(number_id)
    if one is None:
        return Checked("block", now, "gate", "erased", "the person's data was erased", None, (), {})
    outcome = run(Draft("", purpose), one.facts, runtime.chain)
    return _said(outcome, now, one.record())


def _said(outcome: Cleared | Refused, now: datetime, facts: dict[str, object]) -> Checked:
    if isinstance(outcome, Cleared):
        return Checked("allow", now, None, None, "", outcome.until, (), facts)
    verdict = outcome.verdict
    word, until = ("defer", verdict.until) if isinstance(verdict, Defer) else ("block", None)
    return Checked(word, now, outcome.guard, verdict.reason, verdict.note, until, tuple(verdict.rules), facts)
