"""The order in which everybody takes locks: installation, campaigns, numbers, messages by id. So nothing deadlocks.

A gate changes messages of numbers it has; of other numbers only messages that nobody else is changing.

On PostgreSQL advisory locks are fair: a pause waits for the gates that are open, and new gates wait behind it. (With
``FOR SHARE`` a stream of gates starves the pause.) On SQLite every write transaction is alone anyway.
"""

import time
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from sender.among import among
from sender.models import Number

log = structlog.get_logger()
DEADLOCK = "40P01"
DEADLOCK_PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds between two tries of what a deadlock undid: PostgreSQL gives what came free to whoever asks first, and one
that came back at once was there before the transaction that had waited, in a new deadlock."""
P = ParamSpec("P")
T = TypeVar("T")
INSTALLATION = 7701
CAMPAIGN = 7702
_IN_ORDER = select(col(Number.id)).where(among(col(Number.id), "ids")).order_by(col(Number.id))


def share(session: Session, campaign_ids: Iterable[int]) -> None:
    """Hold the brake and these campaigns open until the transaction ends; others may share them."""
    _take(session, "pg_advisory_xact_lock_shared", INSTALLATION, 0)
    for campaign_id in sorted(campaign_ids):
        _take(session, "pg_advisory_xact_lock_shared", CAMPAIGN, campaign_id)


def close_campaign(session: Session, campaign_id: int) -> None:
    """Have the campaign alone: no gate of it is open once this returns."""
    _take(session, "pg_advisory_xact_lock", CAMPAIGN, campaign_id)


def close_installation(session: Session) -> None:
    """Have the installation alone: no gate at all is open once this returns."""
    _take(session, "pg_advisory_xact_lock", INSTALLATION, 0)


def lock_numbers(session: Session, number_ids: Iterable[int]) -> None:
    """Take the rows of these numbers, in the order of their ids; facts are read after this."""
    wanted = sorted(set(number_ids))
    if wanted and session.get_bind().dialect.name != "sqlite":
        session.execute(_IN_ORDER.with_for_update(), {"ids": wanted})


def lock_free_numbers(session: Session, number_ids: Iterable[int]) -> set[int]:
    """Take those of these numbers' rows that nobody else holds, without waiting; returns which.

    A gate asks like this: it must not queue before a number whose STOP is being committed, nor make others queue.
    """
    wanted = sorted(set(number_ids))
    if session.get_bind().dialect.name == "sqlite":
        return set(wanted)
    return set(session.execute(_IN_ORDER.with_for_update(skip_locked=True), {"ids": wanted}).scalars())


def _take(session: Session, function: str, family: int, key: int) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT {function}(:family, :key)"), {"family": family, "key": key})


def insistent(door: Callable[P, T]) -> Callable[P, T]:
    """A door of one transaction that is entered again when PostgreSQL undid it to end a deadlock.

    For STOPs: the order of locks leaves none, and a mistake in it must not cost an opt-out.
    """

    @wraps(door)
    def enter(*args: P.args, **kwargs: P.kwargs) -> T:
        for pause in DEADLOCK_PAUSES:
            try:
                return door(*args, **kwargs)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != DEADLOCK:
                    raise
                log.warning("a deadlock undid it; once more", door=door.__name__)
                time.sleep(pause)
        return door(*args, **kwargs)

    return enter
