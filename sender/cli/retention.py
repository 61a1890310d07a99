"""`tactful retention …`: legal holds, which no erasure passes."""

from typing import TYPE_CHECKING, Annotated

import typer

from sender.cli.common import console, fail, opened

if TYPE_CHECKING:
    from sender.runtime import Runtime

ACTOR = "command line"
app = typer.Typer(help="What may not be forgotten for now.", no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="A phone number with its country code; empty with --all.")]
All = Annotated[bool, typer.Option("--all", help="Everything, not one number.")]


@app.command("hold")
def hold(
    why: Annotated[str, typer.Option(help="The matter it is for; kept in the audit.")],
    number: Number = "",
    everything: All = False,
) -> None:
    """Forbid every erasure of one number, or of anybody, until the hold is released."""
    from sender.audience.holds import HoldError, place

    with opened() as runtime:
        number_id = _meant(runtime, number, everything)
        try:
            with runtime.db.write() as session:
                place(session, number_id, why, ACTOR, runtime.clock.now())
        except HoldError as error:
            fail(str(error))
    console.print("Held: nothing of it is erased until `tactful retention release`.")


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


@app.command("show")
def show() -> None:
    """The holds that stand, oldest first."""
    from sender.audience.holds import open_holds

    with opened() as runtime, runtime.db.read() as session:
        holds = open_holds(session)
        for one in holds:
            what = "everything" if one.number_id is None else f"number {one.number_id}"
            console.print(f"{one.since:%Y-%m-%d}  {what}: {one.why} (by {one.placed_by})", highlight=False)
    if not holds:
        console.print("Nothing is on hold.")


def _meant(runtime: "Runtime", number: str, everything: bool) -> int | None:
    from sender.cli.forgetting import known

    if everything == bool(number):
        fail("Name one number, or say --all.")
    return None if everything else known(runtime, number)[1]
