"""Who did what: every act by a person, a key or the system, chained like the consent ledger and never changed.

An act is an :class:`~sender.models.Audit` row in the same transaction as what it tells of; the sealer chains committed
rows behind the writers. ``actor``: an e-mail address, "key NAME", "command line", "scheduler", "gate" or "system".
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.db import Database, Pace
from sender.models import Audit

GENESIS = bytes(32)
SLICE = 300
PAGE = 50
SEALED_FIELDS = ("id", "at", "actor", "action", "subject", "detail")


class BrokenAudit(Exception):
    """The audit is not what it was when it was sealed; the sentence names the first act that shows it."""


def note(
    session: Session, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Write one act down in the open transaction. ``action`` is "noun.verb"; ``detail`` holds no number and no text."""
    session.add(Audit(at=at, actor=actor, action=action, subject=subject, detail=dict(detail or {})))


def seal_some(database: Database) -> int:
    """Chain up to 300 acts that are not chained yet; returns how many."""
    waiting = select(Audit).where(col(Audit.sequence).is_(None)).order_by(col(Audit.id))
    with database.read() as session:
        if session.execute(waiting.limit(1)).first() is None:
            return 0
    with database.write(Pace.BULK, redoable=True) as session:
        sequence, previous = _head(session)
        acts = list(session.execute(waiting.limit(SLICE)).scalars())
        for act in acts:
            sequence += 1
            act.sequence, act.previous = sequence, previous
            act.hash = previous = link(previous, sequence, act)
        return len(acts)


def verify(session: Session) -> int:
    """Walk the chain from its first act; returns its length. BrokenAudit names where it does not hold."""
    expected, previous = 0, GENESIS
    sealed = select(Audit).where(col(Audit.sequence).is_not(None)).order_by(col(Audit.sequence))
    for act in session.execute(sealed.execution_options(yield_per=1000)).scalars():
        expected += 1
        if act.sequence != expected:
            raise BrokenAudit(f"Act {expected} of the audit is missing.")
        if act.previous != previous or act.hash != link(previous, expected, act):
            raise BrokenAudit(f"Act {expected} of the audit was changed after it was sealed.")
        previous = act.hash or b""
    return expected


def link(previous: bytes, sequence: int, act: Audit) -> bytes:
    """The hash of one act in its place: SHA-256 over the one before and the act as canonical JSON."""
    body = {name: _plain(getattr(act, name)) for name in SEALED_FIELDS}
    canonical = json.dumps({"sequence": sequence, **body}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous + canonical.encode()).digest()


def listing(
    session: Session, *, action: str = "", actor: str = "", subject: str = "", before: int = 0, limit: int = PAGE
) -> list[Audit]:
    """Acts, newest first, whose action begins with ``action``, by this actor, on this subject; ``before`` an id."""
    statement = select(Audit).order_by(col(Audit.id).desc()).limit(limit)
    if action:
        statement = statement.where(col(Audit.action).startswith(action, autoescape=True))
    if actor:
        statement = statement.where(col(Audit.actor) == actor)
    if subject:
        statement = statement.where(col(Audit.subject) == subject)
    if before:
        statement = statement.where(col(Audit.id) < before)
    return list(session.execute(statement).scalars())


def shown(act: Audit) -> dict[str, Any]:
    """One act as JSON and tables show it."""
    return {
        "id": act.id,
        "at": act.at,
        "actor": act.actor,
        "action": act.action,
        "subject": act.subject,
        "detail": act.detail,
        "sealed": act.sequence is not None,
    }


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _head(session: Session) -> tuple[int, bytes]:
    last = select(col(Audit.sequence), col(Audit.hash)).where(col(Audit.sequence).is_not(None))
    row = session.execute(last.order_by(col(Audit.sequence).desc()).limit(1)).first()
    return (row[0], row[1]) if row else (0, GENESIS)
