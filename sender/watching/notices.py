"""What people have to know about this installation: written down by whoever sees it, shown until it is over."""

import re
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.db import insert_new
from sender.models import Notice

PAGES = (
    (r"watch campaign (\d+) ", "/campaigns/{}"),
    (r"watch automation (\d+) ", "/automations/{}"),
    (r"form (\d+)$", "/opt-in/{}"),
    (r"watch review$", "/inbox/review"),
    (r"register outdated$", "/numbers"),
)
"""Where a trouble is looked at and mended, by how its key begins; the others are mended on the server."""


CLOCK = "clock:"
"""How the key of a host whose clock is wrong begins; the rest is the host's name."""
COMPARED = timedelta(days=7)
AN_HOUR = timedelta(hours=1)


def has_passed(one: Notice, real: datetime) -> bool:
    """Whether this is over by itself: a budget's day, a form's hour, a week after a comparison."""
    if one.key == "budget":
        return real.date() > one.raised_at.date()
    lasts = {"form": AN_HOUR, "comparison": COMPARED}.get(re.split("[ :]", one.key)[0])
    return lasts is not None and real - one.raised_at >= lasts


def page_of(key: str) -> str:
    """The path of the page on which the trouble with this key is mended; empty where there is none."""
    found = ((re.match(pattern, key), path) for pattern, path in PAGES)
    return next((path.format(*match.groups()) for match, path in found if match), "")


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
