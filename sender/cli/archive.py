"""`tactful archive …`: what became of old texts, packed into sealed pages of the same database."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from sender.cli.common import console, fail, opened

if TYPE_CHECKING:
    from sender.runtime import Runtime

ACTOR = "command line"
app = typer.Typer(help="Old texts packed away; everything about them is told as before.", no_args_is_help=True)


@app.command("set")
def set_(days: Annotated[str, typer.Argument(help="After how many days a text is old, or `off`.")]) -> None:
    """Let the scheduler archive what is so old, from now on, or (`off`) nothing more; what is packed stays packed."""
    from sender.archive.packing import ArchiveRefused, keep_open_for

    if days != "off" and not days.isdecimal():
        fail(f"{days!r} is no number of days; write such as 180, or off.")
    wanted = None if days == "off" else int(days)
    with opened() as runtime:
        try:
            with runtime.db.write() as session:
                keep_open_for(session, wanted, ACTOR, runtime.clock.now())
        except ArchiveRefused as error:
            fail(str(error))
    when = "Nothing more is archived." if wanted is None else f"Texts are archived after {wanted:,} days."
    console.print(when, highlight=False)


@app.command("run")
def run_(
    before: Annotated[str, typer.Option(help="A day such as 2026-01-31; empty: as set, or 180 days ago.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many texts it would be; change nothing.")] = False,
) -> None:
    """Archive what is older now, from the very first text on, while everything runs."""
    from sender.archive.packing import ArchiveRefused, check, count, pack_next

    with opened() as runtime:
        day = _day(runtime, before)
        try:
            with runtime.db.read() as session:
                check(session, day, runtime.clock.now())
        except ArchiveRefused as error:
            fail(str(error))
        if dry_run:
            with runtime.db.read() as session:
                found = count(session, day)
            console.print(f"{found:,} texts of before {day:%Y-%m-%d} would be archived.", highlight=False)
            return
        done, after, over = 0, 0, False
        while not over:
            packed = pack_next(runtime, day, after, ACTOR)
            done, after, over = done + packed.texts, packed.looked_to, packed.over
    console.print(f"Archived {done:,} texts of before {day:%Y-%m-%d}.", highlight=False)


@app.command("show")
def show() -> None:
    """After how many days texts are archived, how many are, and how large the archive is."""
    from sender.archive.packing import days, size

    with opened() as runtime, runtime.db.read() as session:
        old, found = days(session), size(session)
    when = "Archiving is off." if old is None else f"Texts are archived after {old:,} days."
    console.print(
        when, f"{found.texts:,} texts lie on {found.pages:,} pages of {found.bytes:,} bytes.", highlight=False
    )


@app.command("verify")
def verify_() -> None:
    """Walk every page against the audit; status 1 names the first that does not hold."""
    from sender.archive.checking import verify
    from sender.audit import verify as verify_audit
    from sender.sealing import BrokenChain

    with opened() as runtime, runtime.db.read() as session:
        try:
            verify_audit(session, runtime.keys)
            found = verify(session)
        except BrokenChain as error:
            fail(str(error))
    emptied = f" Retention has forgotten the decisions of {found.forgotten:,} of them." if found.forgotten else ""
    console.print(f"The archive holds: {found.texts:,} texts on {found.pages:,} pages.{emptied}", highlight=False)


def _day(runtime: "Runtime", text: str) -> datetime:
    from sender.archive.packing import USUAL_DAYS, days

    if text:
        try:
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            fail(f"{text!r} is no day; write it as 2026-01-31.")
    with runtime.db.read() as session:
        old = days(session) or USUAL_DAYS
    return runtime.clock.now() - timedelta(days=old)
