"""What an operator watches, read from the database when asked: queue, outcomes, receipts, spend, brake, canary.

One look costs a handful of indexed counts; each figure says by its name what it counts and in which unit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from sender.campaigns.reports import messages_by_status
from sender.models import Allowance, Campaign, Canary, ConsentEvent, Installation, Message, Receipt
from sender.runtime import Runtime
from sender.watching import notices
from sender.watching.watch import database_bytes, free_disk, unconfirmed

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Figure:
    """One gauge: its values by label value ("" where it has no ``label``)."""

    name: str
    says: str
    values: dict[str, float]
    label: str = ""


def figures(runtime: Runtime) -> list[Figure]:
    """Everything, as of now."""
    with runtime.db.read() as session:
        return [*_flow(runtime, session), *_trust(runtime, session), *_machine(runtime, session)]


def _flow(runtime: Runtime, session: Session) -> Iterator[Figure]:
    now, real = runtime.clock.now(), runtime.clock.real()
    by_status = {name: float(count) for name, count in messages_by_status(session).items()}
    yield Figure("tactful_messages", "Messages by state.", by_status, "status")
    yield Figure(
        "tactful_queue_age_seconds", "How long the oldest due message has waited.", {"": queue_age(session, now)}
    )
    total, unknown = unconfirmed(session, real)
    share = unknown / total if total else 0.0
    yield Figure("tactful_unconfirmed_ratio", "Share of an hour's texts of unknown outcome, 0 to 1.", {"": share})
    lag = receipt_lag(session, now)
    yield Figure("tactful_receipt_lag_seconds", "Age of the oldest receipt that was not applied.", {"": lag})
    failed = (col(Message.error_code).is_not(None), col(Message.changed_at) > now - DAY)
    codes = select(col(Message.error_code), func.count()).where(*failed).group_by(col(Message.error_code))
    by_code = {str(code): float(count) for code, count in session.execute(codes)}
    yield Figure("tactful_failed_day", "Texts that failed within a day, by the provider's error code.", by_code, "code")


def receipt_lag(session: Session, now: datetime) -> float:
    """Seconds for which the oldest receipt that is stored has waited to be applied."""
    waiting = select(func.min(col(Receipt.received_at))).where(col(Receipt.state) == "open")
    return _age(session.execute(waiting).scalar(), now)


def queue_age(session: Session, now: datetime) -> float:
    """Seconds for which the oldest due message has waited; those of paused campaigns wait because a person says so."""
    halted = select(col(Campaign.id)).where(col(Campaign.status) != "running")
    due = (col(Message.status).in_(["pending", "queued"]), col(Message.send_after) <= now)
    running = col(Message.campaign_id).is_(None) | col(Message.campaign_id).not_in(halted)
    return _age(session.execute(select(func.min(col(Message.send_after))).where(*due, running)).scalar(), now)


def _trust(runtime: Runtime, session: Session) -> Iterator[Figure]:
    now, real = runtime.clock.now(), runtime.clock.real()
    row = session.execute(select(Installation)).scalar()
    held = row is None or row.halted
    yield Figure("tactful_held", "1 while no gate opens: halted, or a copy that was not released.", {"": float(held)})
    seen = _age(row.seen_at if row else None, real)
    yield Figure("tactful_scheduler_age_seconds", "Since a scheduler last worked (by the minute).", {"": seen})
    out = (col(ConsentEvent.kind) == "opt_out", col(ConsentEvent.recorded_at) > now - DAY)
    stops = session.execute(select(func.count()).select_from(ConsentEvent).where(*out)).scalar_one()
    yield Figure("tactful_opt_outs_day", "Opt-outs recorded within a day.", {"": float(stops)})
    yield from _canary(runtime, session)
    open_ones = {"info": 0.0, "warning": 0.0, "alarm": 0.0}
    for one in notices.standing(session):
        open_ones[one.severity] = open_ones.get(one.severity, 0.0) + 1
    yield Figure("tactful_notices", "Notices that stand, by severity.", open_ones, "severity")


def _canary(runtime: Runtime, session: Session) -> Iterator[Figure]:
    """None where our own STOPs are switched off: the last one of before would only grow older."""
    last = session.execute(select(Canary).order_by(col(Canary.id).desc()).limit(1)).scalar()
    every = 60.0 * runtime.settings.canary_minutes
    if last is None or not every:
        return
    age = _age(last.started_at, runtime.clock.real())
    yield Figure("tactful_canary_age_seconds", "Since our own STOP was last sent.", {"": age})
    yield Figure("tactful_canary_every_seconds", "How often our own STOP is sent.", {"": every})
    yield Figure("tactful_canary_failed", "1 when our own STOP did not block.", {"": float(bool(last.why))})
    yield Figure("tactful_canary_seconds", "What our own STOP took to block.", {"": last.seconds or 0.0})


def _machine(runtime: Runtime, session: Session) -> Iterator[Figure]:
    today = runtime.clock.now().astimezone(UTC).date().isoformat()
    used = dict(
        session.execute(select(col(Allowance.key), col(Allowance.used)).where(col(Allowance.day) == today)).all()
    )
    by_key = {key: float(count) for key, count in used.items()}
    yield Figure("tactful_allowance_used", "What was used today of a cap of the day, by cap.", by_key, "cap")
    free, total = free_disk(runtime)
    size = float(database_bytes(runtime, session))
    yield Figure("tactful_disk_free_bytes", "Free bytes of the disk of TACTFUL_HOME.", {"": float(free)})
    yield Figure("tactful_disk_bytes", "Size of that disk.", {"": float(total)})
    yield Figure("tactful_database_bytes", "Size of the database.", {"": size})


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
