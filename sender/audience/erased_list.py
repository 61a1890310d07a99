"""Who was erased, as keyed hashes in a file beside the keys: a backup of before knows nothing of it.

A line is {"number": "<HMAC in hex>", "at": "<when it was asked>", "person": "<HMAC>"}: one for each key under which a
number may be known, and "person" is one of these, the same in all lines of a person. It names nobody without the key,
is written before a number's own key is destroyed, and only grows.
"""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col

from sender.models import Erasure, Number
from sender.runtime import Runtime


class ListError(Exception):
    """The list is missing or damaged; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Listed:
    """When the person with a key was last asked to be erased, and the key that stands for this person."""

    at: datetime
    person: bytes


People = Mapping[bytes, Listed]
"""Listed persons by each of their keys."""


def path_of(home: Path) -> Path:
    """Where the list lies."""
    return home / "erased.jsonl"


def read(home: Path) -> dict[bytes, Listed]:
    """Who is listed, by each key of theirs; ListError without a whole list."""
    path = path_of(home)
    try:
        lines = path.read_text()
    except FileNotFoundError as error:
        raise ListError(
            f"{path} is missing, so nobody knows who was erased since this copy was made; put back its newest copy."
        ) from error
    return _understood(lines, path)


def under(keys: Iterable[bytes], at: datetime) -> dict[bytes, Listed]:
    """One person as they are listed, by all the keys under which their number may be known, the oldest last."""
    every = list(keys)
    return {key: Listed(at, every[-1]) for key in every}


def _understood(lines: str, path: Path) -> dict[bytes, Listed]:
    rows: list[tuple[bytes, datetime, bytes]] = []
    try:
        for line in lines.splitlines():
            body = json.loads(line)
            key = bytes.fromhex(body["number"])
            rows.append((key, datetime.fromisoformat(body["at"]), bytes.fromhex(body.get("person", body["number"]))))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ListError(f"{path} is damaged; put back its newest copy.") from error
    return _joined(rows)


def _joined(rows: Iterable[tuple[bytes, datetime, bytes]]) -> dict[bytes, Listed]:
    """A host that knew only one key of a person listed them under that; a line with both keys makes them one."""
    standing_for: dict[bytes, bytes] = {}

    def person_of(key: bytes) -> bytes:
        while (other := standing_for.setdefault(key, key)) != key:
            key = other
        return key

    newest: dict[bytes, datetime] = {}
    for key, at, person in rows:
        one, other = sorted((person_of(key), person_of(person)))
        standing_for[other] = one
        newest[key] = max(at, newest.get(key, at))
    return {key: Listed(at, person_of(key)) for key, at in newest.items()}


def add(home: Path, people: People) -> int:
    """Write down what the list does not say yet, on the disk when this returns; returns how many lines.

    Makes the list where it is missing, and goes on with a damaged one: no erasure waits for that, a release does.
    """
    known: dict[bytes, Listed] = {}
    with suppress(ListError):
        known = read(home)
    fresh = {key: one for key, one in people.items() if _says_more(known, key, one)}
    lines = "".join(
        json.dumps({"number": key.hex(), "at": one.at.isoformat(), "person": one.person.hex()}) + "\n"
        for key, one in fresh.items()
    )
    descriptor = os.open(path_of(home), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())
    return len(fresh)


def _says_more(known: People, key: bytes, one: Listed) -> bool:
    if key not in known or known[key].at < one.at:
        return True
    return one.person != key and (one.person not in known or known[one.person].person != known[key].person)


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
        people = {key: one for number_key, at in rows for key, one in under([number_key], at).items()}
    if path_of(runtime.settings.home).exists():
        read(runtime.settings.home)
    return add(runtime.settings.home, people)
