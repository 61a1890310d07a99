"""The compliance report: what was held back and why, and how long a STOP took to count."""

import statistics
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from sender.archive.past import attempts_on, decisions_between
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
    counted = Counter({(str(when), verdict): number for when, verdict, number in rows})
    for one in _archived(session, since, until, programs):
        counted[f"{one.at:%Y-%m-%d}", one.verdict] += 1
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
    found = {
        (guard, verdict, reason): counts
        for guard, verdict, reason, *counts in session.execute(statement.where(*which).group_by(*columns))
    }
    texts_of: dict[tuple[str, str, str], list[int]] = {}
    for one in _archived(session, since, until, programs):
        texts_of.setdefault((one.guard, one.verdict, one.reason), []).append(one.message_id)
    for key, ids in texts_of.items():
        decisions, different = found.get(key, (0, 0))
        found[key] = [decisions + len(ids), different + len(set(ids))]
    return [Held(*key, *counts) for key, counts in sorted(found.items(), key=lambda one: (-one[1][0], one[0]))]


def _archived(
    session: Session, since: datetime, until: datetime, programs: Collection[int] | None
) -> Iterator[Decision]:
    """Decisions of the period that lie in the archive: all of a text's do, so different texts add up."""
    for some in decisions_between(session, since, until):
        ids = {one.message_id for one in some}
        mine = select(col(Message.id)).where(col(Message.id).in_(ids), *_mine(col(Message.program_id), programs))
        known = ids if programs is None else set(session.execute(mine).scalars())
        yield from (one for one in some if one.message_id in known)


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
    passed = and_(
        col(Attempt.number_id) == col(ConsentEvent.number_id),
        col(Attempt.gated_at) > col(ConsentEvent.recorded_at),
        col(Attempt.purpose) == col(ConsentEvent.purpose),
        col(Attempt.kind) != "answer",
        or_(col(ConsentEvent.program_id).is_(None), col(ConsentEvent.program_id) == col(Attempt.program_id)),
    )
    counted = select(func.count(func.distinct(col(Attempt.id)))).select_from(ConsentEvent)
    joined = counted.join(ConsentStanding, _STILL_OUT).join(Attempt, passed)
    return int(session.execute(joined.where(*stopped)).scalar_one()) + _late_in_archive(session, stopped)


_STILL_OUT = and_(
    col(ConsentStanding.number_id) == col(ConsentEvent.number_id),
    col(ConsentStanding.event_id) == col(ConsentEvent.id),
    col(ConsentStanding.state) == "out",
)


def _late_in_archive(session: Session, stopped: tuple[Any, ...]) -> int:
    """The same in the archive. Who passed a gate after a stop has a text that changed after it: few have one."""
    stop = (col(ConsentEvent.number_id), col(ConsentEvent.recorded_at), col(ConsentEvent.purpose))
    changed = and_(
        col(Message.number_id) == col(ConsentEvent.number_id),
        col(Message.archive_page).is_not(None),
        col(Message.changed_at) > col(ConsentEvent.recorded_at),
        col(Message.kind) != "answer",
    )
    wanted = select(*stop, col(ConsentEvent.program_id), col(Message.id), col(Message.archive_page))
    joined = wanted.join(ConsentStanding, _STILL_OUT).join(Message, changed)
    stops: dict[int, list[tuple[Any, ...]]] = {}
    page_ids = set[int]()
    for number_id, at, purpose, program_id, message_id, page_id in session.execute(joined.where(*stopped)):
        stops.setdefault(message_id, []).append((number_id, at, purpose, program_id))
        page_ids.add(page_id)
    return sum(
        any(
            (one.number_id, one.purpose) == (number_id, purpose)
            and one.gated_at > at
            and program_id in (None, one.program_id)
            for number_id, at, purpose, program_id in stops.get(one.message_id, ())
        )
        for one in attempts_on(session, page_ids)
    )


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
