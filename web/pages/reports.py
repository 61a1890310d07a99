"""What texts came to, line by line and day by day; which variant did better; what the guards held back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from flask import Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from sender.campaigns import comparing, compliance, figures, overview
from sender.campaigns.figures import DIMENSIONS, By
from sender.models import Campaign
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.counting import figures as figures_of
from web.frame import may_anywhere
from web.language import later
from web.pages.words import money

REMEMBERED_SECONDS = 30.0
COMPARISON_SECONDS = 5.0
PERIODS = ((7, later("7 days")), (30, later("30 days")), (90, later("90 days")), (365, later("a year")))
WORDS = {
    "campaign": later("Campaigns"),
    "variant": later("Variants"),
    "template": later("Templates"),
    "program": later("Programs"),
    "from_number": later("Sending numbers"),
}

door = Door("reports", __name__, rule=signed_in)


@dataclass(frozen=True, slots=True)
class Period:
    """The last ``days`` days, today with them (UTC)."""

    days: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """The lines and days of a report, and when they were counted."""

    lines: list[figures.Figures]
    days: list[overview.Day]
    at: datetime


@door.get("/reports")
def show() -> ResponseReturnValue:
    """Figures of a period by one of five things, and the days of it."""
    by, period = _by(), _period()
    counted = _counted(by, period)
    values = {"by": by, "words": WORDS, "period": period, "periods": PERIODS, "shown": money}
    return render_template("reports.html", **values, lines=counted.lines, days=counted.days, counted_at=counted.at)


@door.get("/reports.csv")
def as_csv() -> ResponseReturnValue:
    """The same figures for a spreadsheet."""
    by, period = _by(), _period()
    answer = Response("".join(figures.as_csv(by, _counted(by, period).lines)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename=report-{by}-{period.days}-days.csv"
    return answer


@door.get("/reports/compliance")
def show_compliance() -> ResponseReturnValue:
    """What was held back and why, and whether every stop was kept."""
    period, programs = _period(), person().programs
    now = runtime().clock.now()

    def count(
        session: Session,
    ) -> tuple[compliance.Compliance, list[compliance.HeldDay], compliance.Ledger, datetime]:
        spans, ledger = (period.since, period.until, programs), compliance.ledger(session)
        return compliance.compliance(session, *spans), compliance.held_by_day(session, *spans), ledger, now

    key = ("compliance", period.days, period.since, _key())
    found, by_day, ledger, at = figures_of(key, count, REMEMBERED_SECONDS)
    return render_template(
        "compliance.html", found=found, by_day=by_day, ledger=ledger, period=period, periods=PERIODS, counted_at=at,
        may_audit=may_anywhere(person(), "audit"),
    )  # fmt: skip


@door.get("/reports/comparison/<int:campaign_id>")
def compare(campaign_id: int) -> ResponseReturnValue:
    """Which of a campaign's variants did better."""
    with runtime().db.read() as session:
        campaign = session.get(Campaign, campaign_id)
        if campaign is None:
            abort(404)
        require("look", campaign.program_id)
        session.expunge_all()
    now = runtime().clock.now()

    def count(session: Session) -> tuple[comparing.Comparison, datetime]:
        return comparing.compare(session, campaign), now

    found, at = figures_of(("comparison", campaign_id), count, COMPARISON_SECONDS)
    return render_template("comparison.html", campaign_id=campaign_id, name=campaign.name, found=found, counted_at=at)


def _counted(by: By, period: Period) -> Counted:
    """The report, page and file alike, counted now or a while ago."""
    programs, now = person().programs, runtime().clock.now()
    asked = figures.Asked(by, period.since, period.until, programs)

    def count(session: Session) -> Counted:
        days = overview.days_of(session, programs, period.since, period.until)
        return Counted(figures.figures(session, asked), days, now)

    return figures_of(("report", by, period.days, period.since, _key()), count, REMEMBERED_SECONDS)


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
