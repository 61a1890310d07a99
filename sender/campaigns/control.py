"""A campaign's life: draft, scheduled, running, paused, finished, cancelled; every move is a conditional update."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from guards.base import Policy, Purpose
from sender.audience import segments
from sender.campaigns import findings
from sender.campaigns.rendering import compile_template
from sender.db import Pace
from sender.locks import close_campaign
from sender.models import Audit, Campaign, Message, Program, Variant
from sender.runtime import Runtime
from sender.states import OPEN, WAITING, Status, advance

LATENESS = timedelta(minutes=15)
SLICE = 500
MAY_LEAVE: Mapping[str, tuple[str, ...]] = {
    "scheduled": ("draft",),
    "draft": ("scheduled",),
    "running": ("scheduled", "paused"),
    "paused": ("running", "scheduled"),
    "finished": ("running",),
    "cancelled": ("draft", "scheduled", "running", "paused"),
}


class ControlError(Exception):
    """A campaign cannot be made or moved like this; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class VariantIn:
    """One variant as it is written: a name, a segment definition, a template and its fields' defaults."""

    name: str
    segment: dict[str, Any]
    template: str
    defaults: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CampaignIn:
    """A campaign as it is written. Instants are aware; budgets are ten-thousandths of the price table's currency.

    ``second_person`` confirms that words which look like marketing are of a laxer purpose.
    """

    name: str
    program: str
    variants: Sequence[VariantIn]
    purpose: Purpose = Purpose.MARKETING
    end_at: datetime | None = None
    budget: int | None = None
    daily_budget: int | None = None
    second_person: str = ""


def create(runtime: Runtime, wanted: CampaignIn, actor: str) -> int:
    """Check and keep a draft; returns its id. ControlError, SegmentError or TemplateError say what to mend."""
    if not wanted.variants:
        raise ControlError(f"Campaign {wanted.name!r} has no variant; give it a segment and a template.")
    now = runtime.clock.now()
    with runtime.db.write() as session:
        program = session.execute(select(Program).where(col(Program.slug) == wanted.program)).scalar_one_or_none()
        if program is None:
            raise ControlError(f"There is no program {wanted.program!r}; `tactful program list` shows them.")
        if wanted.purpose.value not in program.purposes:
            raise ControlError(f"Program {wanted.program!r} does not send {wanted.purpose.value} texts.")
        if session.execute(select(col(Campaign.id)).where(col(Campaign.name) == wanted.name)).scalar() is not None:
            raise ControlError(f"There is a campaign {wanted.name!r} already; give this one another name.")
        campaign = Campaign(
            program_id=program.id or 0,
            name=wanted.name,
            purpose=wanted.purpose.value,
            end_at=wanted.end_at,
            budget=wanted.budget,
            daily_budget=wanted.daily_budget,
            created_by=actor,
            created_at=now,
        )
        session.add(campaign)
        session.flush()
        session.add_all(_variants(campaign.id or 0, wanted.variants))
        _check_words(wanted, findings.policy_for(program), actor)
        detail = {"name": wanted.name, "second_person": wanted.second_person}
        _audit(session, now, actor, "campaign.create", campaign.id or 0, detail)
        return campaign.id or 0


def _variants(campaign_id: int, wanted: Sequence[VariantIn]) -> list[Variant]:
    rows = []
    for position, one in enumerate(wanted):
        segments.parse(one.segment)
        compile_template(one.template, one.defaults)
        row = Variant(campaign_id=campaign_id, position=position, name=one.name, template=one.template)
        row.segment, row.defaults = one.segment, one.defaults
        rows.append(row)
    return rows


def _check_words(wanted: CampaignIn, policy: Policy, actor: str) -> None:
    try:
        for one in wanted.variants:
            findings.check_template(one.name, one.template, wanted.purpose, policy, actor, wanted.second_person)
    except findings.FindingError as error:
        raise ControlError(str(error)) from error
    if any(budget is not None and budget < 1 for budget in (wanted.budget, wanted.daily_budget)):
        raise ControlError(f"The budget of campaign {wanted.name!r} must be above 0; leave it out for no limit.")


