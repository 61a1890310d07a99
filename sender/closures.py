"""What rests until the next day because the provider said so: a from_number at a carrier's daily cap, or everything.

T-Mobile counts a brand's parts from midnight to midnight in Los Angeles (Twilio error 30023). By which midnight the
account is counted (63038) Twilio does not say: it is asked again after the first that comes, UTC or Los Angeles.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select
from sqlmodel import Session

from sender.allowances import INSTALLATION, PACIFIC, day_of
from sender.db import run_below, upsert
from sender.models import Closure

_CLOSURES = Closure.__table__  # type: ignore[attr-defined]
_CLOSED = select(_CLOSURES.c.key, _CLOSURES.c.until, _CLOSURES.c.why).where(_CLOSURES.c.until > bindparam("now"))


class Closed(NamedTuple):
    """Until when something rests, and the provider's reason in words."""

    until: datetime
    why: str


def close(session: Session, address: str, whole: bool, why: str, now: datetime) -> datetime:
    """Let a from_number, or the ``whole`` installation, rest until the next day; returns when that begins."""
    midnight = day_of(now, PACIFIC).ends
    until = min(midnight, day_of(now).ends) if whole else midnight
    upsert(session, Closure, [{"key": key_of(address, whole), "until": until, "why": why}], ["key"])
    return until


def closed(session: Session, now: datetime) -> dict[str, Closed]:
    """What rests now, by :func:`key_of`."""
    return {key: Closed(until, why) for key, until, why in run_below(session, _CLOSED, {"now": now})}


def open_all(session: Session) -> None:
    """Nothing rests any more: a person knows better, or the caps were raised."""
    session.execute(delete(Closure))


def key_of(address: str, whole: bool = False) -> str:
    """The name of a from_number, or of the whole installation, among what rests."""
    return INSTALLATION if whole else f"line:{address}"
