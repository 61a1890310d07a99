"""`tactful campaign …`: write, rehearse, schedule, stop and look at campaigns."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from sender.cli.common import console, emit, fail, instant, opened

if TYPE_CHECKING:
    from sender.campaigns.rehearsal import Rehearsal

app = typer.Typer(help="Write, rehearse, schedule, stop and look at campaigns.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The campaign's name or number.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
ACTOR = "command line"


@app.command("create")
def create(
    file: Annotated[Path, typer.Argument(help="A JSON file: name, program, variants, purpose, end_at.")],
    start: Annotated[bool, typer.Option("--start", help="Approve and schedule it at once.")] = False,
) -> None:
    """Keep a draft from a JSON file, after checking its segments and templates."""
    from sender.campaigns.control import ControlError, create, schedule
    from sender.campaigns.drafts import DraftError, read_campaign

    try:
        wanted = read_campaign(file)
        with opened() as runtime:
            made = create(runtime, wanted, ACTOR)
            console.print(f"Campaign {made} is a draft; rehearse it before you schedule it.")
            if start:
                console.print(f"It starts at {schedule(runtime, made, None, ACTOR):%Y-%m-%d %H:%M} UTC.")
    except (ControlError, DraftError, ValueError) as error:
        fail(str(error))


@app.command("rehearse")
def rehearse(name: Name, as_json: AsJson = False) -> None:
    """Run the real audience through the real guards at the planned time; writes and sends nothing."""
    from sender.campaigns.rehearsal import rehearse

    with opened() as runtime:
        found = rehearse(runtime, campaign_id(runtime, name))
    if as_json:
        reasons = {f"{verdict}:{reason}": count for (verdict, reason), count in found.reasons.items()}
        emit({"at": found.at, "total": found.total, "verdicts": found.verdicts, "reasons": reasons,
              "parts": found.parts, "worst_text": found.worst_text, "worst_parts": found.worst_parts,
              "samples": found.samples, **_money_and_time(found)})  # fmt: skip
        return
    table = Table("verdict", "reason", "numbers", title=f"Rehearsal for {found.at:%Y-%m-%d %H:%M} UTC")
    for (verdict, reason), count in sorted(found.reasons.items()):
        table.add_row(verdict, reason, f"{count:,}")
    console.print(table)
    console.print(f"{found.total:,} numbers, {found.parts:,} parts; the longest text has {found.worst_parts}.")
    _show_lines(found)
    _show_cost(found)
    _show_hours(found)
    for one, times in found.findings.values():
        console.print(f"{one.severity} in {times:,}: {one.sentence} {one.mend}", markup=False, highlight=False)
    for variant, texts in found.samples.items():
        for text in texts:
            console.print(f"  {variant}: {text}", markup=False, highlight=False)


def _money_and_time(found: "Rehearsal") -> dict[str, Any]:
    from sender.campaigns.prices import UNIT, currency

    costs = {
        country: {
            "texts": one.texts, "parts": one.parts, "at_least": None if one.amount is None else one.amount / UNIT,
            "prices_of": one.since and one.since.isoformat(),
        }
        for country, one in sorted(found.costs.items())
    }  # fmt: skip
    return {
        "cost": {"currency": currency(), "at_least": found.cost / UNIT, "unpriced": found.unpriced, "countries": costs},
        "hours": {hour.isoformat(): texts for hour, texts in found.forecast.per_hour().items()},
        "ends": found.forecast.ends,
        "from_numbers": [
            {"address": one.address, "country": one.country, "texts": one.texts, "parts": one.parts, "kept": one.kept}
            for one in found.lines.values()
        ],
        "not_today": found.forecast.late.total(),
        "not_before_the_end": found.forecast.lost.total(),
        "findings": [
            {"code": one.code, "severity": one.severity, "texts": times, "sentence": one.sentence, "mend": one.mend}
            for one, times in found.findings.values()
        ],
    }


def _show_lines(found: "Rehearsal") -> None:
    table = Table("from_number", "pool", "texts", "parts", "of them kept", title="From where they would leave")
    for one in sorted(found.lines.values(), key=lambda line: (line.country, line.address)):
        table.add_row(one.address, one.country, f"{one.texts:,}", f"{one.parts:,}", f"{one.kept:,}")
    console.print(table)


def _show_cost(found: "Rehearsal") -> None:
    from sender.campaigns.prices import shown

    table = Table("country", "texts", "parts", "at least", "prices of", title="Cost, without carriers' fees")
    for country, one in sorted(found.costs.items()):
        amount = "not known" if one.amount is None else shown(one.amount)
        table.add_row(country, f"{one.texts:,}", f"{one.parts:,}", amount, str(one.since or ""))
    console.print(table)
    besides = f", and {', '.join(found.unpriced)} beside it" if found.unpriced else ""
    console.print(f"At least {shown(found.cost)}{besides}.")


def _show_hours(found: "Rehearsal") -> None:
    table = Table("hour (UTC)", "texts", title="When they would leave")
    for hour, texts in found.forecast.per_hour().items():
        table.add_row(f"{hour:%Y-%m-%d %H:00}", f"{texts:,}")
    console.print(table)
    late, lost = found.forecast.late.total(), found.forecast.lost.total()
    if late:
        console.print(f"{late:,} would not leave before their window closes and wait for the next: raise the rate.")
    if lost:
        console.print(f"{lost:,} would not leave before the campaign ends: begin earlier, end later or raise the rate.")


@app.command("schedule")
def schedule(
    name: Name,
    at: Annotated[str, typer.Option(help="When to start, RFC 3339; else as it is written, or now.")] = "",
    latest: Annotated[str, typer.Option(help="Ask a person after this instant; else 15 minutes after the start.")] = "",
) -> None:
    """Let a campaign start by itself; a draft is submitted and approved with it, where one person is enough."""
    from sender.campaigns.control import ControlError, schedule

    asked = instant(at) if at not in ("", "now") else None
    with opened() as runtime:
        try:
            start = schedule(runtime, campaign_id(runtime, name), asked, ACTOR, instant(latest) if latest else None)
        except ControlError as error:
            fail(str(error))
    console.print(f"Scheduled for {start:%Y-%m-%d %H:%M} UTC.")


@app.command("pause")
def pause(name: Name) -> None:
    """Open no more gates of a running campaign."""
    _control("pause", name, "Paused.")


@app.command("resume")
def resume(name: Name) -> None:
    """Go on where a paused campaign stopped."""
    _control("resume", name, "Running.")


@app.command("cancel")
def cancel(name: Name) -> None:
    """End a campaign for good; what waits is cancelled."""
    _control("cancel", name, "Cancelled.")


@app.command("list")
def listing(as_json: AsJson = False) -> None:
    """The newest campaigns with their state."""
    from sender.campaigns.reports import listing

    with opened() as runtime, runtime.db.read() as session:
        lines = listing(session)
    if as_json:
        emit([_plain(line) for line in lines])
        return
    table = Table("id", "name", "status")
    for line in lines:
        table.add_row(str(line.id), line.name, line.status)
    console.print(table)


@app.command("report")
def report(name: Name, as_json: AsJson = False) -> None:
    """How many numbers of a campaign are in which state, and why."""
    from sender.campaigns.reports import progress

    with opened() as runtime, runtime.db.read() as session:
        found = progress(session, campaign_id(runtime, name))
    if as_json:
        emit(_plain(found))
        return
    table = Table("status", "reason", "numbers")
    for status, reason, count in found.by_reason:
        table.add_row(status, reason, f"{count:,}")
    console.print(table)


def _control(action: str, name: str, done: str) -> None:
    from sender.campaigns import control

    with opened() as runtime:
        try:
            getattr(control, action)(runtime, campaign_id(runtime, name), ACTOR)
        except control.ControlError as error:
            fail(str(error))
    console.print(done)


def campaign_id(runtime: Any, name: str) -> int:
    """The id of a campaign by its name or number; one that is not there ends the command."""
    from sqlalchemy import select
    from sqlmodel import col

    from sender.models import Campaign

    by = col(Campaign.id) == int(name) if name.isdigit() else col(Campaign.name) == name
    with runtime.db.read() as session:
        found = session.execute(select(col(Campaign.id)).where(by)).scalar()
    if found is None:
        fail(f"There is no campaign {name!r}; `tactful campaign list` shows them.")
    return int(found)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=lambda other: getattr(other, "__dict__", None) or _slots(other)))


def _slots(value: Any) -> Any:
    names = getattr(value, "__slots__", None)
    return {name: getattr(value, name) for name in names} if names else str(value)
