"""`tactful report …`: what texts came to, which variant did better, and what was held back."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from sender.cli.common import console, emit, fail, instant, opened

if TYPE_CHECKING:
    from sender.runtime import Runtime

app = typer.Typer(help="What texts came to, which variant did better, what was held back.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Since = Annotated[str, typer.Option(help="From when on, RFC 3339; 30 days before the end where it does not say.")]
Until = Annotated[str, typer.Option(help="Until when, RFC 3339; now where it does not say.")]
SHOWN = ("left", "delivered", "failed", "blocked", "replies", "opt_outs", "clicked", "parts")


@app.command("figures")
def figures(
    by: Annotated[str, typer.Option(help="campaign, variant, template, program or from_number.")] = "campaign",
    since: Since = "",
    until: Until = "",
    campaign: Annotated[str, typer.Option(help="Only the texts of this campaign, by name or number.")] = "",
    csv: Annotated[Path | None, typer.Option(help="Write it as CSV to this new file instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Texts of a period line by line: delivery, replies, opt-outs, clicks, errors and what was spent at least."""
    from sender.campaigns.figures import DIMENSIONS, Asked, as_csv
    from sender.campaigns.figures import figures as count
    from sender.campaigns.prices import shown
    from sender.cli.campaigns import campaign_id

    chosen = next((one for one in DIMENSIONS if one == by), None)
    if chosen is None:
        fail(f"There are no figures by {by!r}; take one of {', '.join(DIMENSIONS)}.")
    with opened() as runtime:
        only = campaign_id(runtime, campaign) if campaign else None
        with runtime.db.read() as session:
            lines = count(session, Asked(chosen, *_period(runtime, since, until), campaign_id=only))
    if csv is not None:
        _write(csv, "".join(as_csv(chosen, lines)))
    elif as_json:
        for line in lines:
            emit({name: getattr(line, name) for name in ("id", "name", "planned", *SHOWN, "cost", "errors")})
    else:
        table = Table(by, *SHOWN, "at least")
        for line in lines:
            table.add_row(line.name, *(f"{getattr(line, name):,}" for name in SHOWN), shown(line.cost))
        console.print(table)


@app.command("compare")
def compare(
    name: Annotated[str, typer.Argument(help="The campaign's name or number.")], as_json: AsJson = False
) -> None:
    """Which of a campaign's variants did better, with a 95 % interval and a plain verdict."""
    from sender.campaigns.comparing import compare
    from sender.cli.campaigns import campaign_id
    from sender.models import Campaign

    with opened() as runtime:
        which = campaign_id(runtime, name)
        with runtime.db.read() as session:
            found = compare(session, session.get_one(Campaign, which))
    if as_json:
        verdicts = [
            {"measure": one.measure, "interval": one.interval, "says": one.verdict} for one in found.differences
        ]
        emit({"why_not": found.why_not, "differences": verdicts})
        return
    for words in [found.why_not] if found.why_not else [one.verdict for one in found.differences]:
        console.print(words, markup=False, highlight=False)


@app.command("compliance")
def compliance(since: Since = "", until: Until = "", as_json: AsJson = False) -> None:
    """What was held back and why, whether every stop was kept, and how fast our own test STOPs took effect."""
    from sender.campaigns.compliance import compliance

    with opened() as runtime, runtime.db.read() as session:
        found = compliance(session, *_period(runtime, since, until))
    if as_json:
        held = [{name: getattr(one, name) for name in ("guard", "verdict", "reason", "texts")} for one in found.held]
        stops = {"count": found.stops.count, "late": found.stops.late}
        flown = {name: getattr(found.canaries, name) for name in ("count", "failed", "median", "longest")}
        emit({"held": held, "opt_outs": stops, "canaries": flown})
        return
    table = Table("guard", "verdict", "reason", "decisions", "texts")
    for one in found.held:
        table.add_row(one.guard, one.verdict, one.reason, f"{one.decisions:,}", f"{one.texts:,}")
    console.print(table)
    console.print(f"{found.stops.count:,} people said stop; {found.stops.late:,} texts passed a gate afterwards.")
    if found.canaries.count:
        slow = f"{found.canaries.longest:.2f}"
        console.print(
            f"{found.canaries.count:,} test STOPs, {found.canaries.failed:,} failed; blocked in {slow} s at most."
        )


def _period(runtime: "Runtime", since: str, until: str) -> tuple[datetime, datetime]:
    end = instant(until) if until else runtime.clock.now()
    begin = instant(since) if since else end - timedelta(days=30)
    if begin >= end:
        fail("The report would end before it begins; give --since an earlier time than --until.")
    return begin, end


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        fail(f"The file {path} cannot be made: {error.strerror}; choose another name.")
    console.print(f"Written to {path}.")
