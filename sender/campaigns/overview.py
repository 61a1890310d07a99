"""What the first page shows: what goes out, what needs a person, how delivery and opt-outs went, what was spent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlmodel import Session, col

from guards.base import Kind
from sender.campaigns.reports import Line
from sender.models import Campaign, ConsentEvent, Contact, ImportRun, Message, OwnPhone, Program, Reply, Spend, Trial
from sender.spend import ALL_DAYS
from sender.states import Status

ACTIVE = ("running", "paused", "scheduled", "approved", "submitted")
MOST = 20
TREND = timedelta(days=14)
LEFT = (Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.FAILED)

Programs = Collection[int] | None
"""Ids of the programs somebody may look at; None: all of them."""


@dataclass(frozen=True, slots=True)
class Active:
    """A campaign that is under way or about to be: its line, and why it stands still or who handed it in."""

    line: Line
    paused_why: str
    submitted_by: str
    recipients: int | None
    reserved: int
    budget: int | None


@dataclass(frozen=True, slots=True)
class Day:
    """One day (UTC): texts that reached the provider, of them delivered, and opt-outs."""

    day: date
    left: int
    delivered: int
    opt_outs: int

    @property
    def delivered_share(self) -> float | None:
        """Per cent delivered; None where nothing left."""
        return 100 * self.delivered / self.left if self.left else None

    @property
    def opt_out_share(self) -> float | None:
        """Opt-outs per hundred delivered texts; None where nothing was delivered."""
        return 100 * self.opt_outs / self.delivered if self.delivered else None


@dataclass(frozen=True, slots=True)
class Spent:
    """What campaigns with a budget had spent at least by the end of a day (UTC), and their budgets together.

    Both in ten-thousandths of the price table's currency.
    """

    day: date
    spent: int
    budget: int


@dataclass(frozen=True, slots=True)
class Begun:
    """How far a new installation is. ``phones``: proven ones of one's own; ``draft`` is the newest draft's id, or 0."""

    programs: int
    contacts: int
    imports: int
    campaigns: int
    left: int
    phones: int = 0
    draft: int = 0


def active(session: Session, programs: Programs) -> list[Active]:
    """The campaigns that are under way or about to be, those that run first; nothing is counted of them yet."""
    statement = (
        select(Campaign, col(Program.brand), col(Spend.reserved))
        .join(Program, col(Program.id) == col(Campaign.program_id))
        .outerjoin(Spend, (col(Spend.campaign_id) == col(Campaign.id)) & (col(Spend.day) == ALL_DAYS))
        .where(col(Campaign.status).in_(ACTIVE), *_mine(col(Campaign.program_id), programs))
        .order_by(col(Campaign.id).desc())
        .limit(MOST)
    )
    found = [_active(one, brand, reserved) for one, brand, reserved in session.execute(statement)]
    session.expunge_all()
    return sorted(found, key=lambda one: ACTIVE.index(one.line.status))


def _active(one: Campaign, brand: str, reserved: int | None) -> Active:
    line = Line(one.id or 0, one.name, one.program_id, brand, one.purpose, one.status, one.start_at, {})
    return Active(line, one.paused_why, one.submitted_by, one.recipients, reserved or 0, one.budget)


def replies_to_judge(session: Session, programs: Programs) -> int:
    """Replies that wait for a person to say what they meant."""
    mine = _mine(col(Reply.program_id), programs)
    counted = select(func.count()).where(col(Reply.state) == "review", *mine)
    return int(session.execute(counted).scalar_one())


def trend(session: Session, programs: Programs, now: datetime) -> list[Day]:
    """The last fourteen days, oldest first; texts count for the day on which they were due."""
    since = (now - TREND).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return days_of(session, programs, since, now + timedelta(days=1))


def days_of(session: Session, programs: Programs, since: datetime, until: datetime) -> list[Day]:
    """The days from one on (its midnight in UTC) to the one before another, oldest first."""
    texts = _texts_by_day(session, programs, since)
    stops = _opt_outs_by_day(session, programs, since)
    days = [since.date() + timedelta(days=n) for n in range((until.date() - since.date()).days)]
    return [Day(day, *texts.get(day.isoformat(), (0, 0)), stops.get(day.isoformat(), 0)) for day in days]


def _texts_by_day(session: Session, programs: Programs, since: datetime) -> dict[str, tuple[int, int]]:
    day = func.date(col(Message.send_after))
    statement = (
        select(day, col(Message.status), func.count())
        .where(
            col(Message.status).in_([state.value for state in LEFT]),
            col(Message.send_after) >= since,
            *_mine(col(Message.program_id), programs),
        )
        .group_by(day, col(Message.status))
    )
    found: dict[str, tuple[int, int]] = {}
    for when, status, number in session.execute(statement):
        left, delivered = found.get(str(when), (0, 0))
        found[str(when)] = left + number, delivered + (number if status == Status.DELIVERED.value else 0)
    return found


def _opt_outs_by_day(session: Session, programs: Programs, since: datetime) -> dict[str, int]:
    day = func.date(col(ConsentEvent.recorded_at))
    mine = _mine(col(ConsentEvent.program_id), programs)
    scope = or_(col(ConsentEvent.program_id).is_(None), *mine) if mine else col(ConsentEvent.id).is_not(None)
    counted = (col(ConsentEvent.kind) == "opt_out", col(ConsentEvent.recorded_at) >= since, scope)
    rows = session.execute(select(day, func.count()).where(*counted).group_by(day)).all()
    return {str(when): number for when, number in rows}


def against_budget(session: Session, programs: Programs, now: datetime) -> list[Spent]:
    """The spending of the campaigns that are under way with a budget, day by day, oldest first; none without any."""
    limited = col(Campaign.status).in_(ACTIVE), col(Campaign.budget).is_not(None)
    asked = select(col(Campaign.id), col(Campaign.budget)).where(*limited, *_mine(col(Campaign.program_id), programs))
    budgets = {one: int(budget or 0) for one, budget in session.execute(asked.limit(MOST))}
    day = func.date(col(Message.send_after))
    mine = col(Message.campaign_id).in_(budgets), col(Message.status).in_([state.value for state in LEFT])
    rows = session.execute(select(day, func.sum(col(Message.cost))).where(*mine).group_by(day)).all() if budgets else []
    costs = {str(when): int(cost) for when, cost in rows}
    days = [now.date() - timedelta(days=n) for n in range(TREND.days - 1, -1, -1)] if budgets else []
    total = sum(budgets.values())
    return [Spent(one, sum(cost for when, cost in costs.items() if when <= one.isoformat()), total) for one in days]


def spent(session: Session, programs: Programs, since: datetime) -> int:
    """What the texts that left since then cost at least, in ten-thousandths of the price table's currency."""
    counted = (
        col(Message.status).in_([state.value for state in LEFT]),
        col(Message.send_after) >= since,
        *_mine(col(Message.program_id), programs),
    )
    return int(session.execute(select(func.coalesce(func.sum(col(Message.cost)), 0)).where(*counted)).scalar_one())


def begun(session: Session, programs: Programs = None) -> Begun:
    """How far a new installation is; 0 or 1 each but ``draft``, as a checklist asks. A code is no text yet."""
    tried = exists().where(col(Trial.message_id) == col(Message.id))
    left = col(Message.status).in_([state.value for state in LEFT]), or_(col(Message.kind) != Kind.TEST.value, tried)
    newest = select(func.max(col(Campaign.id))).where(
        col(Campaign.status) == "draft", *_mine(col(Campaign.program_id), programs)
    )
    asked: Sequence[Any] = (
        exists(select(col(Program.id))),
        exists(select(col(Contact.id))),
        exists(select(col(ImportRun.id))),
        exists(select(col(Campaign.id))),
        exists(select(col(Message.id)).where(*left)),
        exists(select(col(OwnPhone.id)).where(col(OwnPhone.verified_at).is_not(None))),
        func.coalesce(newest.scalar_subquery(), 0),
    )
    return Begun(*(int(figure) for figure in session.execute(select(*asked)).one()))


def _mine(column: Any, programs: Programs) -> tuple[ColumnElement[bool], ...]:
    return () if programs is None else (column.in_(programs),)
