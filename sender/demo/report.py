"""The report of the demo, as the product tells it: read from its database, then held against the world outside."""

from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from sender.campaigns.reports import progress
from sender.models import Attempt, Campaign, ConsentEvent, Message, Receipt
from sender.states import REACHED_PROVIDER, Status


def make_report(session: Session, codes: dict[int, str], real: datetime) -> dict[str, Any]:
    """Everything the checker compares with the log; ``codes`` is the word in the texts of each campaign, by id."""
    return {
        "made_at": real.timestamp(),
        "campaigns": [_campaign(session, campaign_id, code) for campaign_id, code in codes.items()],
        "messages": _messages(session),
        "opted_out_by_reply": replied(session),
    }


def receipts(session: Session) -> tuple[int, int]:
    """How many receipts are stored, and how many of them are not applied yet."""
    is_open = func.sum(case((col(Receipt.state) == "open", 1), else_=0))
    stored, waiting = session.execute(select(func.count(), is_open).select_from(Receipt)).one()
    return int(stored), int(waiting or 0)


def _campaign(session: Session, campaign_id: int, code: str) -> dict[str, Any]:
    found = progress(session, campaign_id)
    return {
        "name": session.get_one(Campaign, campaign_id).name,
        "code": code,
        "planned": found.total,
        "states": found.by_status,
        "blocked": {reason: count for status, reason, count in found.by_reason if status == Status.BLOCKED.value},
        "deferred_then_sent": _deferred_then_sent(session, campaign_id),
        "parts": found.parts,
    }


def _deferred_then_sent(session: Session, campaign_id: int) -> int:
    reached = [status.value for status in REACHED_PROVIDER]
    which = (col(Message.campaign_id) == campaign_id, col(Message.deferrals) > 0, col(Message.status).in_(reached))
    return int(session.execute(select(func.count()).select_from(Message).where(*which)).scalar_one())


def _messages(session: Session) -> dict[str, str]:
    """The state of each campaign text the provider gave an id."""
    statement = select(col(Attempt.sid), col(Message.status)).join(Message, col(Message.id) == col(Attempt.message_id))
    known = (col(Attempt.sid).is_not(None), col(Message.campaign_id).is_not(None))
    return {sid or "": status for sid, status in session.execute(statement.where(*known)).tuples()}


def replied(session: Session) -> int:
    """How many people were opted out, or held for a person to read, because of what they wrote."""
    counted = select(func.count(func.distinct(col(ConsentEvent.number_id))))
    which = (col(ConsentEvent.source) == "keyword", col(ConsentEvent.kind).in_(["opt_out", "hold"]))
    return int(session.execute(counted.where(*which)).scalar_one())
