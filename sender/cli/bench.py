"""`tactful bench`: how fast this machine imports, plans, sends and takes receipts, beside the plain way of it."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sender.cli.common import console, emit, errors, fail


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(bench)


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="One small round: about a minute, rough figures.")] = False,
    database_url: Annotated[
        str | None, typer.Option(help="An empty PostgreSQL database, emptied again afterwards; SQLite when not given.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.", min=1, max=64)] = None,
    connections: Annotated[
        int | None, typer.Option(help="Requests on the wire per worker process.", min=1, max=1000)
    ] = None,
    people: Annotated[int | None, typer.Option(help="How many people to invent.", min=100)] = None,
    rounds: Annotated[int | None, typer.Option(help="How often each measure is taken.", min=1, max=99)] = None,
    paper: Annotated[
        Path | None, typer.Option(help="A Markdown file that gets the table as a section of its own.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Measure importing, planning, sending and receipts on this machine; no text leaves it."""
    from sender.bench import run, show
    from sender.bench.house import BenchError

    # Ended from outside it still ends its processes, and empties the database it was lent.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    sizes = run.QUICK if quick else run.FULL
    sizes = replace(sizes, people=people or sizes.people, rounds=rounds or sizes.rounds)
    asked = {"workers": workers, "connections": connections}
    product = {name: value for name, value in asked.items() if value is not None}
    try:
        with _progress(quiet=as_json) as tell:
            report = run.bench(sizes, database_url, product, tell)
    except BenchError as error:
        fail(str(error))
    emit(show.as_json(report)) if as_json else show.show(console, report)
    if paper is not None:
        show.write_section(paper, show.as_markdown(report))


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=errors, disable=quiet, transient=True) as bar:
        task = bar.add_task("getting ready")
        yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what)
