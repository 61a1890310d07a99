"""When a campaign stopped by itself, by which brake, and who let it go on: read from the audit, which knows it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.models import Audit

LATEST = 50
"""So many acts of a campaign are looked at: more than anybody reads."""
STOPS = ("campaign.pause", "campaign.paused")
ENDS = {"campaign.resume": "resumed", "campaign.cancel": "cancelled"}


@dataclass(frozen=True, slots=True)
class Standstill:
    """One time that it stopped by itself. ``ended``: "resumed" or "cancelled" by somebody, "" while it stands still.

    ``detail`` is the audit's: "why", and of a brake that counts "brake", "found", "of" and "limit" (a share).
    """

    at: datetime
    detail: Mapping[str, Any]
    ended: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""


def standstills(session: Session, campaign_id: int) -> list[Standstill]:
    """Each time it stopped by itself, newest first; what a person paused has no reason, and is not among it."""
    acts = (
        select(Audit)
        .where(col(Audit.action).in_([*STOPS, *ENDS]), col(Audit.subject) == f"campaign {campaign_id}")
        .order_by(col(Audit.id).desc())
        .limit(LATEST)
    )
    return _paired(reversed(session.execute(acts).scalars().all()))


def _paired(acts: Iterable[Audit]) -> list[Standstill]:
    """Each stop with the act that ended it, from acts in their order."""
    found: list[Standstill] = []
    for act in acts:
        if act.action in STOPS and act.detail.get("why"):
            found.append(Standstill(act.at, act.detail))
        elif act.action in ENDS and found and not found[-1].ended:
            found[-1] = replace(found[-1], ended=ENDS[act.action], ended_at=act.at, ended_by=act.actor)
    return found[::-1]
