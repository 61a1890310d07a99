"""What people have to know about this installation: written down by whoever sees it, shown until it is over."""

from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.db import insert_new
from sender.models import Notice


def begin(session: Session, key: str, severity: str, sentence: str, at: datetime) -> None:
    """Let this trouble stand until :func:`end`; the same ``key`` is one notice, with its newest sentence.

    ``severity``: info, warning or alarm.
    """
    is_open = (col(Notice.key) == key, col(Notice.ended_at).is_(None))
    values = {"severity": severity, "sentence": sentence}
    if session.execute(update(Notice).where(*is_open).values(**values).returning(col(Notice.id))).all():
        return
    insert_new(session, Notice, [{"key": key, "raised_at": at, "ended_at": None, "told": [], "tries": 0, **values}])


def end(session: Session, key: str, at: datetime) -> None:
    """This trouble is over; nothing where there was none."""
    session.execute(update(Notice).where(col(Notice.key) == key, col(Notice.ended_at).is_(None)).values(ended_at=at))


def standing(session: Session) -> list[Notice]:
    """All that is not over, oldest first."""
    return list(
        session.execute(
            select(Notice).where(col(Notice.ended_at).is_(None)).order_by(col(Notice.raised_at), col(Notice.id))
        ).scalars()
    )
