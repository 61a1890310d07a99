"""`tactful backup`, `restore`, `release`, `db …`: copies of an installation, and what they do before they send."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sender.cli.common import console, fail, load_settings, opened, prepare

if TYPE_CHECKING:
    from sender.db import Database

ACTOR = "command line"


def register(app: typer.Typer, db: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (backup, restore, release):
        app.command()(command)
    db.command("upgrade")(upgrade)
    db.command("copy")(copy)


def backup(
    file: Annotated[Path, typer.Argument(help="A new file; keep it, and the exported keys, elsewhere.")],
) -> None:
    """Write everything as of this instant to a sealed file, while the installation runs on."""
    from sender.audit import note
    from sender.backup import copies
    from sender.backup.sealed import BackupError

    with opened() as runtime, console.status("Backing up"):
        try:
            counts = copies.backup(runtime.db, runtime.keys, file, runtime.clock.real())
        except BackupError as error:
            fail(str(error))
        with runtime.db.write() as session:
            note(session, runtime.clock.now(), ACTOR, "installation.backup", "installation", {"rows": _sum(counts)})
    console.print(f"{file}: {_sum(counts):,} rows. Only with the keys of this installation can it be read.")


def restore(
    file: Annotated[Path, typer.Argument(help="What `tactful backup` wrote.")],
    keys: Annotated[Path | None, typer.Option(help="The exported keys, where this machine has none yet.")] = None,
    erased: Annotated[
        Path | None, typer.Option(help="The newest copy of erased.jsonl, where this machine has none yet.")
    ] = None,
) -> None:
    """Put a backup into an empty database. Nothing is sent until `tactful release`."""
    from sender.audience import erased_list
    from sender.backup import copies
    from sender.backup.sealed import BackupError
    from sender.crypto import KeyFileError, install_keys, key_path, load_key_file, load_keys
    from sender.db import Database

    settings = load_settings()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        ring = load_key_file(keys) if keys else load_keys(settings.home)
        with console.status("Putting it back"):
            counts = copies.restore(file, ring, database, datetime.now(UTC))
        if keys and not key_path(settings.home).exists():
            install_keys(keys, settings.home)
        if erased:
            erased_list.take_over(erased, settings.home)
    except (BackupError, KeyFileError, erased_list.ListError) as error:
        fail(str(error))
    finally:
        database.close()
    console.print(f"{_sum(counts):,} rows are back. Everybody signs in again; nothing is sent until `tactful release`.")


def release(
    unasked: Annotated[
        bool, typer.Option("--unasked", help="Release a copy without asking the provider: texts may go out twice.")
    ] = False,
    unlisted: Annotated[
        bool, typer.Option("--unlisted", help="Release a copy without the list of erased people: they may come back.")
    ] = False,
) -> None:
    """Open the gates again; a copy first learns from the provider what left and what came since it was made."""
    from sender.backup.catch_up import catch_up, copied_at
    from sender.delivery.wire import Wire
    from sender.halt import release as go
    from sender.providers.base import SendError

    with opened() as runtime, runtime.db.read() as session:
        since = copied_at(session)
    if since is not None and not unlisted:
        _erase_again()
    if since is None or unasked:
        with opened() as runtime:
            go(runtime, ACTOR, caught_up=unasked)
        console.print("Released.")
        return
    with opened(sending=True) as runtime:
        wire = Wire()
        try:
            learned = catch_up(runtime, wire, since, ACTOR)
        except SendError as error:
            fail(f"{error.sentence}. Nothing was released; `--unasked` releases without asking, and may text twice.")
        finally:
            wire.ask(runtime.provider.close())
            wire.close()
        go(runtime, ACTOR, caught_up=True)
    console.print(
        f"Since {learned.since:%Y-%m-%d %H:%M} UTC {learned.sent:,} of the waiting texts had left and "
        f"{learned.replies:,} replies had come; both are on record now. "
        f"{learned.strange:,} texts of since then are not in this copy."
    )
    for name in learned.paused:
        console.print(f"Campaign {name} is paused: look at it, then resume it.", highlight=False, markup=False)
    console.print("Released.")


def _erase_again() -> None:
    from sender.audience.erased_list import ListError
    from sender.backup.erased_again import erase_again

    with opened() as runtime:
        try:
            again = erase_again(runtime, ACTOR)
        except ListError as error:
            fail(
                f"{error} Nothing was released; `--unlisted` releases without it: "
                "right where nobody was ever erased; elsewhere they come back."
            )
    console.print(f"{again:,} people who were erased since this copy was made were erased in it again.")


def upgrade(
    no_backup: Annotated[bool, typer.Option("--no-backup", help="Do not keep a copy of the database first.")] = False,
) -> None:
    """Bring the database to the schema of this version; a copy of it is kept first. Does nothing when it is there."""
    from sender.db import Database
    from sender.schema import is_newer

    settings = load_settings()
    kept = prepare(settings, backup=not no_backup)
    if is_newer(Database(settings.database)):
        console.print("A later version has upgraded the database already; this one works with it, and changed nothing.")
        return
    if kept:
        console.print(f"The database of before is in {kept}.")
    console.print("The database is up to date.")


def copy(
    target: Annotated[
        str,
        typer.Option("--to", envvar="TACTFUL_COPY_TO", help="SQLAlchemy address; in the environment it is not seen."),
    ],
) -> None:
    """Copy everything into another, empty database, such as from SQLite to PostgreSQL. The copy is held."""
    from sqlalchemy.exc import ArgumentError, OperationalError

    from sender.backup import copies
    from sender.backup.sealed import BackupError

    try:
        into = _database(target)
        with opened() as runtime, console.status("Copying"):
            counts = copies.copy(runtime.db, into, runtime.clock.real())
    except ArgumentError:
        fail("That is no address of a database; write it as postgresql+psycopg://user@host/name.")
    except OperationalError as error:
        fail(into.silent(error))
    except BackupError as error:
        fail(str(error))
    console.print(
        f"{_sum(counts):,} rows copied. Stop this installation, set TACTFUL_DATABASE_URL, then `tactful release`."
    )


def _database(url: str) -> "Database":
    from sender.db import Database

    return Database(url)


def _sum(counts: dict[str, int]) -> int:
    return sum(counts.values())
