"""Who is in an automation, as a page shows it: masked numbers, how far, and what comes next."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.numbers import SealedNumber
from sender.audience.phone import mask
from sender.crypto import Keyring
from sender.models import Enrolment, Number

SHOWN = 50


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
            mask(SealedNumber(cipher, data_key).open(keys)) if data_key else "erased",
            row.step + 1,
            row.state,
            row.why,
            row.entered_at,
            row.due_at if row.state == "waiting" else None,
        )
        for row, cipher, data_key in session.execute(statement)
    ]
