"""`tactful ledger …`: is the consent ledger whole, take it out, and the script that checks it anywhere."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sender.cli.common import console, fail, opened

if TYPE_CHECKING:
    from sender.sealing import End

app = typer.Typer(help="The consent ledger.", no_args_is_help=True)
Anchors = Annotated[
    list[str] | None, typer.Option("--anchor", help="An end that was written down, as SEQUENCE:HASH. May be repeated.")
]


@app.command("verify")
def verify_(
    file: Annotated[Path | None, typer.Option(help="Verify this export instead of the database.")] = None,
    anchor: Anchors = None,
) -> None:
    """Walk the sealed chain to its signed end; status 1 names the first event that does not hold."""
    from sender.audience.sealer import verify, verify_export
    from sender.sealing import BrokenChain

    anchors = tuple(_end(one) for one in anchor or ())
    with opened() as runtime:
        try:
            if file is None:
                with runtime.db.read() as session:
                    count = verify(session, runtime.keys, anchors)
            else:
                with file.open("rb") as lines:
                    count = verify_export(runtime.keys, (line.rstrip(b"\n") for line in lines), anchors)
        except OSError as error:
            fail(f"{file} cannot be read: {error.strerror}.")
        except BrokenChain as broken:
            fail(str(broken))
    console.print(f"The consent ledger holds: {count:,} sealed events.")


@app.command("export")
def export_(
    out: Annotated[Path, typer.Option(help="The file to make; it names nobody, but says who did what when by row.")],
    why: Annotated[str, typer.Option(help="What it is for; kept in the audit.")],
) -> None:
    """Write the sealed ledger to a file that `tactful ledger script` checks without us."""
    from sender.audience.sealer import export, head
    from sender.audit import note
    from sender.cli.common import new_file

    with opened() as runtime:
        with runtime.db.read() as session, new_file(out) as file:
            for line in export(session, runtime.keys, runtime.clock.now()):
                file.write(line + b"\n")
            end = head(session)
        with runtime.db.write() as session:
            note(session, runtime.clock.now(), "command line", "ledger.export", "ledger", {"why": why, "end": str(end)})
    console.print(f"Wrote {end.sequence:,} events to {out}. Written down elsewhere, this proves them: {end}", width=200)


@app.command("head")
def head_() -> None:
    """The end of the ledger as SEQUENCE:HASH: published or printed, it shows later that nothing before was changed."""
    from sender.audience.sealer import head

    with opened() as runtime, runtime.db.read() as session:
        sys.stdout.write(f"{head(session)}\n")


@app.command("script")
def script_() -> None:
    """Print the script that checks an export with Python alone: `tactful ledger script > verify_ledger.py`."""
    from sender.audience.sealer import script

    sys.stdout.write(script())


def _end(text: str) -> "End":
    from sender.sealing import End

    sequence, _, digest = text.partition(":")
    try:
        return End(int(sequence), bytes.fromhex(digest))
    except ValueError:
        fail(f"{text!r} is no end of a ledger; it looks like 1042:9f2c…, as `tactful ledger head` prints it.")
