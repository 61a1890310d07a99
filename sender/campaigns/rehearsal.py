"""The real audience through the real guards at the planned time, with nothing written and nothing sent."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import col

from guards.base import Defer
from guards.chain import Cleared
from sender.campaigns.planning import Planned, decide, load_plan, members
from sender.models import Campaign, Contact
from sender.runtime import Runtime

SLICE = 500
SAMPLES = 3


@dataclass
class Rehearsal:
    """What would happen at ``at``: numbers per verdict and reason, parts, the longest text, a few samples."""

    at: datetime
    total: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)
    parts: int = 0
    worst_text: str = ""
    worst_parts: int = 0
    samples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, one: Planned, variant: str) -> None:
        """Count one member."""
        verdict, reason = _verdict(one)
        self.total += 1
        self.verdicts[verdict] += 1
        self.reasons[verdict, reason] += 1
        self.variants[variant] += 1
        if verdict == "block":
            return
        self.parts += one.parts
        if (one.parts, len(one.text)) > (self.worst_parts, len(self.worst_text)):
            self.worst_text, self.worst_parts = one.text, one.parts
        samples = self.samples.setdefault(variant, [])
        if len(samples) < SAMPLES:
            samples.append(one.text)


def rehearse(runtime: Runtime, campaign_id: int, at: datetime | None = None) -> Rehearsal:
    """Rehearse a campaign at ``at``, at its start, or now. Raises SegmentError or TemplateError, each one sentence."""
    with runtime.db.read() as session:
        campaign = session.get_one(Campaign, campaign_id)
        when = at or max(campaign.start_at or runtime.clock.now(), runtime.clock.now())
        plan = load_plan(session, campaign)
        end = session.execute(select(func.max(col(Contact.id)))).scalar() or 0
    rehearsal, after = Rehearsal(when), 0
    while after < end:
        with runtime.db.read() as session:
            some = members(session, plan, when, after, end, SLICE)
            planned = decide(runtime, session, plan, some, when)
        for one in planned:
            rehearsal.add(one, plan.names[one.member.variant_id])
        after = some[-1].contact_id if len(some) == SLICE else end
    return rehearsal


def _verdict(one: Planned) -> tuple[str, str]:
    if isinstance(one.outcome, Cleared):
        return "allow", ""
    return ("defer" if isinstance(one.outcome.verdict, Defer) else "block"), one.outcome.verdict.reason
