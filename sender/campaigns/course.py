"""How a campaign goes while it goes: hour by hour, how fast each from_number sends, and who opts out after it."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
ENDED = ("delivered", "undelivered")


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
    """One walk over the texts that left or ended, whatever is counted of them."""
    sent, final = (_hour(session, column) for column in (col(Message.sent_at), col(Message.final_at)))
    met = or_(col(Message.sent_at).is_not(None), col(Message.status).in_(ENDED))
    grouped = select(sent, final, col(Message.status), func.count()).where(col(Message.campaign_id) == campaign_id, met)
    hours: dict[datetime, Counter[str]] = defaultdict(Counter)
    for left, ended, status, number in session.execute(grouped.group_by(sent, final, col(Message.status))):
        if left is not None:
            hours[_begins(left)]["sent"] += number
        if ended is not None and status in ENDED:
            hours[_begins(ended)][status] += number
    shown = sorted(hours)[-LONGEST_HOURS:]
    return [Hour(at, hours[at]["sent"], hours[at]["delivered"], hours[at]["undelivered"]) for at in shown]


def _hour(session: Session, column: Any) -> ColumnElement[Any]:
    """The hour of an instant: "2026-03-10 15" on SQLite, its beginning in UTC without a zone on PostgreSQL."""
    if session.get_bind().dialect.name == "sqlite":
        return func.substr(column, 1, 13)
    return func.date_trunc("hour", func.timezone("UTC", column))


def _begins(told: str | datetime) -> datetime:
    return (datetime.fromisoformat(f"{told}:00:00") if isinstance(told, str) else told).replace(tzinfo=UTC)


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
