"""Double opt-in by text: somebody asks for texts, is asked back with the five parts of CTIA 5.1.2.1, and says yes.

A yes is consent only where such a question waits for it; everywhere else it may answer anything.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience.keywords import folded, lexicon, uncourteous
from sender.audience.ledger import Act, record
from sender.crypto import text_hash
from sender.models import OptInRequest, Program, Reply

ASKED_WITHIN = timedelta(hours=1)
"""A question that could not be sent for so long is not sent any more."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One wish to get texts: where it came from, what the person was shown, and the words we ask back with."""

    number_id: int
    program: Program
    source: str
    source_ref: str
    shown: str
    words: str
    evidence: dict[str, Any]


def ask(session: Session, asking: Asking, now: datetime) -> bool:
    """Have the wish wait for a yes; False where the same request (``source_ref``) was known. Replaces an older one."""
    known = select(col(OptInRequest.id)).where(col(OptInRequest.source_ref) == asking.source_ref)
    if session.execute(known).scalar() is not None:
        return False
    program_id = asking.program.id or 0
    for older in _open(session, asking.number_id, program_id):
        older.state = "replaced"
    session.add(
        OptInRequest(
            number_id=asking.number_id,
            program_id=program_id,
            source=asking.source,
            source_ref=asking.source_ref,
            level=level_of(f"{asking.shown} {asking.words}"),
            wording=asking.shown,
            text_hash=text_hash(asking.words),
            asked_at=now,
            expires_at=now + timedelta(hours=asking.program.confirm_hours),
            evidence={**asking.evidence, "asked_with": asking.words},
        )
    )
    session.flush()
    return True


def note_done(session: Session, act: Act, words: str, now: datetime) -> None:
    """Keep beside a yes that needed no question what it was, as those are kept that were asked back."""
    row = OptInRequest(
        number_id=act.number_id, program_id=act.program_id or 0, source=act.source, source_ref=act.source_ref,
        level=act.level, wording=act.wording, text_hash=text_hash(words), state="confirmed", asked_at=now,
        expires_at=now, evidence=act.evidence,
    )  # fmt: skip
    session.add(row)


def waiting(session: Session, number_id: int, now: datetime, program_id: int | None = None) -> OptInRequest | None:
    """The newest question that a yes of this number would answer now."""
    return next((one for one in _open(session, number_id, program_id) if one.asked_at <= now < one.expires_at), None)


def confirm(session: Session, asked: OptInRequest, reply: Reply, now: datetime) -> None:
    """The yes: consent at the question's level, with what was shown, what was asked and the reply as evidence."""
    asked.state = "confirmed"
    program = session.get_one(Program, asked.program_id)
    purpose = Purpose.MARKETING if Purpose.MARKETING.value in program.purposes else Purpose.INFORMATIONAL
    evidence = {**asked.evidence, "request": asked.id, "confirmed_by": reply.sid, "text_hash": asked.text_hash.hex()}
    ref = f"yes:{reply.sid}"
    act = Act(
        asked.number_id, asked.program_id, "opt_in", purpose, now, asked.source, ref, asked.level, asked.wording,
        attested_by=str(asked.evidence.get("taken_by", "")), evidence=evidence,
    )  # fmt: skip
    record(session, [act], now)


def is_yes(text: str) -> bool:
    """Whether the whole reply is a plain yes in some language."""
    words = uncourteous(text) if len(text) <= 40 else []
    return " ".join(words) in _yes()


def _open(session: Session, number_id: int, program_id: int | None) -> list[OptInRequest]:
    statement = select(OptInRequest).where(col(OptInRequest.number_id) == number_id, col(OptInRequest.state) == "open")
    if program_id is not None:
        statement = statement.where(col(OptInRequest.program_id) == program_id)
    return list(session.execute(statement.order_by(col(OptInRequest.id).desc())).scalars())


def level_of(words: str) -> str:
    """A yes to words that name the terms is a signed agreement (47 CFR 64.1200(f)(9), 15 USC 7006(5)), else express."""
    return "express_written" if "condition" in words.lower() else "express"


@cache
def _yes() -> frozenset[str]:
    return frozenset(folded(word) for word in lexicon()["matching"]["yes"])
