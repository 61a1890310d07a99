"""What every command shares: settings with clear refusals, a runtime that is closed again, and JSON out."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

import structlog
import typer
from pydantic import ValidationError
from rich.console import Console

from guards import CHAIN
from sender.clock import Clock
from sender.crypto import KeyFileError, key_path, load_keys, make_keys
from sender.db import Database
from sender.embedded import socket_path, socket_url
from sender.providers.base import SendError
from sender.providers.twilio import TwilioProvider
from sender.runtime import Runtime
from sender.schema import SchemaError, require_current
from sender.settings import Settings

console = Console()
errors = Console(stderr=True)


def fail(sentence: str, status: int = 1) -> NoReturn:
    """Print one sentence to standard error and end the command."""
    errors.print(f"[bold red]✗[/] {sentence}", highlight=False)
    raise typer.Exit(status)


def load_settings() -> Settings:
    """The settings of this process; a bad one ends the command with a sentence that names it."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        setting = f"TACTFUL_{name}: " if name else ""
        fail(f"{setting}{first['msg'].removeprefix('Value error, ')}")


def build(settings: Settings) -> Runtime:
    """The runtime of this process. KeyFileError, SchemaError and SendError say what is missing."""
    return Runtime(
        settings=settings,
        db=Database(settings.database),
        keys=load_keys(settings.home),
        clock=clock_of(settings),
        chain=CHAIN,
        provider=TwilioProvider(settings),
    )


def clock_of(settings: Settings) -> Clock:
    """The clock all processes share: the same anchor gives the same ``now``."""
    if settings.clock_virtual is None or settings.clock_real is None:
        return Clock()
    return Clock(settings.clock_real, settings.clock_virtual.astimezone(UTC), settings.clock_speed)


def redis_address(settings: Settings) -> str:
    """Where the bell hangs: the configured Redis, or the embedded Valkey's socket."""
    return settings.redis_url or socket_url(socket_path(settings.home))


@contextmanager
def opened() -> Iterator[Runtime]:
    """A runtime on a database with the newest schema; refusals end the command with one sentence."""
    log_to_stderr()
    settings = load_settings()
    try:
        runtime = build(settings)
        require_current(runtime.db)
    except (KeyFileError, SchemaError) as error:
        fail(str(error))
    except SendError as error:
        fail(error.sentence)
    try:
        yield runtime
    finally:
        runtime.db.close()


def make_home(settings: Settings) -> bool:
    """Make the home folder and keys on a first start; True when they were made now."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.home.chmod(0o700)
    if key_path(settings.home).exists():
        return False
    make_keys(settings.home)
    return True


def log_to_stderr() -> None:
    """One line of key=value per event; numbers and texts are never logged."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S"),
            structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def emit(value: Any) -> None:
    """One JSON value on a line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)
