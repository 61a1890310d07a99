"""Copies of campaigns and their shelf: duplicate, archive, and a second mailing to those the first did not reach."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlmodel import Session, col

from guards.local_start import first_of
from sender.campaigns import starts
from sender.campaigns.moves import OVER, ControlError, audit, one
from sender.campaigns.writing import CampaignIn, add, written
from sender.locks import close_campaign
from sender.models import Campaign, Message
from sender.runtime import Runtime
from sender.states import WAITING


def duplicate(runtime: Runtime, campaign_id: int, name: str, actor: str, second_person: str = "") -> int:
    """A new draft with everything but the past: no approval, no start or end that has passed. Returns its id.

    It is a mailing of its own, to the whole audience, even where the first was for the rest of another.
    """
    with runtime.db.write() as session:
        wanted = replace(_ahead(written(session, campaign_id), runtime.clock.now()), name=name)
        wanted = replace(wanted, second_person=second_person)
        return add(session, runtime, wanted, actor, {"copy_of": campaign_id}, words_of=campaign_id)


def send_to_the_rest(runtime: Runtime, campaign_id: int, name: str, actor: str, second_person: str = "") -> int:
    """A new draft for those of the audience whom a finished or cancelled campaign did not reach. Returns its id.

    That is who was not planned (new contacts, too), and whose text never left because it was cancelled, too late or
    could not be made; never who got one, may have got one, or may not get one. It holds for all campaigns of the
    family, and one of them at a time.
    """
    with runtime.db.write() as session:
        first = one(session, campaign_id).rest_of or campaign_id
        close_campaign(session, first)
        _require_over(session, first)
        wanted = replace(_ahead(written(session, campaign_id), runtime.clock.now()), name=name)
        detail = {"rest_of": first}
        wanted = replace(wanted, second_person=second_person)
        return add(session, runtime, wanted, actor, detail, words_of=campaign_id, rest_of=first)


def archive(runtime: Runtime, campaign_id: int, actor: str) -> None:
    """Take a finished or cancelled campaign out of the lists; nothing of it is lost."""
    _shelve(runtime, campaign_id, actor, "campaign.archive", runtime.clock.now())


def restore(runtime: Runtime, campaign_id: int, actor: str) -> None:
    """Put an archived campaign back into the lists."""
    _shelve(runtime, campaign_id, actor, "campaign.restore", None)


def _shelve(runtime: Runtime, campaign_id: int, actor: str, action: str, at: datetime | None) -> None:
    with runtime.db.write() as session:
        campaign = one(session, campaign_id)
        if campaign.status not in OVER:
            raise ControlError(f"Campaign {campaign.name!r} is {campaign.status}; cancel it before you archive it.")
        session.execute(update(Campaign).where(col(Campaign.id) == campaign_id).values(archived_at=at))
        audit(session, runtime.clock.now(), actor, action, campaign_id, {})


def _ahead(wanted: CampaignIn, now: datetime) -> CampaignIn:
    """Without the times that have come already."""
    changes: dict[str, Any] = {}
    for name in ("end_at", "begins_at"):
        at = getattr(wanted, name)
        changes[name] = at if at is not None and at > now else None
    wall = starts.wall_time(wanted.local_start)
    changes["local_start"] = wanted.local_start if wall is not None and first_of(wall, ()) > now else ""
    return replace(wanted, **changes)


def _require_over(session: Session, first: int) -> None:
    """Two mailings to one rest at once could text a person twice, and what still waits may yet leave."""
    family = or_(col(Campaign.id) == first, col(Campaign.rest_of) == first)
    not_over = select(col(Campaign.name)).where(family, col(Campaign.status).not_in(OVER))
    name = session.execute(not_over.limit(1)).scalar()
    if name is not None:
        raise ControlError(f"Campaign {name!r} is not over; wait until it is finished, or cancel it.")
    ids = select(col(Campaign.id)).where(family)
    waiting = (col(Message.campaign_id).in_(ids), col(Message.status).in_([state.value for state in WAITING]))
    left = session.execute(select(func.count()).select_from(Message).where(*waiting)).scalar_one()
    if left:
        raise ControlError(f"{left:,} texts of the cancelled campaign are still being closed; try again in a moment.")
