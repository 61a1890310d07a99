"""Reports: figures by campaign, variant, template, program or from_number; comparisons; and what was held back."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from sender.campaigns import comparing, compliance, figures, prices
from sender.campaigns.figures import Asked as Wanted
from sender.campaigns.figures import By, Figures
from sender.models import Campaign
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import Instant, named, shape

PERIOD = timedelta(days=30)
LINE = {
    "id": 4,
    "name": "Spring sale",
    "planned": 2000,
    "waiting": 0,
    "left": 1950,
    "delivered": 1900,
    "undelivered": 40,
    "failed": 10,
    "blocked": 45,
    "dropped": 5,
    "parts": 1950,
    "cost": 16.185,
    "replies": 31,
    "opt_outs": 7,
    "clicked": 211,
    "errors": {"30003": 40},
}

door = ApiDoor("api_reports", __name__)


class ReportPeriod(BaseModel):
    """From when to when; the last 30 days where it does not say."""

    model_config = shape()
    since: Instant | None = None
    until: Instant | None = None


class ReportAsked(ReportPeriod):
    """Which lines, of which texts."""

    by: By = Field(default="campaign", description="What each line stands for.")
    campaign: str | None = Field(default=None, max_length=40, description="Only the texts of this one.")


class ReportLine(BaseModel):
    """One line. ``left`` were handed to the provider; replies and opt-outs are those within 72 hours of a text."""

    model_config = shape(LINE)
    id: int | None = Field(description="Null: texts of none.")
    name: str
    planned: int
    waiting: int
    left: int
    delivered: int
    undelivered: int
    failed: int
    blocked: int
    dropped: int = Field(description="Cancelled, or too late.")
    parts: int
    cost: float = Field(description="At least, in `currency`.")
    replies: int
    opt_outs: int = Field(description="People who said stop.")
    clicked: int = Field(description="Texts of which a person opened a link.")
    errors: dict[str, int] = Field(description="The provider's codes.")


class ReportOut(BaseModel):
    """A report."""

    model_config = shape(
        {
            "since": "2026-02-08T15:00:00Z",
            "until": "2026-03-10T15:00:00Z",
            "currency": "USD",
            "data": [LINE],
        }
    )
    since: datetime
    until: datetime
    currency: str
    data: list[ReportLine]


class DifferenceOut(BaseModel):
    """One variant against the first: shares from 0 to 1, and the 95 % interval of their difference."""

    measure: Literal["delivered", "clicked", "replies", "opt_outs"]
    first: str
    other: str
    first_share: float
    other_share: float
    low: float
    high: float
    verdict: str = Field(description="The same in a sentence.")


class ComparisonOut(BaseModel):
    """The variants of a campaign."""

    model_config = shape(
        {
            "data": [LINE],
            "differences": [
                {
                    "measure": "clicked",
                    "first": "A",
                    "other": "B",
                    "first_share": 0.1,
                    "other_share": 0.15,
                    "low": 0.02,
                    "high": 0.08,
                    "verdict": "“B” is clicked more often than “A”, by 2.0 to 8.0 points in a hundred.",
                }
            ],
            "why_not": "",
        }
    )
    data: list[ReportLine]
    differences: list[DifferenceOut]
    why_not: str = Field(description="Why nothing may be concluded; empty where something may.")


class HeldOut(BaseModel):
    """How often a guard decided so."""

    guard: str
    verdict: str
    reason: str
    decisions: int
    texts: int


class ComplianceOut(BaseModel):
    """What was held back, and whether every stop was kept."""

    model_config = shape(
        {
            "held": [{"guard": "quiet_hours", "verdict": "defer", "reason": "quiet_hours", "decisions": 9, "texts": 9}],
            "opt_outs": 7,
            "after_a_stop": 0,
            "canaries": 720,
            "canaries_failed": 0,
            "stop_to_block_median": 0.04,
            "stop_to_block_longest": 0.31,
        }
    )
    held: list[HeldOut]
    opt_outs: int = Field(description="People who said stop.")
    after_a_stop: int = Field(description="Texts that passed a gate after a stop that still stands; must be 0.")
    canaries: int = Field(description="Our own STOPs through the real route.")
    canaries_failed: int
    stop_to_block_median: float | None = Field(description="Seconds, measured by those.")
    stop_to_block_longest: float | None


@door.operation(
    "GET", "/reports/figures", scope="reports:read", query=ReportAsked, answer=ReportOut, problems=("not_found",)
)
def show_report(call: Call, query: ReportAsked) -> ReportOut:
    """What texts of a period came to, line by line."""
    since, until = period(call, query)
    campaign_id = named("cmp", query.campaign, "campaign") if query.campaign else None
    asked = Wanted(query.by, since, until, _programs(call), campaign_id)
    lines = [_line(one) for one in figures.figures(call.session, asked)]
    return ReportOut(since=since, until=until, currency=prices.currency(), data=lines)


@door.operation(
    "GET", "/reports/comparison/<campaign_id>", scope="reports:read", answer=ComparisonOut, problems=("not_found",)
)
def compare_variants(call: Call, campaign_id: str) -> ComparisonOut:
    """Which of a campaign's variants did better, with an interval and a plain verdict."""
    campaign = call.session.get(Campaign, named("cmp", campaign_id, "campaign"))
    if campaign is None or not call.may_use(campaign.program_id):
        raise ApiProblem("not_found", "There is no such campaign that this key may see.")
    found = comparing.compare(call.session, campaign)
    differences = [
        DifferenceOut(
            measure=one.measure,  # type: ignore[arg-type]
            first=one.first,
            other=one.other,
            first_share=one.first_share,
            other_share=one.other_share,
            low=one.interval.low,
            high=one.interval.high,
            verdict=one.verdict,
        )
        for one in found.differences
    ]
    return ComparisonOut(data=[_line(one) for one in found.lines], differences=differences, why_not=found.why_not)


@door.operation("GET", "/reports/compliance", scope="reports:read", query=ReportPeriod, answer=ComplianceOut)
def show_compliance(call: Call, query: ReportPeriod) -> ComplianceOut:
    """What the guards held back and why, and how every stop was kept."""
    since, until = period(call, query)
    found = compliance.compliance(call.session, since, until, _programs(call))
    names = HeldOut.model_fields
    return ComplianceOut(
        held=[HeldOut(**{name: getattr(one, name) for name in names}) for one in found.held],
        opt_outs=found.stops.count,
        after_a_stop=found.stops.late,
        canaries=found.canaries.count,
        canaries_failed=found.canaries.failed,
        stop_to_block_median=found.canaries.median,
        stop_to_block_longest=found.canaries.longest,
    )


def period(call: Call, query: ReportPeriod) -> tuple[datetime, datetime]:
    """From when to when; ApiProblem where that is nothing."""
    until = query.until or call.runtime.clock.now()
    since = query.since or until - PERIOD
    if since >= until:
        raise ApiProblem("invalid_request", errors=[{"pointer": "/since", "message": "since is not before until"}])
    return since, until


def _programs(call: Call) -> Collection[int] | None:
    return call.key.programs or None


def _line(one: Figures) -> ReportLine:
    values = {name: getattr(one, name) for name in ("id", "name", *figures.COLUMNS)}
    errors = {str(code): number for code, number in one.errors.items()}
    return ReportLine(**values, cost=one.cost / prices.UNIT, errors=errors)