def schedule(
    runtime: Runtime, campaign_id: int, start_at: datetime, actor: str, latest_start: datetime | None = None
) -> None:
    """Let it start by itself at ``start_at``, at the latest 15 minutes later; beyond that a person is asked."""
    latest = latest_start or start_at + LATENESS
    with runtime.db.write() as session:
        campaign = session.get_one(Campaign, campaign_id)
        if campaign.end_at is not None and campaign.end_at <= start_at:
            raise ControlError(f"Campaign {campaign.name!r} would end before it starts; move its end or its start.")
        columns = {"start_at": start_at, "latest_start": latest}
        _move(session, runtime, campaign_id, "scheduled", actor, "campaign.schedule", **columns)


def pause(runtime: Runtime, campaign_id: int, actor: str, why: str = "") -> None:
    """No gate of it opens once this returns; what is on the wire goes its way."""
    with runtime.db.write() as session:
        close_campaign(session, campaign_id)
        _move(session, runtime, campaign_id, "paused", actor, "campaign.pause", paused_why=why or f"paused by {actor}")


def resume(runtime: Runtime, campaign_id: int, actor: str) -> None:
    """Go on where it stopped; a campaign that missed its latest start begins now, because a person says so."""
    with runtime.db.write() as session:
        _move(session, runtime, campaign_id, "running", actor, "campaign.resume", paused_why="")


def cancel(runtime: Runtime, campaign_id: int, actor: str) -> None:
    """End it for good: no gate of it opens once this returns, the scheduler closes what waits."""
    with runtime.db.write() as session:
        close_campaign(session, campaign_id)
        _move(session, runtime, campaign_id, "cancelled", actor, "campaign.cancel")


def start_due(runtime: Runtime) -> int:
    """Start what is due; what is later than its latest start is paused, and says so. Returns how many moved."""
    now, moved = runtime.clock.now(), 0
    with runtime.db.read() as session:
        due = (col(Campaign.status) == "scheduled", col(Campaign.start_at) <= now)
        rows = session.execute(select(col(Campaign.id), col(Campaign.latest_start)).where(*due)).all()
    for campaign_id, latest in rows:
        late = latest is not None and now > latest
        with runtime.db.write() as session:
            columns = {"paused_why": "missed its start; resume it if it should still go"} if late else {}
            to = "paused" if late else "running"
            _move(session, runtime, campaign_id or 0, to, "scheduler", f"campaign.{to}", **columns)
        moved += 1
    return moved


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
            _move(session, runtime, campaign_id or 0, "finished", "scheduler", "campaign.finish")
    return len(ids)


def cancel_waiting(runtime: Runtime) -> int:
    """Cancel up to 500 messages that wait in cancelled campaigns; returns how many."""
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


def _move(
    session: Session, runtime: Runtime, campaign_id: int, to: str, actor: str, action: str, **columns: Any
) -> None:
    statement = update(Campaign).where(col(Campaign.id) == campaign_id, col(Campaign.status).in_(MAY_LEAVE[to]))
    moved = session.execute(statement.values(status=to, **columns).returning(col(Campaign.id))).all()
    if not moved:
        status = session.execute(select(col(Campaign.status)).where(col(Campaign.id) == campaign_id)).scalar()
        raise ControlError(f"Campaign {campaign_id} is {status or 'unknown'}; it cannot become {to}.")
    _audit(session, runtime.clock.now(), actor, action, campaign_id, {})


def _audit(session: Session, now: datetime, actor: str, action: str, campaign_id: int, detail: dict[str, Any]) -> None:
    session.add(Audit(at=now, actor=actor, action=action, subject=f"campaign {campaign_id}", detail=detail))
