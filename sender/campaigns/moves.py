"""The one way a campaign changes its state: a conditional update that names what it may leave, and an audit line."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.models import Audit, Campaign
from sender.runtime import Runtime

MAY_LEAVE: Mapping[str, tuple[str, ...]] = {
    "draft": ("submitted", "approved", "scheduled"),
    "submitted": ("draft",),
    "approved": ("submitted",),
    "scheduled": ("approved",),
    "running": ("scheduled", "paused"),
    "paused": ("running", "scheduled"),
    "finished": ("running",),
    "cancelled": ("draft", "submitted", "approved", "scheduled", "running", "paused"),
}
OVER = frozenset({"finished", "cancelled"})


class ControlError(Exception):
    """A campaign cannot be made or moved like this; the sentence says why and what to do."""


def move(
    session: Session,
    runtime: Runtime,
    campaign_id: int,
    to: str,
    actor: str,
    action: str,
    detail: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Move a campaign that is in a state which may become ``to``, else ControlError; keeps who did it."""
    statement = update(Campaign).where(col(Campaign.id) == campaign_id, col(Campaign.status).in_(MAY_LEAVE[to]))
    statement = statement.values(status=to, **columns).execution_options(synchronize_session=False)
    if not session.execute(statement.returning(col(Campaign.id))).all():
        status = session.execute(select(col(Campaign.status)).where(col(Campaign.id) == campaign_id)).scalar()
        raise ControlError(f"Campaign {campaign_id} is {status or 'unknown'}; it cannot become {to}.")
    audit(session, runtime.clock.now(), actor, action, campaign_id, detail or {})


def audit(
    session: Session, now: datetime, actor: str, action: str, campaign_id: int, detail: Mapping[str, Any]
) -> None:
    """One line of the audit about a campaign."""
    session.add(Audit(at=now, actor=actor, action=action, subject=f"campaign {campaign_id}", detail=dict(detail)))


def one(session: Session, campaign_id: int) -> Campaign:
    """The campaign as the database holds it; ControlError where there is none."""
    found: Campaign | None = session.get(Campaign, campaign_id, populate_existing=True)
    if found is None:
        raise ControlError(f"There is no campaign {campaign_id}; `tactful campaign list` shows them.")
    return found
