"""What texts came to, line by line and day by day; which variant did better; what the guards held back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from flask import Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from sender.campaigns import comparing, compliance, figures, overview, prices
from sender.campaigns.figures import DIMENSIONS, By
from sender.models import Campaign
from web.auth import Door, person, require, signed_in
from web.context import runtime, web
from web.language import later

REMEMBERED_SECONDS = 30.0
PERIODS = ((7, later("7 days")), (30, later("30 days")), (90, later("90 days")), (365, later("a year")))
WORDS = {
    "campaign": later("Campaigns"),
    "variant": later("Variants"),
    "template": later("Templates"),
    "program": later("Programs"),
    "from_number": later("From numbers"),
}

door = Door("reports", __name__, rule=signed_in)


@dataclass(frozen=True, slots=True)
class Period:
    """The last ``days`` days, today with them (UTC)."""

    days: int
    since: datetime
    until: datetime


@door.get("/reports")
def show() -> ResponseReturnValue:
    """Figures of a period by one of five things, and the days of it."""
    by, period = _by(), _period()
    lines, days = web().remembered.get(
        ("report", by, period.days, _key()), runtime().clock.elapsed(), REMEMBERED_SECONDS, lambda: _count(by, period)
    )
    values = {"by": by, "words": WORDS, "period": period, "periods": PERIODS, "shown": prices.shown}
    return render_template("reports.html", **values, lines=lines, days=days)


@door.get("/reports.csv")
def as_csv() -> ResponseReturnValue:
    """The same figures for a spreadsheet."""
    by, period = _by(), _period()
    lines, _ = _count(by, period)
    answer = Response("".join(figures.as_csv(by, lines)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename=report-{by}-{period.days}-days.csv"
    return answer


@door.get("/reports/compliance")
def show_compliance() -> ResponseReturnValue:
    """What was held back and why, and whether every stop was kept."""
    period = _period()

    def count() -> compliance.Compliance:
        with runtime().db.read() as session:
            return compliance.compliance(session, period.since, period.until, person().programs)

    key = ("compliance", period.days, _key())
    found = web().remembered.get(key, runtime().clock.elapsed(), REMEMBERED_SECONDS, count)
    return render_template("compliance.html", found=found, period=period, periods=PERIODS)


@door.get("/reports/comparison/<int:campaign_id>")
def compare(campaign_id: int) -> ResponseReturnValue:
    """Which of a campaign's variants did better."""
    with runtime().db.read() as session:
        campaign = session.get(Campaign, campaign_id)
        if campaign is None:
            abort(404)
        require("look", campaign.program_id)
        found = comparing.compare(session, campaign)
        name = campaign.name
    return render_template("comparison.html", campaign_id=campaign_id, name=name, found=found)


def _count(by: By, period: Period) -> tuple[list[figures.Figures], list[overview.Day]]:
    asked = figures.Asked(by, period.since, period.until, person().programs)
    with runtime().db.read() as session:
        return figures.figures(session, asked), overview.days_of(session, person().programs, period.since, period.until)


def _by() -> By:
    return next((one for one in DIMENSIONS if one == request.args.get("by")), "campaign")


def _period() -> Period:
    days = request.args.get("days", 30, type=int)
    days = days if days in dict(PERIODS) else 30
    today = runtime().clock.now().astimezone(UTC).date()
    until = datetime.combine(today + timedelta(days=1), time(), UTC)
    return Period(days, until - timedelta(days=days), until)


def _key() -> Collection[int] | None:
    programs = person().programs
    return None if programs is None else frozenset(programs)
