"""A campaign's life after its approval: scheduled, running, paused, finished, cancelled (moves.py has the states)."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from sender.approved import strayed
from sender.campaigns import approval, starts
from sender.campaigns.moves import ControlError, move, one
from sender.campaigns.writing import CampaignIn, VariantIn, create
from sender.db import Pace
from sender.locks import close_campaign
from sender.models import Campaign, Message
from sender.runtime import Runtime
from sender.states import OPEN, WAITING, Status, advance

SLICE = 500
SLICES = 10
OUTGROWN = "has grown since one person approved it; have it approved again"

__all__ = [
    "CampaignIn",
    "ControlError",
    "VariantIn",
    "cancel",
    "cancel_waiting",
    "create",
    "finish_done",
    "pause",
    "pause_strayed",
    "resume",
    "schedule",
    "start_due",
]


def schedule(
    runtime: Runtime,
    campaign_id: int,
    start_at: datetime | None,
    actor: str,
    latest_start: datetime | None = None,
    lateness: timedelta = starts.LATENESS,
) -> datetime:
    """Let it start by itself at ``start_at``, at ``latest_start`` or ``lateness`` later at the latest; then it asks.

    None: at the start that it was approved with, else now. A draft is submitted and approved in the same act where one
    person is enough. Returns the start.
    """
    with runtime.db.read() as session:
        draft = one(session, campaign_id).status == "draft"
    handed = approval.hand_in(runtime, campaign_id) if draft else approval.Handed(0)
    with runtime.db.write() as session:
        if draft:
            approval.approve_alone(session, runtime, campaign_id, actor, handed)
        campaign = one(session, campaign_id)
        start = starts.start_of(session, campaign, start_at, runtime.clock.now())
        approval.require_approved(session, campaign)
        latest = latest_start or start + lateness
        if latest < start:
            raise ControlError(f"Campaign {campaign.name!r} could never start: its latest start is before its start.")
        at = {"start_at": start.isoformat()}
        move(
            session,
            runtime,
            campaign_id,
            "scheduled",
            actor,
            "campaign.schedule",
            at,
            start_at=start,
            latest_start=latest,
        )
    return start


def pause(runtime: Runtime, campaign_id: int, actor: str, why: str = "") -> None:
    """No gate of it opens once this returns; what is on the wire goes its way."""
    with runtime.db.write() as session:
        close_campaign(session, campaign_id)
        move(session, runtime, campaign_id, "paused", actor, "campaign.pause", paused_why=why or f"paused by {actor}")


def resume(runtime: Runtime, campaign_id: int, actor: str) -> None:
    """Go on where it stopped; a campaign that missed its latest start begins now, because a person says so.

    ControlError where it is no longer what was approved.
    """
    with runtime.db.read() as session:
        campaign = one(session, campaign_id)
        if campaign.audience_end is None and approval.outgrown(session, runtime, campaign):
            raise ControlError(f"The audience of campaign {campaign.name!r} {OUTGROWN}, then resume.")
        if changed := approval.people_changed(session, campaign):
            raise ControlError(f"Campaign {campaign.name!r} cannot go on: {changed}.")
    with runtime.db.write() as session:
        approval.require_approved(session, one(session, campaign_id))
        now = runtime.clock.now()
        move(session, runtime, campaign_id, "running", actor, "campaign.resume", paused_why="", watched_since=now)


def cancel(runtime: Runtime, campaign_id: int, actor: str) -> None:
    """End it for good: no gate of it opens once this returns, the scheduler closes what waits."""
    with runtime.db.write() as session:
        close_campaign(session, campaign_id)
        move(session, runtime, campaign_id, "cancelled", actor, "campaign.cancel")


def start_due(runtime: Runtime) -> int:
    """Start what is due; what is late or no longer as approved is paused, and says so. Returns how many moved."""
    now, moved = runtime.clock.now(), 0
    with runtime.db.read() as session:
        due = (col(Campaign.status) == "scheduled", col(Campaign.start_at) <= now)
        found = list(session.execute(select(Campaign).where(*due)).scalars())
        whys = {campaign.id or 0: _why_not_yet(session, runtime, campaign, now) for campaign in found}
    for campaign_id, why in whys.items():
        to, columns = ("paused", {"paused_why": why}) if why else ("running", {})
        with runtime.db.write() as session:
            move(
                session, runtime, campaign_id, to, "scheduler", f"campaign.{to}", {"why": why} if why else {}, **columns
            )
        moved += 1
    return moved


def _why_not_yet(session: Session, runtime: Runtime, campaign: Campaign, now: datetime) -> str:
    if changed := approval.changed_parts(session, campaign):
        return f"it {changed}; approve it, then resume"
    if changed := approval.people_changed(session, campaign):
        return changed
    if campaign.latest_start is not None and now > campaign.latest_start:
        return "missed its start; resume it if it should still go"
    if approval.outgrown(session, runtime, campaign):
        return f"its audience {OUTGROWN}, then resume"
    return ""


def pause_strayed(runtime: Runtime) -> int:
    """Pause running campaigns that are no longer what was approved (their gates are shut already); returns how many."""
    with runtime.db.read() as session:
        running = session.execute(select(col(Campaign.id)).where(col(Campaign.status) == "running")).scalars()
        ids = strayed(session, [campaign_id or 0 for campaign_id in running])
    for campaign_id in sorted(ids):
        with runtime.db.write() as session:
            close_campaign(session, campaign_id)
            changed = approval.changed_parts(session, one(session, campaign_id))
            if changed is not None:
                _stop(session, runtime, campaign_id, f"it {changed}; approve it, then resume")
    return len(ids)


def stop(runtime: Runtime, campaign_id: int, why: str) -> None:
    """Pause a running campaign in which something was found that nobody approved: no gate of it opens after this."""
    with runtime.db.write() as session:
        close_campaign(session, campaign_id)
        _stop(session, runtime, campaign_id, why)


def _stop(session: Session, runtime: Runtime, campaign_id: int, why: str) -> None:
    if one(session, campaign_id).status == "running":
        move(session, runtime, campaign_id, "paused", "system", "campaign.pause", {"why": why}, paused_why=why)


def finish_done(runtime: Runtime) -> int:
    """Finish campaigns that are planned and have nothing open left; returns how many."""
    with runtime.db.read() as session:
        still_open = select(col(Message.campaign_id)).where(
            col(Message.campaign_id) == col(Campaign.id), col(Message.status).in_([state.value for state in OPEN])
        )
        planned = (col(Campaign.status) == "running", col(Campaign.planned_at).is_not(None))
        ids = session.execute(select(col(Campaign.id)).where(*planned, ~still_open.exists())).scalars().all()
    for campaign_id in ids:
        with runtime.db.write() as session:
            move(session, runtime, campaign_id or 0, "finished", "scheduler", "campaign.finish")
    return len(ids)


def cancel_waiting(runtime: Runtime) -> int:
    """Cancel up to 5,000 messages that wait in cancelled campaigns, 500 at a time; returns how many."""
    done = 0
    for _ in range(SLICES):
        some = _cancel_slice(runtime)
        done += some
        if some < SLICE:
            break
    return done


def _cancel_slice(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        cancelled = select(col(Campaign.id)).where(col(Campaign.status) == "cancelled")
        states = [state.value for state in WAITING]
        waiting = (col(Message.campaign_id).in_(cancelled), col(Message.status).in_(states))
        ids = session.execute(select(col(Message.id)).where(*waiting).limit(SLICE)).scalars().all()
    if not ids:
        return 0
    with runtime.db.write(Pace.BULK, redoable=True) as session:
        now, real = runtime.clock.now(), runtime.clock.real()
        wanted = [message_id for message_id in ids if message_id is not None]
        return len(advance(session, wanted, Status.CANCELLED, now=now, real=real, reason="campaign_cancelled"))
