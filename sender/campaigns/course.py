"""How a campaign goes while it goes: hour by hour, how fast each from_number sends, and who opts out after it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlmodel import Session, col

from sender.audience.crowds import called
from sender.audience.numbers import SealedNumber
from sender.audience.phone import mask
from sender.crypto import Keyring
from sender.models import Campaign, ConsentEvent, Contact, FromNumber, Message, Number

RATE_OVER = timedelta(minutes=5)
NAMED = 8
LONGEST_HOURS = 24 * 7


@dataclass(frozen=True, slots=True)
class Hour:
    """Texts that were handed over, delivered and refused within one hour (its beginning, UTC)."""

    begins: datetime
    sent: int
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What one from_number may send in a minute, in parts, and what it sent of this campaign lately."""

    address: str
    country: str
    allowed: float
    lately: float


@dataclass(frozen=True, slots=True)
class Stop:
    """One opt-out after a text of this campaign."""

    at: datetime
    name: str
    number: str


@dataclass(frozen=True, slots=True)
class Course:
    """All of it; ``stops`` are the newest of ``opt_outs``."""

    hours: list[Hour]
    rates: list[Rate]
    stops: list[Stop]
    opt_outs: int


def course(session: Session, keys: Keyring, campaign: Campaign, now: datetime) -> Course:
    """How this campaign goes. Reads every message of it: ask for it at most every few seconds."""
    stops, opt_outs = _stops(session, keys, campaign)
    return Course(_hours(session, campaign.id or 0), _rates(session, campaign, now), stops, opt_outs)


def _hours(session: Session, campaign_id: int) -> list[Hour]:
    sent = _by_hour(session, campaign_id, col(Message.sent_at), None)
    delivered = _by_hour(session, campaign_id, col(Message.final_at), "delivered")
    failed = _by_hour(session, campaign_id, col(Message.final_at), "undelivered")
    met = sorted({*sent, *delivered, *failed})
    return [Hour(hour, sent.get(hour, 0), delivered.get(hour, 0), failed.get(hour, 0)) for hour in met[-LONGEST_HOURS:]]


def _by_hour(session: Session, campaign_id: int, column: Any, status: str | None) -> dict[datetime, int]:
    hour = _hour(session, column)
    which = [col(Message.campaign_id) == campaign_id, column.is_not(None)]
    which += [col(Message.status) == status] if status else []
    rows = session.execute(select(hour, func.count()).where(*which).group_by(hour)).all()
    return {datetime.fromisoformat(f"{told}:00:00+00:00"): number for told, number in rows}


def _hour(session: Session, column: Any) -> ColumnElement[str]:
    """The hour of an instant as text, such as "2026-03-10T15"."""
    if session.get_bind().dialect.name == "sqlite":
        return func.strftime("%Y-%m-%dT%H", column)
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24')


def _rates(session: Session, campaign: Campaign, now: datetime) -> list[Rate]:
    lately = (col(Message.campaign_id) == campaign.id, col(Message.sent_at) >= now - RATE_OVER)
    counted = select(col(Message.from_number_id), func.sum(col(Message.parts))).where(*lately)
    sent = dict(session.execute(counted.group_by(col(Message.from_number_id))).all())
    mine = select(FromNumber).where(col(FromNumber.program_id) == campaign.program_id)
    minutes = RATE_OVER.total_seconds() / 60
    return [
        Rate(line.address, line.country, line.rate * 60, (sent.get(line.id) or 0) / minutes)
        for line in session.execute(mine.order_by(col(FromNumber.id))).scalars()
    ]


def _stops(session: Session, keys: Keyring, campaign: Campaign) -> tuple[list[Stop], int]:
    after = (
        col(ConsentEvent.kind) == "opt_out",
        or_(col(ConsentEvent.program_id).is_(None), col(ConsentEvent.program_id) == campaign.program_id),
        col(Message.campaign_id) == campaign.id,
        col(Message.sent_at) <= col(ConsentEvent.at),
    )
    joined = col(Message.number_id) == col(ConsentEvent.number_id)
    number = session.execute(
        select(func.count()).select_from(ConsentEvent).join(Message, joined).where(*after)
    ).scalar_one()
    newest = (
        select(col(ConsentEvent.at), col(Number.cipher), col(Number.data_key), col(Contact.attributes))
        .join(Message, joined)
        .join(Number, col(Number.id) == col(ConsentEvent.number_id))
        .outerjoin(Contact, col(Contact.number_id) == col(ConsentEvent.number_id))
        .where(*after)
        .order_by(col(ConsentEvent.id).desc())
        .limit(NAMED)
    )
    rows = session.execute(newest).all()
    return [Stop(at, called(some or {}), _masked(keys, SealedNumber(c, k))) for at, c, k, some in rows], number


def _masked(keys: Keyring, sealed: SealedNumber) -> str:
    try:
        return mask(sealed.open(keys))
    except ValueError:
        return "erased"
