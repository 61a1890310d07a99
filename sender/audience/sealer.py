"""Chains the consent ledger: each committed event gets the next number and a hash over itself and the one before.

One sealer works behind the writers, so a STOP never waits for the chain. SHA-256 over the previous hash and the
event as canonical JSON (sorted keys, no spaces, UTF-8, instants in UTC); personal data is in it only as row ids.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.db import Database, Pace
from sender.models import ConsentEvent

GENESIS = bytes(32)
SLICE = 300
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


class BrokenChain(Exception):
    """The ledger is not what it was when it was sealed; the sentence names the first event that shows it."""


def seal_some(database: Database) -> int:
    """Seal up to 300 events that are not sealed yet; returns how many."""
    with database.read() as session:
        if (
            session.execute(select(col(ConsentEvent.id)).where(col(ConsentEvent.sequence).is_(None)).limit(1)).scalar()
            is None
        ):
            return 0
    with database.write(Pace.BULK, redoable=True) as session:
        sequence, previous = _head(session)
        unsealed = select(ConsentEvent).where(col(ConsentEvent.sequence).is_(None)).order_by(col(ConsentEvent.id))
        events = list(session.execute(unsealed.limit(SLICE)).scalars())
        for event in events:
            sequence += 1
            event.sequence, event.previous = sequence, previous
            event.hash = previous = link(previous, sequence, event)
        return len(events)


def verify(session: Session) -> int:
    """Walk the chain from its first event; returns its length. BrokenChain names where it does not hold."""
    expected, previous = 0, GENESIS
    sealed = select(ConsentEvent).where(col(ConsentEvent.sequence).is_not(None)).order_by(col(ConsentEvent.sequence))
    for event in session.execute(sealed.execution_options(yield_per=1000)).scalars():
        expected += 1
        if event.sequence != expected:
            raise BrokenChain(f"Event {expected} of the consent ledger is missing.")
        if event.previous != previous or event.hash != link(previous, expected, event):
            raise BrokenChain(f"Event {expected} of the consent ledger was changed after it was sealed.")
        previous = event.hash or b""
    return expected


def link(previous: bytes, sequence: int, event: ConsentEvent) -> bytes:
    """The hash of one event in its place."""
    body = {name: _plain(getattr(event, name)) for name in SEALED_FIELDS}
    canonical = json.dumps({"sequence": sequence, **body}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous + canonical.encode()).digest()


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _head(session: Session) -> tuple[int, bytes]:
    last = select(col(ConsentEvent.sequence), col(ConsentEvent.hash)).where(col(ConsentEvent.sequence).is_not(None))
    row = session.execute(last.order_by(col(ConsentEvent.sequence).desc()).limit(1)).first()
    return (row[0], row[1]) if row else (0, GENESIS)
