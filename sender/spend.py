"""Budgets: what a campaign may spend in all and on one day (UTC), set aside by the gate before a text leaves.

The database keeps the promise: ``reserved`` grows only by an update that names its cap, so that no number of gates at
once passes it. What was set aside stays so: a text that was proven not created is not charged a second time when it is
tried again (its ``tries`` tell), and one that failed for good still counts. So a budget is never overspent, and at
worst not wholly used.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.db import insert_new
from sender.models import Audit, Campaign, Spend

ALL_DAYS = ""


class Wanted(NamedTuple):
    """One text that would cost ``cost`` of its campaign's budget; ``key`` is the caller's name for it."""

    key: int
    campaign_id: int
    cost: int


class Shortage(NamedTuple):
    """Why a text may not go: "budget" (all of it is used) or "daily_budget", until when at least, in one sentence."""

    reason: str
    until: datetime
    note: str


WHEN_ALL_IS_USED = timedelta(minutes=5)
"""Its campaign is paused; were it resumed with a greater budget, the text may ask again then."""


def reserve(session: Session, wanted: Sequence[Wanted], now: datetime) -> dict[int, Shortage]:
    """Set aside what these texts cost, in their order; returns those that may not go, by key.

    Call it last in the gate's transaction, for texts that every guard has cleared; rows are locked by campaign id.
    """
    short: dict[int, Shortage] = {}
    if not wanted:
        return short
    for campaign_id, budget, daily in _budgets(session, {one.campaign_id for one in wanted}):
        mine = [one for one in wanted if one.campaign_id == campaign_id]
        today = now.astimezone(UTC).date().isoformat()
        if daily is not None:
            tomorrow = datetime.fromisoformat(today).replace(tzinfo=UTC) + timedelta(days=1)
            refusal = Shortage(
                "daily_budget", tomorrow, "The campaign's budget of the day is used; more goes tomorrow."
            )
            short |= {one.key: refusal for one in _take(session, campaign_id, today, daily, mine)}
            mine = [one for one in mine if one.key not in short]
        if budget is not None:
            refusal = Shortage("budget", now + WHEN_ALL_IS_USED, "The campaign's budget is used.")
            short |= {one.key: refusal for one in _take(session, campaign_id, ALL_DAYS, budget, mine)}
    return short


def pause_where_used(session: Session, campaign_ids: Iterable[int], now: datetime) -> None:
    """Pause running campaigns whose budget is used and say so; a person raises it and resumes. Its own transaction."""
    for campaign_id in sorted(campaign_ids):
        why = {"status": "paused", "paused_why": "its budget is used; raise it and resume"}
        running = (col(Campaign.id) == campaign_id, col(Campaign.status) == "running")
        if session.execute(update(Campaign).where(*running).values(**why).returning(col(Campaign.id))).all():
            subject = f"campaign {campaign_id}"
            session.add(Audit(at=now, actor="gate", action="campaign.pause", subject=subject, detail={"why": "budget"}))


def reserved(session: Session, campaign_id: int, day: str = ALL_DAYS) -> int:
    """What is set aside so far, in ten-thousandths."""
    row = session.get(Spend, (campaign_id, day), populate_existing=True)
    return row.reserved if row else 0


def _budgets(session: Session, campaign_ids: set[int]) -> list[tuple[int, int | None, int | None]]:
    limited = col(Campaign.budget).is_not(None) | col(Campaign.daily_budget).is_not(None)
    columns = (col(Campaign.id), col(Campaign.budget), col(Campaign.daily_budget))
    statement = select(*columns).where(col(Campaign.id).in_(campaign_ids), limited).order_by(col(Campaign.id))
    return [(campaign_id or 0, budget, daily) for campaign_id, budget, daily in session.execute(statement)]


def _take(session: Session, campaign_id: int, day: str, cap: int, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Set aside for as many as fit, first come first served; returns the others."""
    insert_new(session, Spend, [{"campaign_id": campaign_id, "day": day, "reserved": 0, "cap": cap}])
    mine = (col(Spend.campaign_id) == campaign_id, col(Spend.day) == day)
    left = cap - session.execute(select(col(Spend.reserved)).where(*mine).with_for_update()).scalar_one()
    going: list[Wanted] = []
    others: list[Wanted] = []
    for one in wanted:
        fits = one.cost <= left
        (going if fits else others).append(one)
        left -= one.cost if fits else 0
    amount = sum(one.cost for one in going)
    room = (*mine, col(Spend.reserved) + amount <= cap)
    statement = update(Spend).where(*room).values(reserved=col(Spend.reserved) + amount, cap=cap)
    done = session.execute(statement.returning(col(Spend.day))).all() if going else []
    return others if done or not going else list(wanted)
