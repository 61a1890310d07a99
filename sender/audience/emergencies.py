"""The switch per place: declare an emergency, end it, and say which are declared (read by every gate)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, bindparam, or_, select, update
from sqlmodel import Session, col

from guards.zones import country_zones
from sender.db import run_below
from sender.locks import close_installation
from sender.models import Audit, Emergency
from sender.runtime import Runtime


class EmergencyError(Exception):
    """An emergency cannot be declared or ended like this; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One emergency in force: its place, since when, until when (None: until somebody ends it), why and by whom."""

    place: str
    since: datetime
    until: datetime | None
    why: str
    declared_by: str


def declare(runtime: Runtime, place: str, why: str, actor: str, until: datetime | None = None) -> str:
    """Close a place; no gate into it is open once this returns. Returns its code; a second reason is a second row."""
    code, now = _place(place), runtime.clock.now()
    if not why.strip():
        raise EmergencyError("An emergency needs a reason, which is kept; write why, with the source.")
    if until is not None and until <= now:
        raise EmergencyError(f"The end {until.isoformat()} is over already; give a later one or none.")
    with runtime.db.write() as session:
        close_installation(session)
        session.add(Emergency(place=code, since=now, until=until, why=why.strip(), declared_by=actor))
        detail = {"why": why.strip(), "until": until.isoformat() if until else None}
        session.add(Audit(at=now, actor=actor, action="emergency.declare", subject=code, detail=detail))
    return code


def end(runtime: Runtime, place: str, why: str, actor: str) -> str:
    """End every emergency of a place. EmergencyError where none is declared, or no reason is given."""
    code, now = _place(place), runtime.clock.now()
    if not why.strip():
        raise EmergencyError("Ending an emergency needs a reason, which is kept; write why, with the source.")
    with runtime.db.write() as session:
        mine = update(Emergency).where(col(Emergency.place) == code, *_in_force(now))
        if not session.execute(mine.values(until=now).returning(col(Emergency.id))).all():
            raise EmergencyError(f"No emergency is declared in {code}; `tactful rules emergency list` shows them.")
        session.add(Audit(at=now, actor=actor, action="emergency.end", subject=code, detail={"why": why.strip()}))
    return code


def declared(session: Session, now: datetime) -> list[Declared]:
    """Every emergency in force at ``now``, by place."""
    rows = session.execute(select(Emergency).where(*_in_force(now)).order_by(col(Emergency.place), col(Emergency.id)))
    return [Declared(row.place, row.since, row.until, row.why, row.declared_by) for row in rows.scalars()]


def declared_places(session: Session, now: datetime) -> frozenset[str]:
    """The codes of the places that are closed at ``now``."""
    return frozenset(run_below(session, _PLACES, {"now": now}).scalars())


def _in_force(now: datetime | BindParameter[datetime]) -> list[ColumnElement[bool]]:
    return [col(Emergency.since) <= now, or_(col(Emergency.until).is_(None), col(Emergency.until) > now)]


_PLACES = select(Emergency.__table__.c.place).where(*_in_force(bindparam("now")))  # type: ignore[attr-defined]


def _place(text: str) -> str:
    code = text.strip().upper()
    if not country_zones(code):
        raise EmergencyError(f"Nobody knows a place {text!r}; write a state such as US-LA or a country such as FR.")
    return code
