"""`tactful program …`: make programs, see them, and give them new words."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sender.cli.common import console, fail, opened

app = typer.Typer(help="Make programs, see them, and give them new words.", no_args_is_help=True)
ACTOR = "command line"


@app.command("create")
def create(file: Annotated[Path, typer.Argument(help="A JSON file, see docs/programs.md.")]) -> None:
    """Keep a program with its from_numbers and words, after checking all of it."""
    from sender.campaigns.drafts import DraftError, read_program
    from sender.campaigns.programs import ProgramError, create_program

    try:
        wanted = read_program(file)
        with opened() as runtime:
            create_program(runtime, wanted, ACTOR)
    except (DraftError, ProgramError, ValueError) as error:
        fail(str(error))
    console.print(f"Program {wanted.slug} is there; import contacts with --program {wanted.slug}.")


@app.command("list")
def listing() -> None:
    """Every program with its brand, purposes and countries."""
    from sqlalchemy import select

    from sender.models import Program

    table = Table("program", "brand", "purposes", "countries")
    with opened() as runtime, runtime.db.read() as session:
        for one in session.execute(select(Program)).scalars():
            table.add_row(one.slug, one.brand, ", ".join(one.purposes), ", ".join(one.countries))
    console.print(table)


@app.command("word")
def word(
    program: Annotated[str, typer.Argument(help="The program's short name.")],
    kind: Annotated[str, typer.Argument(help="opt_in, confirm, help, stop, clarify, start or away.")],
    text: Annotated[str, typer.Argument(help="The new words.")],
) -> None:
    """Give a program new words; the old version stays on record."""
    from sender.campaigns.programs import ProgramError
    from sender.campaigns.wordings import add_wording

    with opened() as runtime:
        try:
            version = add_wording(runtime, program, kind, text, ACTOR)
        except ProgramError as error:
            fail(str(error))
    console.print(f"The {kind} wording of {program} is now version {version}.")
