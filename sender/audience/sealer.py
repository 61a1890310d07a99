"""The consent ledger's chain: sealed behind the writers, verified here, and on an export by a script of its own.

What a person could be known by is in it only as the id of a row and as ciphertext, so that an erasure breaks nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from sqlmodel import Session

from sender import sealing
from sender.audience.verify_ledger import FORMAT, Tampered, check
from sender.crypto import Keyring, text_hash
from sender.db import Database
from sender.models import ConsentEvent
from sender.sealing import BrokenChain, Chain, End, canonical, is_signed, signature

SEALED_FIELDS = (
    "id",
    "number_id",
    "program_id",
    "kind",
    "purpose",
    "level",
    "at",
    "recorded_at",
    "source",
    "source_ref",
    "wording",
    "attested_by",
    "lapses_at",
    "evidence",
)


def _has_its_hash(event: ConsentEvent) -> bool:
    return event.wording_hash == (text_hash(event.wording) if event.wording else None)


LEDGER = Chain("consent", "Event", "consent ledger", ConsentEvent, SEALED_FIELDS, "recorded_at", _has_its_hash)


def seal_some(database: Database, keys: Keyring) -> int:
    """Seal up to 1,500 events that are not sealed yet; returns how many."""
    return sealing.seal_some(LEDGER, database, keys)


def verify(session: Session, keys: Keyring, anchors: tuple[End, ...] = ()) -> int:
    """Walk the chain from its first event to its signed end; returns its length. BrokenChain names what is wrong."""
    return sealing.verify(LEDGER, session, keys, anchors).sequence


def head(session: Session) -> End:
    """How the ledger ends, to be written down or published as an anchor."""
    return sealing.head(LEDGER, session)


def export(session: Session, keys: Keyring, now: datetime) -> Iterator[bytes]:
    """The sealed ledger as lines of canonical JSON: what it is, every event, and its signed end with a hash of all."""
    whole = hashlib.sha256()
    end = End(0, sealing.GENESIS)
    for line in _lines(session, now):
        whole.update(line + b"\n")
        yield line
        if "hash" in (body := json.loads(line)):
            end = End(body["event"]["sequence"], bytes.fromhex(body["hash"]))
    said: dict[str, Any] = {"sequence": end.sequence, "hash": end.hash.hex(), "sha256": whole.hexdigest()}
    yield canonical({"end": {**said, "signature": signature(keys, "export", *said.values()).hex()}})


def verify_export(keys: Keyring, lines: Iterable[bytes], anchors: tuple[End, ...] = ()) -> int:
    """What the script checks, and the signature, which only this installation can; returns how many events it holds.

    BrokenChain names the line that does not hold.
    """
    try:
        end = check(lines, {one.sequence: one.hash.hex() for one in anchors})
    except Tampered as error:
        raise BrokenChain(str(error)) from error
    signed = _bytes_of(end.pop("signature"))
    if signed is None or not is_signed(keys, signed, "export", end["sequence"], end["hash"], end["sha256"]):
        raise BrokenChain("The signature under the export is not of this installation.")
    return int(end["sequence"])


def script() -> str:
    """The words of the script that checks an export with Python alone."""
    return files("sender.audience").joinpath("verify_ledger.py").read_text()


def _lines(session: Session, now: datetime) -> Iterator[bytes]:
    at = now.astimezone(UTC).isoformat()
    yield canonical({"format": FORMAT, "exported_at": at})
    for event in session.execute(LEDGER.sealed().execution_options(yield_per=1000)).scalars():
        body = {"sequence": event.sequence, **LEDGER.body(event)}
        yield canonical({"event": body, "previous": event.previous.hex(), "hash": event.hash.hex()})


def _bytes_of(given: object) -> bytes | None:
    """The bytes that a line of an export says; None where it says something else."""
    try:
        found = bytes.fromhex(str(given))
    except ValueError:
        return None
    return found if found.hex() == given else None
