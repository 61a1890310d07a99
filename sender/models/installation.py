"""The installation as a whole: may it send, what is going on in a place, and who did what."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from sender.models.columns import json_field


class Installation(SQLModel, table=True):
    """The one row that says whether this copy may send (promise 10); ``epoch`` also lies in a file beside the keys."""

    id: int = Field(default=1, primary_key=True)
    epoch: str
    halted: bool = False
    halted_why: str = ""
    created_at: datetime


class Emergency(SQLModel, table=True):
    """A place ("US-LA") into which nothing is sold or announced from ``since`` until ``until`` (None: until ended)."""

    id: int | None = Field(default=None, primary_key=True)
    place: str
    since: datetime
    until: datetime | None = None
    why: str
    declared_by: str


class Audit(SQLModel, table=True):
    """Who did what to which thing, when; never numbers or texts."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = json_field()
