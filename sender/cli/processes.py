"""The processes of an installation: all at once (`up`), or one each for a Procfile."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sender.cli.common import (
    PATIENCE,
    build,
    console,
    errors,
    load_settings,
    opened,
    prepare,
    redis_address,
)

if TYPE_CHECKING:
    from sender.watching.doctor import Finding


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (up, demo, doctor, golive, web, hooks, worker, scheduler, simulator):
        app.command()(command)


def up() -> None:
    """Start everything in this terminal on your own data; Ctrl-C stops it all."""
    from sender.accounts import AccountError, make_owner_link
    from sender.logs import speak
    from sender.processes.supervisor import Supervisor
    from sender.processes.up import build_processes, child_environment
    from sender.watching.doctor import examine

    settings = load_settings()
    speak(settings, "up")
    faults = [finding for finding in examine(settings, first_start=True) if finding.fatal]
    if faults:
        for finding in faults:
            errors.print(f"[bold red]✗[/] {finding.sentence}", highlight=False)
        raise typer.Exit(1)
    prepare(settings)
    runtime = build(settings)
    with runtime.db.write() as session:
        try:
            link = make_owner_link(session, runtime.keys, runtime.clock.real())
        except AccountError:
            link = ""
    runtime.db.close()
    console.print(f"Tactful: {settings.address}")
    if link:
        console.print(f"Make yourself its owner (works once, for 24 hours): {settings.address}{link}", soft_wrap=True)
    raise typer.Exit(Supervisor(build_processes(settings, child_environment(settings)), sys.stdout).run())


def demo(
    contacts: Annotated[int, typer.Option(help="How many people to invent, 1,000 to 11,000.")] = 10_000,
) -> None:
    """Send a demo campaign to ten thousand invented people on this machine, and prove that it was lawful."""
    from sender.demo.run import run_demo

    raise typer.Exit(run_demo(contacts))


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Name everything that is wrong with this installation, and how to mend it; status 1 if anything is."""
    from sender.watching.doctor import examine

    _show(examine(load_settings()), as_json)


def golive(
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Look at all that stands between this installation and its first real text; status 1 if anything forbids it."""
    from sender.watching.golive import checklist

    _show(checklist(load_settings()), as_json)


def _show(findings: "list[Finding]", as_json: bool) -> None:
    from sender.cli.common import emit

    if as_json:
        emit([{"what": one.what, "ok": one.ok, "fatal": one.fatal, "sentence": one.sentence} for one in findings])
    else:
        for one in findings:
            mark = "[green]✓[/]" if one.ok else "[bold red]✗[/]" if one.fatal else "[yellow]![/]"
            console.print(f"{mark} {one.sentence}", highlight=False)
    raise typer.Exit(1 if any(one.fatal for one in findings) else 0)


def web() -> NoReturn:
    """The web process: pages and API."""
    _become("web")


def hooks() -> NoReturn:
    """The process that takes Twilio's requests: delivery receipts and inbound texts."""
    _become("web", "hooks")


def _become(*words: str) -> NoReturn:
    # The package web stands above this one, so it is started, not imported.
    os.execv(sys.executable, [sys.executable, "-m", *words])  # noqa: S606 - our own module


def worker() -> None:
    """One worker process: takes batches off the bell and delivers them."""
    from sender.backup.place import check_in
    from sender.processes.presence import present
    from sender.processes.worker import run_worker

    with opened(sending=True, patience=PATIENCE, process="worker") as runtime, present(runtime.db, "worker"):
        check_in(runtime)
        run_worker(runtime, redis_address(runtime.settings))


def scheduler() -> None:
    """The scheduler: starts, plans, hands over, applies receipts, sweeps and reconciles."""
    from sender.backup.place import check_in
    from sender.processes.presence import present
    from sender.processes.scheduler import run_scheduler

    with opened(sending=True, patience=PATIENCE, process="scheduler") as runtime, present(runtime.db, "scheduler"):
        check_in(runtime)
        run_scheduler(runtime, redis_address(runtime.settings))


def simulator(
    config: Annotated[Path, typer.Argument(help="JSON configuration, see docs/simulator.md.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8027,
) -> NoReturn:
    """A Twilio-shaped server with simulated phones; it sends nothing to anybody."""
    from sender.simulator.__main__ import main

    raise typer.Exit(main(["--port", str(port), "--config", str(config)]))
