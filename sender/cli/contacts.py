"""`tactful contacts …`: bring contacts in from a file, and get back the rows that were not taken."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sender.cli.common import console, emit, errors, fail, opened

if TYPE_CHECKING:
    from sender.audience.importing.options import ImportReport
    from sender.audience.importing.options import Progress as Tell

ACTOR = "command line"

app = typer.Typer(help="Bring contacts in and look at them.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV, TSV or XLSX file with a line of column names.")],
    program: Annotated[str | None, typer.Option(help="Short name of the program the consent is to.")] = None,
    region: Annotated[str | None, typer.Option(help="Country of numbers without a country code, such as US.")] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help='"File column=field"; field may be attributes.name or skip. May be repeated.'),
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="What parts the cells; found out when not given.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What people consented to: marketing, informational, …")] = None,
    consent_source: Annotated[str | None, typer.Option(help="Attestation: where people agreed.")] = None,
    consent_wording: Annotated[str | None, typer.Option(help="Attestation: the exact words they were shown.")] = None,
    consent_at: Annotated[str | None, typer.Option(help="Attestation: when, such as 2026-03-01.")] = None,
    attested_by: Annotated[str | None, typer.Option(help="Attestation: who vouches for it.")] = None,
    collected: Annotated[str | None, typer.Option(help="Attestation: how, such as web_form, paper, in_person.")] = None,
    collected_by: Annotated[str | None, typer.Option(help="Attestation: who asked the people.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would happen; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Import contacts, and their consent where the file or an attestation shows it. Opt-outs are never undone."""
    from sender.audience.importer import import_file, program_named
    from sender.audience.importing.options import FileRefused, ImportOptions, attest

    with opened() as runtime:
        try:
            now = runtime.clock.now()
            told = consent_source, consent_wording, attested_by, consent_at, purpose
            word, meant = attest(*told, now, collected, collected_by)
            options = ImportOptions(
                program_id=program_named(runtime.db, program) if program else None,
                region=region.upper() if region else None,
                mapping=_mapping(mapping or []),
                delimiter=_delimiter(delimiter),
                purpose=meant,
                attestation=word,
                dry_run=dry_run,
            )
            with _progress(quiet=as_json) as tell:
                report = import_file(runtime.db, runtime.keys, runtime.clock, file, options, tell)
        except FileRefused as error:
            fail(str(error))
    emit(asdict(report)) if as_json else _show(report)


@app.command("refused")
def refused(
    import_id: Annotated[int, typer.Argument(help="The import's number, from its report.")],
    out: Annotated[Path, typer.Option(help="The CSV file to make; it will hold personal data.")],
    why: Annotated[str, typer.Option(help="What the rows are for; kept in the audit.")],
) -> None:
    """Write the rows an import did not take, with line, code and reason, to a file of mode 0600."""
    from sender.audience.importing.options import FileRefused
    from sender.audience.importing.refused import note_taken, write_refused

    if not why.strip():
        fail("Say what you need the rows for (--why); it is kept in the audit.")
    with opened() as runtime, runtime.db.write() as session:
        try:
            count = write_refused(session, runtime.keys, import_id, out)
        except FileRefused as error:
            fail(str(error))
        note_taken(session, runtime.clock.now(), ACTOR, import_id, why, count)
    console.print(f"Wrote {count:,} rows to {out}; delete it when the rows are mended.")


@app.command("undo")
def undo_(
    import_id: Annotated[int, typer.Argument(help="The import's number, from its report.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take an import back, while no text has gone to anybody in it. Opt-outs in it stay."""
    from sender.audience.importing.options import FileRefused
    from sender.audience.importing.undoing import undo, why_not
    from sender.models import ImportRun

    with opened() as runtime:
        with runtime.db.read() as session:
            if reason := why_not(session, import_id):
                fail(reason)
            counts = session.get_one(ImportRun, import_id).counts
        said = f"{counts.get('new', 0):,} contacts go and {counts.get('with_consent', 0):,} consents are withdrawn."
        if not yes:
            typer.confirm(f"{said} Go on?", abort=True)
        try:
            done = undo(runtime.db, runtime.clock, import_id, ACTOR)
        except FileRefused as error:
            fail(str(error))
    console.print(
        f"Undone: {done.removed:,} contacts removed, {done.restored:,} put back as they were, {done.kept:,} kept as "
        f"they were used since, {done.withdrawn:,} consents withdrawn."
    )


def _mapping(pairs: list[str]) -> dict[str, str]:
    from sender.audience.importing.options import FileRefused

    split = [pair.rpartition("=") for pair in pairs]
    for (column, _, field), pair in zip(split, pairs, strict=True):
        if not column.strip() or not field.strip():
            raise FileRefused(f'--map {pair!r} is not of the form "File column=field".')
    return {column.strip(): field.strip() for column, _, field in split}


def _delimiter(text: str | None) -> str | None:
    from sender.audience.importing.options import FileRefused

    found = {"tab": "\t", "\\t": "\t"}.get(text or "", text)
    if found is not None and (len(found) != 1 or found in '"\r\n'):
        raise FileRefused(f"--delimiter {text!r} is not one character; use , or ; or tab.")
    return found


@contextmanager
def _progress(*, quiet: bool) -> Iterator["Tell"]:
    """A bar over the bytes of the file with rows, rows a second and time left, where somebody is watching."""
    columns = (BarColumn(), TextColumn("{task.percentage:3.0f} %  {task.fields[said]}"), TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=quiet or not errors.is_terminal, transient=True) as bar:
        task = bar.add_task("import", total=None, said="")

        def tell(done: int, total: int, counts: Mapping[str, int]) -> None:
            rows, seconds = counts.get("rows", 0), bar.tasks[0].elapsed or 0.0
            rate = f"{rows / seconds:,.0f} rows/s" if seconds else ""
            bar.update(task, completed=done, total=total, said=f"{rows:,} rows  {rate}")

        yield tell


def _show(report: "ImportReport") -> None:
    title = f"Import {report.import_id} of {report.name}" if report.import_id else f"Dry run of {report.name}"
    table = Table("rows", "", title=title)
    for name, count in report.counts.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    for code, count in report.refused.items():
        table.add_row(f"[red]  {code}[/]", f"{count:,}")
    console.print(table)
    if report.resumed_after:
        console.print(f"Went on after line {report.resumed_after:,}, where this import had stopped.")
    for one in report.first:
        console.print(f"line {one.line:,}  [red]{one.code}[/]  {one.reason}", highlight=False)
    if report.import_id and report.first:
        console.print(f"The rows themselves: tactful contacts refused {report.import_id} --why … --out refused.csv")
    for note in report.notes:
        console.print(f"[yellow]•[/] {note}", highlight=False)
