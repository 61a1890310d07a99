"""Answers "may I text this number now, why not, when?" with what the gate would say (promise 8)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Defer, Draft, Facts, Purpose
from guards.chain import VERSION, Cleared, Refused, run
from guards.explain import explain
from guards.purposes import held_to
from sender.audience.facts import Asked, FactsLoader
from sender.audience.numbers import find
from sender.audience.records import told
from sender.models import Program
from sender.runtime import Runtime

LOOKS_AHEAD = 12
"""A cap may free in the night and the night may end in a holiday: so often the question is asked again."""
STRANGER = "No: nobody with this number is known, so there is no consent."
ERASED = "No: the person's data was erased."


class CheckError(Exception):
    """The question cannot be asked like this; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The chain's answer at ``at``: verdict, the guard and reason of a refusal, when again, and the facts it saw.

    ``until`` is when the refusing guard opens, or when a permission ends; ``opens`` the first instant at which all of
    them allow, as far as is known now; ``sentences`` say all of it in words, the answer first.
    """

    verdict: str
    at: datetime
    guard: str | None
    reason: str | None
    note: str
    until: datetime | None
    rules: tuple[str, ...]
    facts: dict[str, object]
    chain: str = VERSION
    opens: datetime | None = None
    sentences: tuple[str, ...] = ()


def check(
    runtime: Runtime, session: Session, e164: str, program: str, purpose: Purpose, at: datetime | None = None
) -> Checked:
    """What the gate would say of a text of this program to this number at an instant, now when absent. Writes nothing.

    Consent, caps and emergencies are those known now, also for a later instant; what is queued counts as sent.
    """
    program_id = session.execute(select(col(Program.id)).where(col(Program.slug) == program)).scalar()
    if program_id is None:
        raise CheckError(f"There is no program {program!r}; `tactful program list` shows them.")
    number_id = find(session, runtime.keys, e164)
    if number_id is None:
        return _without_facts(at or runtime.clock.now(), "consent_check", "no_consent", STRANGER)
    return check_number(runtime, session, number_id, program_id, purpose, at)


def check_number(
    runtime: Runtime,
    session: Session,
    number_id: int,
    program_id: int,
    purpose: Purpose,
    at: datetime | None = None,
) -> Checked:
    """The same of a number and a program that the caller has found already."""
    when = at or runtime.clock.now()
    asked = Asked(number_id, number_id, program_id, purpose)
    loader = FactsLoader(runtime.keys, runtime.settings.address)
    one = loader.load(session, [asked], when, runtime.clock.margin, waiting=True).get(number_id)
    if one is None:
        return _without_facts(when, "gate", "erased", ERASED)
    draft = held_to(Draft(f"{one.facts.policy.brand}: news.", purpose), one.facts.policy.least)
    outcome = run(draft, one.facts, runtime.chain)
    opens = _opens(runtime, draft, one.facts, outcome)
    return _said(outcome, when, told(one.record()), opens, explain(draft, one.facts, outcome, opens))


def _opens(runtime: Runtime, draft: Draft, facts: Facts, outcome: Cleared | Refused) -> datetime | None:
    """Follow deferrals to the first instant at which every guard allows; None where there is none in sight."""
    now = facts.now
    for _ in range(LOOKS_AHEAD):
        if isinstance(outcome, Cleared):
            return now
        if not isinstance(outcome.verdict, Defer):
            return None
        now = outcome.verdict.until
        outcome = run(draft, replace(facts, now=now, queue=timedelta()), runtime.chain)
    return None


def _without_facts(at: datetime, guard: str, reason: str, sentence: str) -> Checked:
    note = sentence.removeprefix("No: ").rstrip(".")
    return Checked("block", at, guard, reason, note, None, (), {}, sentences=(sentence,))


def _said(
    outcome: Cleared | Refused, at: datetime, facts: dict[str, object], opens: datetime | None, said: tuple[str, ...]
) -> Checked:
    if isinstance(outcome, Cleared):
        return Checked("allow", at, None, None, "", outcome.until, (), facts, opens=opens, sentences=said)
    refused = outcome.verdict
    word, until = ("defer", refused.until) if isinstance(refused, Defer) else ("block", None)
    rules = tuple(refused.rules)
    return Checked(
        word, at, outcome.guard, refused.reason, refused.note, until, rules, facts, opens=opens, sentences=said
    )
