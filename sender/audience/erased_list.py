"""Who was erased, as keyed hashes in a file beside the keys: a backup of before knows nothing of it.

One line of JSON a person: {"number": "<HMAC in hex>", "at": "<when it was asked>"}. It names nobody without the key, is
written before a number's own key is destroyed, and only grows.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col

from sender.models import Erasure, Number
from sender.runtime import Runtime


class ListError(Exception):
    """The list is missing or damaged; the sentence says what to do."""


def path_of(home: Path) -> Path:
    """Where the list lies."""
    return home / "erased.jsonl"


def read(home: Path) -> dict[bytes, datetime]:
    """When each was asked to be erased, last of all, by key of the number; ListError without a whole list."""
    path = path_of(home)
    try:
        lines = path.read_text()
    except FileNotFoundError as error:
        raise ListError(
            f"{path} is missing, so nobody knows who was erased since this copy was made; put back its newest copy."
        ) from error
    return _understood(lines, path)


def _understood(lines: str, path: Path) -> dict[bytes, datetime]:
    found: dict[bytes, datetime] = {}
    try:
        for line in lines.splitlines():
            body = json.loads(line)
            key, at = bytes.fromhex(body["number"]), datetime.fromisoformat(body["at"])
            found[key] = max(at, found.get(key, at))
    except (ValueError, KeyError, TypeError) as error:
        raise ListError(f"{path} is damaged; put back its newest copy.") from error
    return found


def add(home: Path, asked: Mapping[bytes, datetime]) -> int:
    """Write down those that are not listed yet, on the disk when this returns; returns how many.

    Makes the list where it is missing, and goes on with a damaged one: no erasure waits for that, a release does.
    """
    known: dict[bytes, datetime] = {}
    with suppress(ListError):
        known = read(home)
    fresh = {key: at for key, at in asked.items() if key not in known or known[key] < at}
    lines = "".join(json.dumps({"number": key.hex(), "at": at.isoformat()}) + "\n" for key, at in fresh.items())
    descriptor = os.open(path_of(home), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())
    return len(fresh)


def take_over(copy: Path, home: Path) -> None:
    """Add what a copy of the list says to this host's own; ListError where the copy cannot be read."""
    try:
        lines = copy.read_text()
    except OSError as error:
        raise ListError(f"{copy} cannot be read: {error.strerror}.") from error
    add(home, _understood(lines, copy))


def list_all(runtime: Runtime) -> int:
    """Bring this host's list up to what the database knows, whichever host erased; a step of the scheduler.

    ListError where the list is damaged.
    """
    with runtime.db.read() as session:
        rows = session.execute(
            select(col(Number.key), col(Erasure.asked_at)).join(Erasure, col(Erasure.number_id) == col(Number.id))
        )
        asked: dict[bytes, datetime] = dict(rows.all())
    if path_of(runtime.settings.home).exists():
        read(runtime.settings.home)
    return add(runtime.settings.home, asked)
