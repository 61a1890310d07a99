"""A wish to get texts that came by a form or the API: asked back by text, so that the number's owner says yes."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience import opt_ins
from sender.audience.ledger import load_standings, standing
from sender.audience.numbers import find_or_make
from sender.audience.phone import PhoneError, parse
from sender.delivery.answers import plan, words_of
from sender.delivery.lines import Line
from sender.locks import lock_numbers
from sender.models import FromNumber, Program
from sender.runtime import Runtime

SOURCES = ("form", "api")


class AskingError(Exception):
    """Nobody can be asked like this; the sentence says why."""


@dataclass(frozen=True, slots=True)
class OptInIn:
    """One sign-up: the number, the program's short name, and the exact words that stood at the form.

    ``reference`` makes a repeated call one request; ``evidence`` is what is known of it (page, address, language).
    """

    number: str
    program: str
    shown: str
    reference: str
    source: str = "form"
    evidence: dict[str, Any] = field(default_factory=dict)


def ask_to_confirm(runtime: Runtime, wanted: OptInIn) -> bool:
    """Ask the number for its yes; False where this request was asked before.

    AskingError says why it cannot be asked: whoever said stop comes back by START alone.
    """
    try:
        phone = parse(wanted.number, None)
    except PhoneError as error:
        raise AskingError(error.sentence) from error
    if wanted.source not in SOURCES or not wanted.shown.strip() or not wanted.reference:
        raise AskingError("A sign-up needs a source (form or api), the words that were shown, and a reference.")
    now = runtime.clock.now()
    with runtime.db.write() as session:
        line = line_of(session, wanted.program, phone.region)
        number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
        lock_numbers(session, [number_id])
        standings = load_standings(session, [number_id]).get(number_id, [])
        if standing(standings, line.program_id, Purpose.MARKETING).state in ("out", "held"):
            raise AskingError("This person has said stop; only their own START brings them back.")
        return ask_back(runtime, session, line, number_id, wanted)


def ask_back(runtime: Runtime, session: Session, line: Line, number_id: int, wanted: OptInIn) -> bool:
    """Plan the question, under the number's lock; False where this request was asked before."""
    now = runtime.clock.now()
    words = words_of(session, line.program, "confirm")
    ref = f"{wanted.source}:{wanted.reference}"
    asking = opt_ins.Asking(number_id, line.program, wanted.source, ref, wanted.shown, words, wanted.evidence)
    if not opt_ins.ask(session, asking, now):
        return False
    plan(runtime, session, number_id, line, "confirm", words, None, opt_ins.ASKED_WITHIN)
    return True


def line_of(session: Session, slug: str, country: str | None) -> Line:
    """The program's from_number for this country, else the one for every country; it must be able to receive."""
    statement = (
        select(FromNumber, Program)
        .join(Program, col(Program.id) == col(FromNumber.program_id))
        .where(col(Program.slug) == slug, col(FromNumber.can_receive), col(FromNumber.country).in_((country, "*")))
        .where(col(FromNumber.retired_at).is_(None))
        .order_by(col(FromNumber.country) == "*", col(FromNumber.id))
    )
    found = session.execute(statement.limit(1)).first()
    if found is None:
        raise AskingError(f"The program {slug!r} has no from_number for this country that can receive a yes.")
    return Line(*found)
