"""The installation as a whole: may it send, what is going on in a place, and who did what."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field


class Installation(SQLModel, table=True):
    """The one row that says whether this copy may send (promise 10); ``epoch`` also lies in a file beside the keys.

    ``place`` is where this database lies, ``seen_at`` when a scheduler last worked on it. ``copied_at`` is set while a
    restored or copied database was not released yet: the instant up to which it knows what happened.
    """

    id: int = Field(default=1, primary_key=True)
    epoch: str
    halted: bool = False
    halted_why: str = ""
    place: str = ""
    seen_at: datetime | None = None
    copied_at: datetime | None = None
    created_at: datetime


class Present(SQLModel, table=True):
    """A process that works on this database: on which host, of which ``kind`` (web, hooks, worker, scheduler), and the
    newest migration its version ``knows``. It counts ``beat`` up while it lives (sender/processes/presence.py)."""

    name: str = Field(primary_key=True)
    host: str
    kind: str
    knows: str
    beat: int = Field(default=0, sa_type=BigInteger)


class Emergency(SQLModel, table=True):
    """A place ("US-LA") into which nothing is sold or announced from ``since`` until ``until`` (None: until ended)."""

    id: int | None = Field(default=None, primary_key=True)
    place: str
    since: datetime
    until: datetime | None = None
    why: str
    declared_by: str


class Audit(SQLModel, table=True):
    """Who did what to which thing, when; never numbers or texts. Append-only, and chained by the sealer."""

    __table_args__ = (Index("ux_audit_sequence", "sequence", unique=True),)
    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    actor: str
    action: str = Field(index=True)
    subject: str
    detail: dict[str, Any] = json_field()
    sequence: int | None = None
    previous: bytes | None = None
    hash: bytes | None = None


class Notice(SQLModel, table=True):
    """Something that people have to know: ``key`` names the cause, and is open once until ``ended_at``.

    ``told`` holds the ways ("mail", "webhook") it has gone out by; ``severity``: info, warning or alarm.
    """

    __table_args__ = (
        Index(
            "ux_notice_open",
            "key",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str
    severity: str
    sentence: str
    raised_at: datetime
    ended_at: datetime | None = None
    told: list[str] = json_field(list)
    tries: int = 0
    next_try_at: datetime | None = None
