"""`tactful audit …`: who did what, and whether that record is whole."""

from typing import Annotated

import typer
from rich.table import Table

from sender.cli.common import console, emit, fail, opened

app = typer.Typer(help="Who did what in this installation.", no_args_is_help=True)


@app.command("list")
def listing(
    action: Annotated[str, typer.Option(help="Only acts that begin like this, such as campaign or user.role.")] = "",
    actor: Annotated[str, typer.Option(help="Only acts by this person or part.")] = "",
    subject: Annotated[str, typer.Option(help="Only acts on this, such as 'campaign 3'.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100_000)] = 50,
    json: Annotated[bool, typer.Option("--json", help="Answer in JSON, one act a line.")] = False,
) -> None:
    """The newest acts first."""
    from sender import audit

    with opened() as runtime, runtime.db.read() as session:
        acts = [
            audit.shown(act) for act in audit.listing(session, action=action, actor=actor, subject=subject, limit=limit)
        ]
    if json:
        for act in acts:
            emit(act)
        return
    table = Table("when", "who", "what", "on", "more")
    for act in acts:
        more = ", ".join(f"{name}: {value}" for name, value in act["detail"].items())
        table.add_row(f"{act['at']:%Y-%m-%d %H:%M:%S}", act["actor"], act["action"], act["subject"], more)
    console.print(table if acts else "Nothing like that is in the audit.")


@app.command("verify")
def verify() -> None:
    """Walk the sealed chain of the audit; status 1 names the first act that does not hold."""
    from sender import audit
    from sender.sealing import BrokenChain

    with opened() as runtime, runtime.db.read() as session:
        try:
            console.print(f"The audit holds: {audit.verify(session, runtime.keys):,} sealed acts.")
        except BrokenChain as broken:
            fail(str(broken))
