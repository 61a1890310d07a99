"""The compliance report: what was held back and why, and how long a STOP took to count."""

import statistics
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from sender.audience.sealer import head
from sender.models import Attempt, Canary, ConsentEvent, ConsentStanding, Decision, Message


@dataclass(frozen=True, slots=True)
class Held:
    """How often one guard decided so for one reason; ``texts`` are the different texts among them."""

    guard: str
    verdict: str
    reason: str
    decisions: int
    texts: int


@dataclass(frozen=True, slots=True)
class Stops:
    """Opt-outs on record in the period, and ``late``: gates that opened afterwards for people who are still out."""

    count: int
    late: int


@dataclass(frozen=True, slots=True)
class Canaries:
    """Our own STOPs through the real route: how many, how many failed, and seconds from the STOP to its block."""

    count: int
    failed: int
    median: float | None
    longest: float | None


@dataclass(frozen=True, slots=True)
class Compliance:
    """All of it, for one period."""

    held: list[Held]
    stops: Stops
    canaries: Canaries


@dataclass(frozen=True, slots=True)
class HeldDay:
    """Decisions of guards on one day (UTC): texts put off, and texts held back for good."""

    day: date
    put_off: int
    held_back: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """How the consent ledger stands: its sealed events, the hash of the last one, and how many wait for their seal."""

    sealed: int
    hash: str
    waiting: int


def held_by_day(
    session: Session, since: datetime, until: datetime, programs: Collection[int] | None = None
) -> list[HeldDay]:
    """What guards put off and held back, from the day of ``since`` to the one before ``until``, oldest first."""
    day = func.date(col(Decision.at))
    statement = select(day, col(Decision.verdict), func.count())
    if programs is not None:
        statement = statement.join(Message, col(Message.id) == col(Decision.message_id))
    which = (col(Decision.at) >= since, col(Decision.at) < until, *_mine(col(Message.program_id), programs))
    rows = session.execute(statement.where(*which).group_by(day, col(Decision.verdict)))
    counted = {(str(when), verdict): number for when, verdict, number in rows}
    days = [since.date() + timedelta(days=n) for n in range((until.date() - since.date()).days)]
    names = [(one, one.isoformat()) for one in days]
    return [HeldDay(one, counted.get((name, "defer"), 0), counted.get((name, "block"), 0)) for one, name in names]


def ledger(session: Session) -> Ledger:
    """How the ledger of consent stands; `tactful ledger verify` walks all of it."""
    end = head(session)
    waiting = select(func.count()).where(col(ConsentEvent.sequence).is_(None))
    return Ledger(end.sequence, end.hash.hex(), int(session.execute(waiting).scalar_one()))


def compliance(
    session: Session, since: datetime, until: datetime, programs: Collection[int] | None = None
) -> Compliance:
    """What guards decided and how stops took effect in a period; ``programs`` None: in all of them."""
    return Compliance(
        _held(session, since, until, programs),
        _stops(session, since, until, programs),
        _canaries(session, since, until),
    )


def _held(session: Session, since: datetime, until: datetime, programs: Collection[int] | None) -> list[Held]:
    columns = (col(Decision.guard), col(Decision.verdict), col(Decision.reason))
    texts = func.count(func.distinct(col(Decision.message_id)))
    statement = select(*columns, func.count(), texts).join(Message, col(Message.id) == col(Decision.message_id))
    which = (col(Decision.at) >= since, col(Decision.at) < until, *_mine(col(Message.program_id), programs))
    rows = session.execute(statement.where(*which).group_by(*columns).order_by(func.count().desc(), *columns))
    return [Held(*row) for row in rows]


def _stops(session: Session, since: datetime, until: datetime, programs: Collection[int] | None) -> Stops:
    mine = _mine(col(ConsentEvent.program_id), programs)
    stopped = (
        col(ConsentEvent.kind) == "opt_out",
        col(ConsentEvent.recorded_at) >= since,
        col(ConsentEvent.recorded_at) < until,
        *((or_(col(ConsentEvent.program_id).is_(None), *mine),) if mine else ()),
    )
    people = select(func.count(func.distinct(col(ConsentEvent.number_id)))).where(*stopped)
    return Stops(int(session.execute(people).scalar_one()), _late(session, stopped))


def _late(session: Session, stopped: tuple[Any, ...]) -> int:
    """Gates that let a text through although the stop it meets was on record, and still stands."""
    still_out = and_(
        col(ConsentStanding.number_id) == col(ConsentEvent.number_id),
        col(ConsentStanding.event_id) == col(ConsentEvent.id),
        col(ConsentStanding.state) == "out",
    )
    passed = and_(
        col(Attempt.number_id) == col(ConsentEvent.number_id),
        col(Attempt.gated_at) > col(ConsentEvent.recorded_at),
        col(Attempt.purpose) == col(ConsentEvent.purpose),
        col(Attempt.kind) != "answer",
        or_(col(ConsentEvent.program_id).is_(None), col(ConsentEvent.program_id) == col(Attempt.program_id)),
    )
    counted = select(func.count(func.distinct(col(Attempt.id)))).select_from(ConsentEvent)
    joined = counted.join(ConsentStanding, still_out).join(Attempt, passed)
    return int(session.execute(joined.where(*stopped)).scalar_one())


def _canaries(session: Session, since: datetime, until: datetime) -> Canaries:
    flown = select(col(Canary.seconds), col(Canary.why)).where(
        col(Canary.started_at) >= since, col(Canary.started_at) < until, col(Canary.seconds).is_not(None)
    )
    rows = session.execute(flown).all()
    took = [seconds or 0.0 for seconds, _ in rows]
    median = statistics.median(took) if took else None
    return Canaries(len(rows), sum(1 for _, why in rows if why), median, max(took, default=None))


def _mine(column: Any, programs: Collection[int] | None) -> tuple[Any, ...]:
    return () if programs is None else (column.in_(programs),)
