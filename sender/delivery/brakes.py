"""Pauses a campaign by itself, with the reason in one sentence, before it burns through its audience or its good name.

A person looks and resumes it; from then on only what comes later counts. Limits are settings (``TACTFUL_BRAKE_…``) and
ask for a least number of texts, so that the first bad number of a small campaign stops nothing.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import case, func, select, update
from sqlmodel import Session, col

from sender import halt
from sender.delivery.sweeper import WORKER_LOST
from sender.locks import close_campaign
from sender.models import Attempt, Audit, Campaign, Message, Reply
from sender.runtime import Runtime
from sender.settings import Settings
from sender.states import Status

FILTERED = (30007, 21618)
"""Twilio: filtered by Twilio or the carrier; filtered by all carriers."""
LATEST = 2_000
LOOK = "look at the reasons, then resume"
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


class Counts(NamedTuple):
    """What came of a campaign's texts so far; ``settled`` have a last word of the provider, good or bad."""

    accepted: int
    settled: int
    failed: int
    filtered: int
    opted_out: int


def brake(runtime: Runtime) -> int:
    """Look at every running campaign, and at texts without one; returns how many were paused, the installation too."""
    with runtime.db.read() as session:
        columns = (col(Campaign.id), col(Campaign.watched_since))
        running = session.execute(select(*columns).where(col(Campaign.status) == "running")).all()
        whys = {one or 0: _why(session, runtime.settings, one or 0, since or ALWAYS) for one, since in running}
        single = _unknown_run(session, runtime.settings, None, ALWAYS) and not halt.is_halted(session)
    for campaign_id, why in whys.items():
        if why:
            pause(runtime, campaign_id, why, {"why": why})
    if single:
        halt.halt(runtime, "the provider gives no answer any more; ask it, then `tactful release`", "system")
    return sum(map(bool, whys.values())) + single


def pause(runtime: Runtime, campaign_id: int, why: str, detail: dict[str, Any]) -> None:
    """Stop a running campaign: no gate of it opens once this returns, and its page says why."""
    with runtime.db.write() as session:
        close_campaign(session, campaign_id)
        running = (col(Campaign.id) == campaign_id, col(Campaign.status) == "running")
        values = {"status": "paused", "paused_why": why}
        if session.execute(update(Campaign).where(*running).values(**values).returning(col(Campaign.id))).all():
            now, subject = runtime.clock.now(), f"campaign {campaign_id}"
            session.add(Audit(at=now, actor="system", action="campaign.pause", subject=subject, detail=detail))


def _why(session: Session, settings: Settings, campaign_id: int, since: datetime) -> str:
    """Why this campaign should not go on; empty where it should."""
    if _unknown_run(session, settings, campaign_id, since):
        return f"the last {settings.brake_unknown_run} texts got no answer from the provider; ask it, then resume"
    counts = _counts(session, campaign_id, since)
    checks = (
        (counts.filtered, counts.settled, settings.brake_filtered, "were filtered by carriers"),
        (counts.failed, counts.settled, settings.brake_failed, "were not delivered"),
        (counts.opted_out, counts.accepted, settings.brake_opt_outs, "were answered with an opt-out"),
    )
    for found, of, limit, words in checks:
        if of >= settings.brake_sample and found > limit * of:
            return f"{found:,} of {of:,} texts {words}, more than {limit:.0%}; {LOOK}"
    return ""


def _counts(session: Session, campaign_id: int, since: datetime) -> Counts:
    bad = col(Message.status).in_([Status.FAILED.value, Status.UNDELIVERED.value])
    settled = bad | (col(Message.status) == Status.DELIVERED.value)
    accepted = settled | (col(Message.status) == Status.SENT.value)
    columns = (accepted, settled, bad, bad & col(Message.error_code).in_(FILTERED))
    sums = [func.coalesce(func.sum(case((one, 1), else_=0)), 0) for one in columns]
    mine = (col(Message.campaign_id) == campaign_id, accepted)
    later = mine if since == ALWAYS else (*mine, col(Message.changed_at) >= since)
    said = select(func.count(func.distinct(col(Reply.number_id)))).join(
        Message, (col(Message.number_id) == col(Reply.number_id)) & (col(Message.campaign_id) == campaign_id)
    )
    stops = said.where(
        col(Reply.intent) == "opt_out",
        col(Reply.certain),
        col(Reply.received_at) >= func.coalesce(col(Message.sent_at), col(Message.changed_at)),
        col(Reply.received_at) >= since,
    )
    reached, last, undelivered, filtered = map(int, session.execute(select(*sums).where(*later)).one())
    return Counts(reached, last, undelivered, filtered, session.execute(stops).scalar_one())


def _unknown_run(session: Session, settings: Settings, campaign_id: int | None, since: datetime) -> bool:
    """Whether the newest answers of a campaign (None: of texts without one) were all lost.

    What a dead worker left behind is no answer, and what was closed as unproven is an old one: neither counts.
    """
    newest = select(func.coalesce(func.max(col(Attempt.id)), 0)).scalar_subquery()
    of = col(Message.campaign_id) == campaign_id if campaign_id else col(Message.campaign_id).is_(None)
    answered = (
        select(col(Attempt.outcome))
        .join(Message, col(Message.id) == col(Attempt.message_id))
        .where(of, col(Attempt.id) > newest - LATEST, col(Attempt.gated_at) >= since)
        .where(col(Attempt.outcome).not_in(("live", "unproven")), col(Message.reason) != WORKER_LOST)
        .order_by(col(Attempt.id).desc())
        .limit(settings.brake_unknown_run)
    )
    outcomes = list(session.execute(answered).scalars())
    return len(outcomes) == settings.brake_unknown_run and set(outcomes) == {"unconfirmed"}
