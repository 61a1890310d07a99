"""One effect per ``Idempotency-Key``: the first answer lies in the transaction of its effect, both or neither.

A repeated request gets that answer for 24 hours. Times are the machine's own.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text
from sqlmodel import Session, col

from sender.crypto import Keyring
from sender.models import ApiAnswer

KEPT = timedelta(hours=24)
LOCK_FAMILY = 7704
SLICE = 500


class InFlightError(Exception):
    """A request with the same key is being worked on in another process."""


class OtherRequestError(Exception):
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class First:
    """The answer that was given first."""

    status: int
    body: bytes


def request_hash(method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same one."""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).digest()


def first_answer(
    session: Session, keys: Keyring, key_id: int, idempotency_key: str, hashed: bytes, real: datetime
) -> First | None:
    """The answer this key was given, or None: then nobody else works under it until this transaction ends.

    InFlightError (PostgreSQL; on SQLite a second request waits for the first) and OtherRequestError.
    """
    _lock(session, key_id, idempotency_key)
    which = (col(ApiAnswer.key_id) == key_id, col(ApiAnswer.idempotency_key) == idempotency_key)
    row = session.execute(select(ApiAnswer).where(*which)).scalar_one_or_none()
    if row is None:
        return None
    if row.created_at <= real - KEPT:
        session.execute(delete(ApiAnswer).where(*which))
        return None
    if row.request_hash != hashed:
        raise OtherRequestError
    return First(row.status, keys.unwrap(row.body_cipher))


def keep_answer(
    session: Session, keys: Keyring, key_id: int, idempotency_key: str, hashed: bytes, first: First, real: datetime
) -> None:
    """Keep the first answer beside what it tells of."""
    session.add(
        ApiAnswer(
            key_id=key_id,
            idempotency_key=idempotency_key,
            request_hash=hashed,
            status=first.status,
            body_cipher=keys.wrap(first.body),
            created_at=real,
        )
    )
    session.flush()


def _lock(session: Session, key_id: int, idempotency_key: str) -> None:
    if session.get_bind().dialect.name != "postgresql":
        return
    digest = hashlib.sha256(f"{key_id}\0{idempotency_key}".encode()).digest()
    lock = {"family": LOCK_FAMILY, "key": int.from_bytes(digest[:4], "big", signed=True)}
    if not session.execute(text("SELECT pg_try_advisory_xact_lock(:family, :key)"), lock).scalar():
        raise InFlightError
