"""Opt-outs that do not come as a reply: a form, an e-mail somebody pasted, a phone call, a letter, another program.

Any reasonable means counts (47 CFR 64.1200(a)(10)), so whoever hears of it writes it down here, with its evidence.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience import private
from sender.audience.importing import values
from sender.audience.ledger import Act, record
from sender.audience.numbers import find_or_make
from sender.audience.opt_outs import scopes_of, settle
from sender.audience.phone import PhoneError, parse
from sender.db import Pace
from sender.locks import insistent, lock_numbers
from sender.models import Audit, Program
from sender.runtime import Runtime

SOURCES = {
    "form": "form",
    "api": "api",
    "email": "operator",
    "phone_call": "operator",
    "letter": "operator",
    "in_person": "operator",
}
"""The doors, and what each is called in the ledger."""


class DoorError(Exception):
    """The opt-out cannot be written down like this; the sentence says what to mend."""


@dataclass(frozen=True, slots=True)
class OptOutIn:
    """One opt-out as it is told.

    ``number`` in international spelling; ``door`` one of SOURCES; ``program`` its short name, None: of everything;
    ``said_at`` when the person said it, now when absent; ``words`` their own words, such as the pasted e-mail (kept
    sealed); ``reference`` makes a repeated call one opt-out (a ticket or request id).
    """

    number: str
    door: str
    program: str | None = None
    said_at: datetime | None = None
    words: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class WrittenDown:
    """What became of it: ``counts`` is False where the person has opted in again since; ``blocked`` waiting texts."""

    number_id: int
    counts: bool
    blocked: int


@insistent
def opt_out(runtime: Runtime, wanted: OptOutIn, actor: str) -> WrittenDown:
    """Write an opt-out down and block what waits; effective when this returns. DoorError says what to mend."""
    now = runtime.clock.now()
    try:
        phone = parse(wanted.number, None)
    except PhoneError as error:
        raise DoorError(error.sentence) from error
    source = _source(wanted, now)
    with runtime.db.write(Pace.URGENT) as session:
        program_id = _program(session, wanted.program)
        number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
        lock_numbers(session, [number_id])
        scopes = [None] if program_id is None else scopes_of(session, [program_id])
        evidence = _evidence(runtime, session, number_id, wanted)
        at = wanted.said_at or now
        acts = [
            Act(
                number_id,
                scope,
                "opt_out",
                Purpose.MARKETING,
                at,
                source,
                _reference(wanted, number_id, scope),
                attested_by=actor,
                evidence=evidence,
            )
            for scope in scopes
        ]
        counts = bool(record(session, acts, now))
        blocked = settle(runtime, session, number_id, scopes) if counts else 0
        detail = {"door": wanted.door, "program": wanted.program or "all", "blocked": blocked}
        session.add(Audit(at=now, actor=actor, action="opt_out", subject=f"number {number_id}", detail=detail))
    return WrittenDown(number_id, counts, blocked)


def _source(wanted: OptOutIn, now: datetime) -> str:
    if wanted.door not in SOURCES:
        raise DoorError(f"There is no door {wanted.door!r}; it is one of {', '.join(SOURCES)}.")
    if wanted.said_at is not None and (wanted.said_at.tzinfo is None or wanted.said_at > now):
        raise DoorError("The opt-out was said in the future or at a time without its offset; give when it was said.")
    if values.is_phone(wanted.reference, "US"):
        raise DoorError("Use a reference that is no phone number: it stays in the ledger for good.")
    return SOURCES[wanted.door]


def _program(session: Session, slug: str | None) -> int | None:
    if slug is None:
        return None
    found: int | None = session.execute(select(col(Program.id)).where(col(Program.slug) == slug)).scalar()
    if found is None:
        raise DoorError(f"There is no program {slug!r}; `tactful program list` shows them.")
    return found


def _reference(wanted: OptOutIn, number_id: int, scope: int | None) -> str | None:
    return f"{wanted.door}:{wanted.reference}:{number_id}:{scope or 'all'}" if wanted.reference else None


def _evidence(runtime: Runtime, session: Session, number_id: int, wanted: OptOutIn) -> dict[str, Any]:
    personal = {"words": wanted.words} if wanted.words else {}
    return private.sealed(runtime.keys, session, number_id, personal, door=wanted.door)
