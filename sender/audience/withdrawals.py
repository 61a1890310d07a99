"""Consent that is taken back, not by the person but by whoever put it there: an import undone, a number changed.

The ledger stays append-only: a withdrawal is an event that names the one it withdraws, and standing is reckoned again
from all events but the withdrawn ones. Only consent is withdrawn; an opt-out stays whatever becomes of its import.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience import ledger
from sender.audience.ledger import CHUNK, Act, Key
from sender.db import upsert
from sender.models import ConsentEvent, ConsentStanding

WITHDRAWAL = "withdrawal"


def withdraw(session: Session, events: Sequence[ConsentEvent], by: str, why: str, now: datetime) -> int:
    """Withdraw these opt-ins and bring standing up to date; returns how many were not withdrawn before.

    Callers hold the number rows' locks.
    """
    acts = [_withdrawal(event, by, why, now) for event in events if event.kind == "opt_in"]
    fresh = ledger.unknown(session, acts)
    ledger.append(session, fresh, now)
    rebuild(session, {act.number_id for act in fresh})
    return len(fresh)


def rebuild(session: Session, number_ids: Collection[int]) -> None:
    """Reckon the standings of these numbers from their events alone."""
    wanted = sorted(number_ids)
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        events = select(ConsentEvent).where(col(ConsentEvent.number_id).in_(some)).order_by(col(ConsentEvent.id))
        rows = replay(session.execute(events).scalars())
        session.execute(delete(ConsentStanding).where(col(ConsentStanding.number_id).in_(some)))
        upsert(session, ConsentStanding, list(rows.values()), ["number_id", "program_id", "purpose"])


def replay(events: Iterable[ConsentEvent]) -> dict[Key, dict[str, Any]]:
    """The standings that these events add up to, in the order in which they were written."""
    every = list(events)
    gone = {event.evidence["withdraws"] for event in every if event.kind == WITHDRAWAL}
    standings: dict[Key, dict[str, Any]] = {}
    for event in every:
        if event.kind == WITHDRAWAL or event.id in gone:
            continue
        act = _based(_act(event), standings)
        if not ledger.meets_opt_out(standings, act):
            rows = ledger.rows_of(act, standings)
            standings.update({key: {**row, "event_id": event.id} for key, row in rows.items()})
    return standings


def _based(act: Act, standings: dict[Key, dict[str, Any]]) -> Act:
    """A release gives back the consent under a hold; where that was withdrawn it gives back nothing."""
    under = standings.get((act.number_id, act.program_id or ledger.ALL_PROGRAMS, act.purpose.value), {})
    return replace(act, level="none") if act.kind == "release" and under.get("level", "none") == "none" else act


def _withdrawal(event: ConsentEvent, by: str, why: str, now: datetime) -> Act:
    return Act(
        number_id=event.number_id,
        program_id=event.program_id,
        kind=WITHDRAWAL,
        purpose=Purpose(event.purpose),
        at=now,
        source="operator",
        source_ref=f"withdrawal:{event.id}",
        attested_by=by,
        evidence={"withdraws": event.id, "why": why},
    )


def _act(event: ConsentEvent) -> Act:
    return Act(
        number_id=event.number_id,
        program_id=event.program_id,
        kind=event.kind,
        purpose=Purpose(event.purpose),
        at=event.at,
        source=event.source,
        level=event.level,
        lapses_at=event.lapses_at,
    )
