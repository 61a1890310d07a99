"""What every command shares: settings with clear refusals, a runtime that is closed again, and JSON out.

Imports stand inside the functions: a filter must answer before a database driver has been loaded.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console

if TYPE_CHECKING:
    from pathlib import Path

    from sender.db import Database
    from sender.processes.drift import Watch
    from sender.providers.base import Provider
    from sender.runtime import Runtime
    from sender.settings import Settings

console = Console()
errors = Console(stderr=True)


def fail(sentence: str, status: int = 1) -> NoReturn:
    """Print one sentence to standard error and end the command."""
    errors.print(f"[bold red]✗[/] {sentence}", highlight=False)
    raise typer.Exit(status)


def load_settings() -> "Settings":
    """The settings of this process; a bad one ends the command with a sentence that names it."""
    import re

    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from sender.settings import Settings, SettingsFileError, no_list

    try:
        return Settings()
    except SettingsFileError as error:
        fail(str(error))
    except SettingsError as error:
        named = re.search(r'field "(\w+)"', str(error))
        fail(no_list(named[1]) if named else str(error))
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        setting = f"TACTFUL_{name}: " if name else ""
        fail(f"{setting}{first['msg'].removeprefix('Value error, ')}")


def build(settings: "Settings") -> "Runtime":
    """The runtime of a process that sends. KeyFileError and SendError say what is missing."""
    from sender.processes.drift import Watch
    from sender.providers.twilio import TwilioProvider

    watch = Watch()
    return _build(settings, TwilioProvider(settings, watch.hear), watch)


def _build(settings: "Settings", provider: "Provider", watch: "Watch") -> "Runtime":
    from guards import CHAIN
    from sender.clock import clock_of
    from sender.crypto import load_keys
    from sender.db import Database
    from sender.reckoners import Reckoners
    from sender.runtime import Runtime

    database, keys, clock = Database(settings.database), load_keys(settings.home), clock_of(settings)
    return Runtime(settings, database, keys, clock, CHAIN, provider, watch, Reckoners(settings, clock))


def redis_address(settings: "Settings") -> str:
    """Where the bell hangs: the configured Redis, or the embedded Valkey's socket."""
    from sender.processes.embedded import socket_path, socket_url

    return settings.redis_url or socket_url(socket_path(settings.home))


PATIENCE = 60.0
"""Seconds for which a process that is meant to stay waits for its database."""


@contextmanager
def opened(*, sending: bool = False, patience: float = 0.0, process: str = "command") -> "Iterator[Runtime]":
    """A runtime on a database with our schema or a newer one; refusals end the command with one sentence.

    Only ``sending`` processes need Twilio's credentials; ``patience`` is how many seconds the database may be away;
    ``process`` is how it signs its lines in the log.
    """
    from sqlalchemy.exc import OperationalError

    from sender.archive.pages import ArchiveError
    from sender.crypto import KeyFileError
    from sender.logs import speak
    from sender.processes.collector import spare_what_lasts
    from sender.processes.drift import Watch
    from sender.providers.absent import AbsentProvider
    from sender.providers.base import SendError
    from sender.schema import SchemaError, require_current

    settings = load_settings()
    speak(settings, process)
    try:
        runtime = build(settings) if sending else _build(settings, AbsentProvider(), Watch())
        runtime.db.await_answer(patience)
        require_current(runtime.db, or_newer=True)
    except OperationalError as error:
        fail(runtime.db.silent(error))
    except (KeyFileError, SchemaError) as error:
        fail(str(error))
    except SendError as error:
        fail(error.sentence)
    spare_what_lasts()
    try:
        yield runtime
    except ArchiveError as error:
        fail(str(error))
    finally:
        runtime.reckoners.end()
        runtime.db.close()


def make_home(settings: "Settings", database: "Database") -> None:
    """Make the home folder and keys on a first start; a database without its keys ends the command."""
    from sender.crypto import key_path, make_keys
    from sender.schema import has_tables

    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.home.chmod(0o700)
    if key_path(settings.home).exists():
        return
    if has_tables(database):
        fail(f"The key file {key_path(settings.home)} is missing; put back the exported copy of it.")
    make_keys(settings.home)


def prepare(settings: "Settings", *, backup: bool = True) -> "Path | None":
    """Bring home, keys, schema and the installation's own row to where a start needs them.

    Returns the backup that was made where the schema had to change.
    """
    from sender.backup.copies import before_upgrade
    from sender.crypto import load_keys
    from sender.db import Database
    from sender.halt import found
    from sender.schema import upgrade

    database = Database(settings.database)
    make_home(settings, database)
    now = datetime.now(UTC)
    kept = before_upgrade(database, load_keys(settings.home), settings.home / "backups", now) if backup else None
    upgrade(database)
    with database.write() as session:
        found(session)
    database.close()
    return kept


@contextmanager
def new_file(path: "Path") -> "Iterator[IO[bytes]]":
    """A file of mode 0600 that was not there; taken away again where writing it fails."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        fail(f"The file {path} cannot be made: {error.strerror}; choose another name.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def instant(text: str) -> datetime:
    """An instant that somebody typed, in UTC; one without its offset ends the command."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        fail(f"{text!r} is no time with its offset; write it as 2026-09-03T00:00Z.")
    return at.astimezone(UTC)


def emit(value: Any) -> None:
    """One JSON value on a line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)
