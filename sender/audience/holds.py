"""Legal holds: while somebody may go to court about it, nothing of a number, or of anybody, is forgotten.

A hold beats every erasure (GDPR 17(3)(e)) and every retention rule; placing and releasing one is an act in the audit.
"""

from datetime import datetime

from sqlalchemy import or_, select
from sqlmodel import Session, col

from sender.audit import note
from sender.models import LegalHold


class HoldError(Exception):
    """The hold cannot be placed or released like this; the sentence says why."""


def place(session: Session, number_id: int | None, why: str, actor: str, now: datetime) -> int:
    """Hold one number, or (None) everything; returns the hold's id. HoldError without a reason."""
    if not why.strip():
        raise HoldError("Say what the hold is for, such as the matter's name; it is kept in the audit.")
    hold = LegalHold(number_id=number_id, why=why.strip()[:200], since=now, placed_by=actor)
    session.add(hold)
    session.flush()
    note(session, now, actor, "hold.place", _subject(number_id), {"hold": hold.id, "why": hold.why})
    return hold.id or 0


def release(session: Session, number_id: int | None, actor: str, now: datetime) -> int:
    """Release every open hold of this number, or those on everything; returns how many. HoldError where none is."""
    mine = col(LegalHold.number_id).is_(None) if number_id is None else col(LegalHold.number_id) == number_id
    holds = list(session.execute(select(LegalHold).where(mine, col(LegalHold.released_at).is_(None))).scalars())
    if not holds:
        raise HoldError("There is no such hold.")
    for hold in holds:
        hold.released_at, hold.released_by = now, actor
        note(session, now, actor, "hold.release", _subject(number_id), {"hold": hold.id})
    return len(holds)


def held_by(session: Session, number_id: int | None) -> str:
    """Why nothing of this number may be forgotten, in one sentence; empty where it may. None: holds on everything."""
    mine = or_(col(LegalHold.number_id).is_(None), col(LegalHold.number_id) == number_id)
    wanted = select(LegalHold).where(mine, col(LegalHold.released_at).is_(None)).order_by(col(LegalHold.id))
    hold = session.execute(wanted.limit(1)).scalar()
    return in_words(hold) if hold else ""


def in_words(hold: LegalHold) -> str:
    """What a hold keeps, since when and why, in one sentence."""
    what = "Everything" if hold.number_id is None else "This number"
    return f"{what} is on legal hold since {hold.since:%Y-%m-%d} ({hold.why}); release the hold first."


def open_holds(session: Session) -> list[LegalHold]:
    """Every hold that stands, oldest first."""
    wanted = select(LegalHold).where(col(LegalHold.released_at).is_(None)).order_by(col(LegalHold.id))
    return list(session.execute(wanted).scalars())


def find_open(session: Session, hold_id: int) -> LegalHold | None:
    """This hold, while it stands."""
    found = session.get(LegalHold, hold_id)
    return found if found is not None and found.released_at is None else None


def _subject(number_id: int | None) -> str:
    return "everything" if number_id is None else f"number {number_id}"
