"""So many times within an hour or a day, counted in the database, so that several web processes count as one."""

from datetime import UTC, datetime

from sqlalchemy import update
from sqlmodel import Session, col

from sender.db import insert_new
from sender.models import Allowance


def once_more(session: Session, key: str, span: str, most: int) -> bool:
    """Count one; False, and nothing counted, where ``most`` were counted in this span already."""
    insert_new(session, Allowance, [{"key": key, "day": span, "used": 0}])
    mine = (col(Allowance.key) == key, col(Allowance.day) == span, col(Allowance.used) < most)
    grown = update(Allowance).where(*mine).values(used=col(Allowance.used) + 1).returning(col(Allowance.used))
    return bool(session.execute(grown).all())


def hour_of(now: datetime) -> str:
    """The hour (UTC) that an instant lies in, such as "2026-03-10T15"."""
    return f"{now.astimezone(UTC):%Y-%m-%dT%H}"


def day_of(now: datetime) -> str:
    """The day (UTC) that an instant lies in."""
    return f"{now.astimezone(UTC):%Y-%m-%d}"
