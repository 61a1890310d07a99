"""`tactful keys …`: copy them away, put a copy back, and change them while everything runs."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from sender.cli.common import console, fail, load_settings, opened

app = typer.Typer(help="The installation's keys.", no_args_is_help=True)
ACTOR = "command line"


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write the copy; keep it away from this machine.")],
) -> None:
    """Copy the keys to a file (mode 0600). Without them numbers and texts cannot be read again."""
    from sender.audit import note
    from sender.crypto import key_path

    source = key_path(load_settings().home)
    if not source.exists():
        fail(f"There are no keys in {source.parent} yet; `tactful up` makes them.")
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}; name a new file.")
    with os.fdopen(descriptor, "wb") as copy, source.open("rb") as original:
        shutil.copyfileobj(original, copy)
    with opened() as runtime, runtime.db.write() as session:
        note(session, runtime.clock.now(), ACTOR, "keys.export", "keys", {"version": runtime.keys.version})
    console.print(f"Keys copied to {file}. Whoever has them and the database can read every number.")


@app.command("import")
def bring_in(file: Annotated[Path, typer.Argument(help="A copy that `tactful keys export` wrote.")]) -> None:
    """Put a copy of the keys back where none are; keys that are there are never written over."""
    from sender.crypto import KeyFileError, install_keys

    home = load_settings().home
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        keys = install_keys(file, home)
    except KeyFileError as error:
        fail(str(error))
    console.print(f"Keys {keys.fingerprint} are in place; `tactful doctor` says whether they fit the database.")


@app.command("rotate")
def rotate(
    only_make: Annotated[
        bool, typer.Option("--only-make", help="Stop once the keys are made, to copy the file to other hosts.")
    ] = False,
) -> None:
    """Make new keys and turn every row to them while everything runs; a run that was ended is taken up again.

    Everybody signs in again, and API keys, opt-out links and receipts of before go on working.
    """
    from sender import rotation
    from sender.crypto import KeyFileError

    with opened() as runtime:
        try:
            if only_make:
                version = rotation.stage(runtime, ACTOR)
                console.print(f"Keys of version {version} are made. Copy keys.json to every host, then rotate.")
                return
            with console.status("Turning numbers to the new keys") as status:
                done = rotation.rotate(
                    runtime, ACTOR, progress=lambda at, of: status.update(f"{at:,} of {of:,} numbers")
                )
        except (KeyFileError, OSError) as error:
            fail(str(error))
    left = f" {done.left:,} that were erased stay known by their old key." if done.left else ""
    console.print(f"Version {done.version}: {done.numbers:,} numbers and {done.sealed:,} other secrets turned.{left}")
    console.print("Run `tactful keys export` now: the copy you have does not hold the new keys.")
