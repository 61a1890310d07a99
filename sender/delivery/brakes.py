"""Pauses a campaign by itself, with the reason in one sentence, before it burns through its audience or its good name.

A person looks and resumes it; from then on only what comes later counts. Limits are settings (``TACTFUL_BRAKE_…``) and
ask for a least number of texts, so that the first bad number of a small campaign stops nothing.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Subquery, case, func, or_, select, text, update
from sqlmodel import Session, col

from sender import halt
from sender.delivery.sweeper import WORKER_LOST
from sender.locks import close_campaign
from sender.models import Attempt, Audit, Campaign, ConsentEvent, Message
from sender.models.messages import ANSWERED
from sender.runtime import Runtime
from sender.settings import Settings
from sender.states import REACHED_PROVIDER, Status

FILTERED = (30007, 21618)
"""Twilio: filtered by Twilio or the carrier; filtered by all carriers."""
LATEST = 2_000
NEWEST = 10_000
"""So many texts of a campaign are looked at: a look costs the same after a million texts as after these."""
OWN_WORDS = ("keyword", "form", "preference_page", "api")
"""Opt-outs that people said themselves; what a file, an operator or the provider brings was not said to this text."""
LOOK = "look at the reasons, then resume"
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


class Watched(NamedTuple):
    """A running campaign, and since when its brakes count: since a person resumed it, else from its start."""

    id: int
    program_id: int
    since: datetime


class Counts(NamedTuple):
    """What came of a campaign's newest texts; ``settled`` have a last word of the provider, good or bad."""

    accepted: int
    settled: int
    failed: int
    filtered: int
    opted_out: int


def brake(runtime: Runtime) -> int:
    """Look at every running campaign, and at texts without one; returns how many were paused, the installation too."""
    with runtime.db.read() as session:
        whys = {one.id: _tripped(session, runtime.settings, one) for one in _running(session)}
        single = _unknown_run(session, runtime.settings, None, ALWAYS) and not halt.is_halted(session)
    for campaign_id, tripped in whys.items():
        if tripped:
            pause(runtime, campaign_id, tripped["why"], tripped)
    if single:
        halt.halt(runtime, "the provider gives no answer any more; ask it, then `tactful release`", "system")
    return sum(map(bool, whys.values())) + single


def _running(session: Session) -> list[Watched]:
    began = func.coalesce(col(Campaign.watched_since), col(Campaign.start_at), col(Campaign.created_at))
    columns = (col(Campaign.id), col(Campaign.program_id), began)
    return [Watched(*row) for row in session.execute(select(*columns).where(col(Campaign.status) == "running"))]


def pause(runtime: Runtime, campaign_id: int, why: str, detail: dict[str, Any]) -> None:
    """Stop a running campaign: no gate of it opens once this returns, and its page says why."""
    with runtime.db.write() as session:
        close_campaign(session, campaign_id)
        running = (col(Campaign.id) == campaign_id, col(Campaign.status) == "running")
        values = {"status": "paused", "paused_why": why}
        if session.execute(update(Campaign).where(*running).values(**values).returning(col(Campaign.id))).all():
            now, subject = runtime.clock.now(), f"campaign {campaign_id}"
            session.add(Audit(at=now, actor="system", action="campaign.pause", subject=subject, detail=detail))


def _tripped(session: Session, settings: Settings, watched: Watched) -> dict[str, Any]:
    """Why this campaign should not go on, and which brake found what, for the audit; empty where it should."""
    if _unknown_run(session, settings, watched.id, watched.since):
        why = f"the last {settings.brake_unknown_run} texts got no answer from the provider; ask it, then resume"
        return {"why": why, "brake": "unknown_run", "found": settings.brake_unknown_run}
    counts = _counts(session, watched)
    checks = (
        ("filtered", counts.filtered, counts.settled, settings.brake_filtered, "were filtered by carriers"),
        ("failed", counts.failed, counts.settled, settings.brake_failed, "were not delivered"),
        ("opt_outs", counts.opted_out, counts.accepted, settings.brake_opt_outs, "were answered with an opt-out"),
    )
    for name, found, of, limit, words in checks:
        if of >= settings.brake_sample and found > limit * of:
            why = f"{found:,} of {of:,} texts {words}, more than {limit:.0%}; {LOOK}"
            return {"why": why, "brake": name, "found": found, "of": of, "limit": limit}
    return {}


def _counts(session: Session, watched: Watched) -> Counts:
    """What came of the newest texts, and the opt-outs since the first of them: a good beginning hides no bad end."""
    newest = (
        select(col(Message.status), col(Message.error_code), col(Message.changed_at))
        .where(col(Message.campaign_id) == watched.id, text(ANSWERED), col(Message.changed_at) >= watched.since)
        .order_by(col(Message.changed_at).desc())
        .limit(NEWEST)
        .subquery()
    )
    bad = newest.c.status.in_([Status.FAILED.value, Status.UNDELIVERED.value])
    settled = bad | (newest.c.status == Status.DELIVERED.value)
    sums = [func.coalesce(func.sum(case((one, 1), else_=0)), 0) for one in (settled, bad, bad & _filtered(newest))]
    row = session.execute(select(func.count(), func.min(newest.c.changed_at), *sums)).one()
    accepted, oldest, last, undelivered, filtered = row
    since = oldest if accepted == NEWEST else watched.since
    return Counts(accepted, int(last), int(undelivered), int(filtered), _opted_out(session, watched, since))


def _filtered(newest: Subquery) -> ColumnElement[bool]:
    found: ColumnElement[bool] = newest.c.error_code.in_(FILTERED)
    return found


def _opted_out(session: Session, watched: Watched, since: datetime) -> int:
    """People who said stop since then, in whatever way, after a text of this campaign had reached them."""
    after = func.coalesce(col(Message.sent_at), col(Message.changed_at))
    texted = (col(Message.number_id) == col(ConsentEvent.number_id)) & (col(Message.campaign_id) == watched.id)
    said = (
        select(func.count(func.distinct(col(ConsentEvent.number_id))))
        .join(Message, texted)
        .where(
            col(ConsentEvent.kind) == "opt_out",
            col(ConsentEvent.recorded_at) >= since,
            col(ConsentEvent.source).in_(OWN_WORDS),
            or_(col(ConsentEvent.program_id).is_(None), col(ConsentEvent.program_id) == watched.program_id),
            col(Message.status).in_([status.value for status in REACHED_PROVIDER]),
            col(ConsentEvent.recorded_at) >= after,
        )
    )
    return int(session.execute(said).scalar_one())


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
