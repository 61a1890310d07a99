"""How long a from_number is busy with what is on its way to the provider: a text that joins waits behind it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, or_, select
from sqlmodel import Session, col

from sender.among import among
from sender.db import run_below
from sender.models import Campaign, FromNumber, Message
from sender.states import Status

AHEAD = (Status.QUEUED.value, Status.SENDING.value)
MARGIN_SECONDS = 3
"""The gate's margin is three real seconds on the campaign's clock: it tells how long a second is there."""

_MESSAGES = Message.__table__  # type: ignore[attr-defined]
_PARTS = (
    select(_MESSAGES.c.from_number_id, func.sum(case((_MESSAGES.c.parts < 1, 1), else_=_MESSAGES.c.parts)))
    .where(among(_MESSAGES.c.from_number_id, "ids"))
    .group_by(_MESSAGES.c.from_number_id)
)
_UNDER_WAY = _PARTS.where(_MESSAGES.c.status.in_(AHEAD))


def queues(session: Session, lines: Iterable[FromNumber], margin: timedelta) -> Mapping[int, timedelta]:
    """The time on the campaign's clock that each from_number needs for its parts that are queued or on the wire."""
    rates = {line.id or 0: line.rate for line in lines}
    if not rates:
        return {}
    ahead = _parts(session, _UNDER_WAY, rates)
    return {line_id: margin / MARGIN_SECONDS * (parts / rates[line_id]) for line_id, parts in ahead.items()}


def busy_until(
    session: Session, lines: Iterable[FromNumber], campaign_id: int, now: datetime, at: datetime
) -> dict[int, datetime]:
    """When each from_number will have sent what others than this campaign have due on it until ``at``."""
    rates = {line.id or 0: line.rate for line in lines}
    running = select(col(Campaign.id)).where(col(Campaign.status) == "running", col(Campaign.id) != campaign_id)
    due = (
        col(Message.status).in_((*AHEAD, Status.PENDING.value)),
        col(Message.send_after) <= at,
        or_(col(Message.campaign_id).is_(None), col(Message.campaign_id).in_(running)),
    )
    waiting = _parts(session, _PARTS.where(*due), rates)
    return {line_id: now + timedelta(seconds=parts / rates[line_id]) for line_id, parts in waiting.items()}


def _parts(session: Session, statement: Select[Any], line_ids: Iterable[int]) -> dict[int, int]:
    return {line_id: int(parts) for line_id, parts in run_below(session, statement, {"ids": list(line_ids)})}
