"""Who did what: every act by a person, a key or the system, chained like the consent ledger and never changed.

An act is an :class:`~sender.models.Audit` row in the same transaction as what it tells of; the sealer chains committed
rows behind the writers. ``actor``: an e-mail address, "key NAME", "command line", "scheduler", "gate" or "system".
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender import sealing
from sender.crypto import Keyring
from sender.db import Database
from sender.models import Audit
from sender.sealing import Chain

PAGE = 50
AUDIT = Chain("audit", "Act", "audit", Audit, ("id", "at", "actor", "action", "subject", "detail"), "at")


def note(
    session: Session, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Write one act down in the open transaction. ``action`` is "noun.verb"; ``detail`` holds no number and no text."""
    session.add(Audit(at=at, actor=actor, action=action, subject=subject, detail=dict(detail or {})))


def seal_some(database: Database, keys: Keyring) -> int:
    """Chain up to 1,500 acts that are not chained yet; returns how many."""
    return sealing.seal_some(AUDIT, database, keys)


def verify(session: Session, keys: Keyring) -> int:
    """Walk the chain from its first act to its signed end; returns its length. BrokenChain names what is wrong."""
    return sealing.verify(AUDIT, session, keys).sequence


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
