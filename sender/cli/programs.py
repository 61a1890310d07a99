"""`tactful program …`: make programs, see them, give them new words and other from_numbers."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sender.cli.common import console, fail, opened

app = typer.Typer(help="Make programs, see them, give them new words and other from_numbers.", no_args_is_help=True)
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


@app.command("links")
def links(
    program: Annotated[str, typer.Argument(help="The program's short name.")],
    days: Annotated[int, typer.Option(help="How long its short links lead on.")] = 90,
    utm: Annotated[bool, typer.Option(help="Add UTM parameters to what they lead to.")] = False,
    off: Annotated[bool, typer.Option("--off", help="Leave links as they are written, as in a new program.")] = False,
) -> None:
    """Shorten the links of a program's texts and count clicks; its privacy notice must say so."""
    from sender.campaigns.short_links import LinkRefused, switch_off, switch_on

    with opened() as runtime:
        try:
            if off:
                switch_off(runtime, program, ACTOR)
            else:
                switch_on(runtime, program, days, utm, ACTOR)
        except LinkRefused as error:
            fail(str(error))
    said = "stay as they are written" if off else f"are shortened and lead on for {days} days"
    console.print(f"Links of {program} {said}; approved campaigns of it are approved anew before they go on.")


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


Program = Annotated[str, typer.Argument(help="The program's short name.")]
Address = Annotated[str, typer.Argument(help="The from_number, as the phone shows it, or a Messaging Service SID.")]


@app.command("pool")
def pool(program: Program) -> None:
    """The from_numbers of a program by country, and those that were retired."""
    from sqlalchemy import select
    from sqlmodel import col

    from sender.models import FromNumber
    from sender.models import Program as Row

    table = Table("country", "from_number", "kind", "parts a second", "parts a day", "retired")
    with opened() as runtime, runtime.db.read() as session:
        mine = select(FromNumber).join(Row, col(Row.id) == col(FromNumber.program_id)).where(col(Row.slug) == program)
        for one in session.execute(mine.order_by(col(FromNumber.country), col(FromNumber.id))).scalars():
            retired = f"{one.retired_at:%Y-%m-%d}" if one.retired_at else ""
            table.add_row(one.country, one.address, one.kind, f"{one.rate:g}", str(one.daily_parts or ""), retired)
    console.print(table)


@app.command("add-number")
def add_number(
    program: Program,
    address: Address,
    country: Annotated[str, typer.Option(help="Whom it texts: a country such as US, or * for all others.")] = "*",
    kind: Annotated[str, typer.Option(help="long_code, toll_free, short_code, alphanumeric, messaging_service.")] = (
        "long_code"
    ),
    rate: Annotated[float, typer.Option(help="Parts a second.")] = 1.0,
    daily_parts: Annotated[int | None, typer.Option(help="Parts a day (Los Angeles); none: no cap.")] = None,
) -> None:
    """Let a from_number join the pool of a country; people who were texted keep the one they know."""
    from sender.campaigns.from_numbers import add
    from sender.campaigns.programs import FromNumberIn, ProgramError

    wanted = FromNumberIn(country, address, kind, rate=rate, daily_parts=daily_parts)
    with opened() as runtime:
        try:
            add(runtime, program, wanted, ACTOR)
        except ProgramError as error:
            fail(str(error))
    console.print(f"{address} texts for {program} now.")


@app.command("retire-number")
def retire_number(
    program: Program,
    address: Address,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a from_number out of its pools; texts that wait for it will not leave."""
    from sender.campaigns.from_numbers import retire, waiting_for
    from sender.campaigns.programs import ProgramError

    with opened() as runtime:
        try:
            with runtime.db.read() as session:
                lost = waiting_for(session, program, address)
            if lost and not yes:
                typer.confirm(f"{lost:,} texts wait for {address} and will be blocked. Go on?", abort=True)
            lost = retire(runtime, program, address, ACTOR)
        except ProgramError as error:
            fail(str(error))
    then = f" {lost:,} texts will be blocked; send each campaign to its rest." if lost else ""
    console.print(f"{address} sends nothing more for {program}.{then}")
