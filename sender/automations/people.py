"""Who is in an automation, as a page shows it: masked numbers, how far, and what comes next."""

from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.numbers import SealedNumber
from sender.audience.phone import mask
from sender.crypto import KeyFileError, Keyring
from sender.models import Enrolment, Number

SHOWN = 50


@dataclass(frozen=True, slots=True)
class SetAside:
    """One person who was set aside before text ``step`` (from 1), and why, in words for whoever mends it."""

    number: str
    step: int
    error: str


@dataclass(frozen=True, slots=True)
class Inside:
    """One person in it; ``step`` counts texts from 1, ``next_at`` is None where nothing more comes."""

    number: str
    step: int
    state: str
    why: str
    entered_at: datetime
    next_at: datetime | None


def newest(session: Session, keys: Keyring, automation_id: int) -> list[Inside]:
    """The newest people in it, those who go on and those who are through."""
    statement = (
        select(Enrolment, col(Number.cipher), col(Number.data_key))
        .join(Number, col(Number.id) == col(Enrolment.number_id))
        .where(col(Enrolment.automation_id) == automation_id)
        .order_by(col(Enrolment.id).desc())
        .limit(SHOWN)
    )
    return [
        Inside(
            _masked(keys, cipher, data_key),
            row.step + 1,
            row.state,
            row.why,
            row.entered_at,
            row.due_at if row.state == "waiting" else None,
        )
        for row, cipher, data_key in session.execute(statement)
    ]


def set_aside(session: Session, keys: Keyring, automation_id: int) -> list[SetAside]:
    """Who is set aside, the newest fifty."""
    statement = (
        select(Enrolment, col(Number.cipher), col(Number.data_key))
        .join(Number, col(Number.id) == col(Enrolment.number_id))
        .where(col(Enrolment.automation_id) == automation_id, col(Enrolment.state) == "aside")
        .order_by(col(Enrolment.id).desc())
        .limit(SHOWN)
    )
    rows = session.execute(statement)
    return [SetAside(_masked(keys, cipher, key), row.step + 1, row.error) for row, cipher, key in rows]


def _masked(keys: Keyring, cipher: bytes, data_key: bytes) -> str:
    if not data_key:
        return "erased"
    try:
        return mask(SealedNumber(cipher, data_key).open(keys))
    except (KeyFileError, InvalidTag, ValueError):
        return "unreadable"
