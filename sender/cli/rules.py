"""`tactful rules …`: what the shipped rules say, and what they said on a past day."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from sender.cli.common import console, emit, fail, instant, opened

app = typer.Typer(help="The rules of places: what they say, and what they said on a past day.", no_args_is_help=True)
emergency = typer.Typer(help="Places into which nothing is sold or announced for now.", no_args_is_help=True)
app.add_typer(emergency, name="emergency")
ACTOR = "command line"
Why = Annotated[str, typer.Option(help="The reason and its source, kept in the audit.")]
Code = Annotated[str, typer.Argument(help="A place: US, US-FL, FR.")]
Program = Annotated[str, typer.Option(help="The program's short name.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
COLUMNS = ("code", "name", "hours", "holidays", "caps", "basis")


def register(app_: typer.Typer) -> None:
    """Add these commands to the command line."""
    app_.add_typer(app, name="rules")
    app_.command("conformance")(conformance)


def conformance(
    folder: Annotated[Path | None, typer.Argument(help="Your own cases, a folder of *.toml; else the shipped.")] = None,
    json: Json = False,
) -> None:
    """Ask the guards every case a lawyer wrote down; status 1 where one is answered otherwise."""
    from guards.conformance import CaseFault, cases_in, judge, shipped

    try:
        results = judge(cases_in(folder) if folder else shipped())
    except (CaseFault, OSError) as error:
        fail(str(error))
    wrong = [result for result in results if result.differences]
    if json:
        told = [{"file": one.case.file, "case": one.case.says, "differences": one.differences} for one in wrong]
        emit({"cases": len(results), "conform": len(results) - len(wrong), "wrong": told})
    else:
        for one in wrong:
            console.print(
                f"[bold red]✗[/] {one.case.file}: {one.case.says}: {'; '.join(one.differences)}.", highlight=False
            )
        console.print(f"{len(results) - len(wrong):,} of {len(results):,} cases are answered as written.")
    if wrong:
        raise typer.Exit(1)


@app.command("list")
def listing(
    on: Annotated[str, typer.Option(help="The day, such as 2026-10-17; today when absent.")] = "", json: Json = False
) -> None:
    """Every rule file with the hours, holidays and caps in force on a day."""
    from guards.rules.showing import listed

    rows = listed(_day(on))
    if json:
        emit(rows)
        return
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*(str(row[name]) for name in COLUMNS))
    console.print(table)


@app.command("show")
def show(code: Code, json: Json = False) -> None:
    """One rule file: every version with its hours, law, source and what else people should know of it."""
    from guards.rules.showing import whole

    try:
        found = whole(_code(code))
    except KeyError:
        fail(f"There is no rule file for {code}; `tactful rules list` shows those there are.")
    if json:
        emit(found)
        return
    also = f", also {', '.join(found['also'])}" if found["also"] else ""
    parent = f", under {found['parent']}" if found["parent"] else ""
    console.print(f"[bold]{found['code']}[/] {found['name']}{parent}{also}", highlight=False)
    for version in found["versions"]:
        _fields(version)


@app.command("paper")
def paper(out: Annotated[Path | None, typer.Option(help="Write it there instead of here.")] = None) -> None:
    """The compliance guide: every guard and every place with its rules, sources and doubts, as Markdown."""
    from sender import rules_paper

    if out is None:
        typer.echo(rules_paper.paper())
        return
    out.write_text(rules_paper.paper(), encoding="utf-8")
    console.print(f"The compliance guide is in {out}.")


@app.command("replay")
def replay(
    code: Code, on: Annotated[str, typer.Option(help="The day, such as 2026-10-17.")], json: Json = False
) -> None:
    """What applied in a place on a day, under which law, and what it left open."""
    from guards.rules.showing import replayed

    try:
        found = replayed(_code(code), _day(on))
    except KeyError:
        fail(f"Nobody knows a place {code}; write a country such as FR or a state such as US-FL.")
    if json:
        emit(found)
        return
    note = f" ({found['note']})" if found["note"] else ""
    console.print(f"[bold]{found['code']}[/] on {found['on']}{note}, rules {found['book']}", highlight=False)
    for rule in found["rules"]:
        _fields(rule)


@app.command("loosen")
def loosen(rule: Code, program: Program, why: Why) -> None:
    """Have a program not keep a rule that is no law on texts; an owner's right, kept in the audit."""
    from sender.audience.loosening import LooseningError
    from sender.audience.loosening import loosen as change

    with opened() as runtime:
        try:
            change(runtime, program, _code(rule), why)
        except LooseningError as error:
            fail(str(error))
    console.print(f"{program} no longer keeps {_code(rule)}; `tactful rules keep` takes that back.")


@app.command("keep")
def keep(rule: Code, program: Program, why: Why) -> None:
    """Have a program keep a rule again that it loosened."""
    from sender.audience.loosening import LooseningError
    from sender.audience.loosening import keep as change

    with opened() as runtime:
        try:
            change(runtime, program, _code(rule), why)
        except LooseningError as error:
            fail(str(error))
    console.print(f"{program} keeps {_code(rule)} again.")


@app.command("loosened")
def loosened(json: Json = False) -> None:
    """Every rule that some program does not keep, with the reason."""
    from sender.audience.loosening import loosened as all_of_them

    with opened() as runtime, runtime.db.read() as session:
        rows = all_of_them(session)
    if json:
        emit(rows)
        return
    table = Table("program", "rule", "why")
    for row in rows:
        table.add_row(*row.values())
    console.print(table if rows else "Every program keeps every rule.")


@emergency.command("declare")
def declare(
    place: Code, why: Why, until: Annotated[str, typer.Option(help="An end such as 2026-09-03T00:00Z, if known.")] = ""
) -> None:
    """Close a place at once: marketing and informational texts into it are blocked until it is ended."""
    from sender.audience.emergencies import EmergencyError
    from sender.audience.emergencies import declare as close

    with opened() as runtime:
        try:
            code = close(runtime, place, why, ACTOR, instant(until) if until else None)
        except EmergencyError as error:
            fail(str(error))
    console.print(f"{code} is closed: nothing that sells or informs goes there.")


@emergency.command("end")
def end(place: Code, why: Why) -> None:
    """Open a place again. Texts that were blocked meanwhile stay blocked."""
    from sender.audience.emergencies import EmergencyError
    from sender.audience.emergencies import end as open_again

    with opened() as runtime:
        try:
            code = open_again(runtime, place, why, ACTOR)
        except EmergencyError as error:
            fail(str(error))
    console.print(f"{code} is open again.")


@emergency.command("list")
def emergencies(json: Json = False) -> None:
    """The places that are closed now, since when, why and by whom."""
    from sender.audience.emergencies import declared

    with opened() as runtime, runtime.db.read() as session:
        rows = [asdict(one) for one in declared(session, runtime.clock.now())]
    if json:
        emit(rows)
        return
    table = Table("place", "since", "until", "why", "declared_by")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table if rows else "No emergency is declared.")


def _fields(shown: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in shown.items():
        if value not in (None, "", []):
            table.add_row(name, "\n".join(map(_said, value)) if isinstance(value, list) else str(value))
    console.print(table)
    console.print()


def _said(day: dict[str, str]) -> str:
    return f"{day['rule']}  {day['name']}"


def _code(text: str) -> str:
    return text if text == "default" else text.upper()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else datetime.now(UTC).date()
    except ValueError:
        fail(f"{text!r} is not a day; write it as 2026-10-17.")
