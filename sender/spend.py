"""Budgets: what a campaign may spend in all and on one day (UTC), set aside by the gate before a text leaves.

The database keeps the promise: ``reserved`` grows only by an update that names its cap, so that no number of gates at
once passes it. What was set aside stays so: a text that was proven not created is not charged a second time when it is
tried again (its ``tries`` tell), and one that failed for good still counts. So a budget is never overspent, and at
worst not wholly used.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.allowances import Purse, Shortage, day_of
from sender.among import among
from sender.db import insert_new, run_below
from sender.models import Audit, Campaign, Spend

ALL_DAYS = ""
_CAMPAIGNS = Campaign.__table__  # type: ignore[attr-defined]
_LIMITED = (
    select(_CAMPAIGNS.c.id, _CAMPAIGNS.c.budget, _CAMPAIGNS.c.daily_budget)
    .where(among(_CAMPAIGNS.c.id, "ids"), _CAMPAIGNS.c.budget.is_not(None) | _CAMPAIGNS.c.daily_budget.is_not(None))
    .order_by(_CAMPAIGNS.c.id)
)

WHEN_ALL_IS_USED = timedelta(minutes=5)
"""Its campaign is paused; were it resumed with a greater budget, the text may ask again then."""


def purses(session: Session, campaign_ids: Collection[int], now: datetime) -> dict[int, list[Purse]]:
    """The purses of these campaigns, of the day and of all days, where they have one; locked by campaign id."""
    found: dict[int, list[Purse]] = {}
    if not campaign_ids:
        return found
    today = day_of(now)
    for campaign_id, budget, daily in _budgets(session, campaign_ids):
        mine = found.setdefault(campaign_id, [])
        if daily is not None:
            note = "The campaign's budget of the day is used; more goes tomorrow."
            mine.append(_purse(session, campaign_id, today.name, daily, Shortage("daily_budget", today.ends, note)))
        if budget is not None:
            refusal = Shortage("budget", now + WHEN_ALL_IS_USED, "The campaign's budget is used.")
            mine.append(_purse(session, campaign_id, ALL_DAYS, budget, refusal))
    return found


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


def _budgets(session: Session, campaign_ids: Collection[int]) -> list[tuple[int, int | None, int | None]]:
    return [(one, budget, daily) for one, budget, daily in run_below(session, _LIMITED, {"ids": list(campaign_ids)})]


def _purse(session: Session, campaign_id: int, day: str, cap: int, shortage: Shortage) -> Purse:
    insert_new(session, Spend, [{"campaign_id": campaign_id, "day": day, "reserved": 0, "cap": cap}])
    mine = (col(Spend.campaign_id) == campaign_id, col(Spend.day) == day)
    used = session.execute(select(col(Spend.reserved)).where(*mine).with_for_update()).scalar_one()
    return Purse(Spend, col(Spend.reserved), mine, cap, cap - used, shortage, also={"cap": cap})
