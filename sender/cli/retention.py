"""`tactful retention …`: how long each kind of data is kept, and legal holds, which no erasure and no rule passes."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from sender.cli.common import console, fail, opened

if TYPE_CHECKING:
    from sender.audience.retention import Rule
    from sender.runtime import Runtime

ACTOR = "command line"
app = typer.Typer(help="How long data is kept, and what may not be forgotten for now.", no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="A phone number with its country code; empty with --all.")]
All = Annotated[bool, typer.Option("--all", help="Everything, not one number.")]


@app.command("hold")
def hold(
    why: Annotated[str, typer.Option(help="The matter it is for; kept in the audit.")],
    number: Number = "",
    everything: All = False,
) -> None:
    """Forbid forgetting anything of one number, or of anybody, until the hold is released."""
    from sender.audience.holds import HoldError, place

    with opened() as runtime:
        number_id = _meant(runtime, number, everything)
        try:
            with runtime.db.write() as session:
                place(session, number_id, why, ACTOR, runtime.clock.now())
        except HoldError as error:
            fail(str(error))
    console.print("Held: nothing of it is forgotten until `tactful retention release`.")


@app.command("release")
def release_(number: Number = "", everything: All = False) -> None:
    """Release the holds on one number, or those on everything."""
    from sender.audience.holds import HoldError, release

    with opened() as runtime:
        number_id = _meant(runtime, number, everything)
        try:
            with runtime.db.write() as session:
                released = release(session, number_id, ACTOR, runtime.clock.now())
        except HoldError as error:
            fail(str(error))
    console.print(f"Released {released} holds.")


@app.command("set")
def set_(
    kind: Annotated[str, typer.Argument(help="The kind of data, as `tactful retention show` names it.")],
    days: Annotated[str, typer.Argument(help="For how many days it is kept, or `forever`.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be forgotten; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Keep a kind of data for so many days. What is older is forgotten for good within a day."""
    from sender.audience.retention import RetentionError, check, due, keep_for

    if days != "forever" and not days.isdecimal():
        fail(f"{days!r} is no number of days; write such as 365, or forever.")
    wanted = None if days == "forever" else int(days)
    with opened() as runtime:
        try:
            check(kind, wanted)
            with runtime.db.read() as session:
                count = due(runtime, session, kind, wanted)
            console.print(f"{count:,} rows of {kind} are older and go for good; what is on legal hold stays.")
            if dry_run:
                return
            if count and not yes:
                typer.confirm("Forget them?", abort=True)
            with runtime.db.write() as session:
                keep_for(session, kind, wanted, ACTOR, runtime.clock.now())
        except RetentionError as error:
            fail(str(error))
    console.print(f"{kind} are kept {'for good' if wanted is None else f'for {wanted:,} days'} from now on.")


@app.command("show")
def show() -> None:
    """How long each kind is kept, how much of it is due to be forgotten now, and the holds that stand."""
    from sender.audience.holds import open_holds
    from sender.audience.retention import rules

    with opened() as runtime:
        console.print(_table(rules(runtime)))
        with runtime.db.read() as session:
            holds = open_holds(session)
        for one in holds:
            what = "everything" if one.number_id is None else f"number {one.number_id}"
            console.print(f"{one.since:%Y-%m-%d}  {what}: {one.why} (by {one.placed_by})", highlight=False)
    if not holds:
        console.print("Nothing is on hold.")


def _table(found: list["Rule"]) -> Table:
    table = Table(
        "kind", "days", "due now", "set by", "what", caption="Consent, stops and the audit are kept for good."
    )
    for one in found:
        days = "for good" if one.days is None else f"{one.days:,}"
        table.add_row(one.kind, days, f"{one.due:,}", one.set_by or "as shipped", one.what)
    return table


def _meant(runtime: "Runtime", number: str, everything: bool) -> int | None:
    from sender.cli.forgetting import known

    if everything == bool(number):
        fail("Name one number, or say --all.")
    return None if everything else known(runtime, number)[1]
