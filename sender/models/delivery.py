"""What paces sending, and what watches over it."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field


class Allowance(SQLModel, table=True):
    """What gates have used of a cap on one day: parts of a from_number, or money of the installation.

    ``used`` only grows, by an update that is refused where it would pass the cap.
    """

    key: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    used: int = Field(default=0, sa_type=BigInteger)


class Bucket(SQLModel, table=True):
    """How many parts a from_number or a campaign may send at the instant ``at``; below 0 it has sent ahead."""

    key: str = Field(primary_key=True)
    level: float
    at: datetime


class Closure(SQLModel, table=True):
    """A from_number ("line:+1…") or the installation ("installation") that sends nothing before ``until``.

    The provider said so, and ``why`` is its sentence; ``until`` is on the campaign clock.
    """

    key: str = Field(primary_key=True)
    until: datetime
    why: str


class Lease(SQLModel, table=True):
    """Who does a work that one process does at a time; its holder counts ``beat`` up, so no clock is compared."""

    name: str = Field(primary_key=True)
    holder: str
    beat: int = Field(default=0, sa_type=BigInteger)


class Comparison(SQLModel, table=True):
    """One day of the provider's list against our attempts: how many agree, and the ids only one side knows."""

    day: str = Field(primary_key=True)
    at: datetime
    agreed: int
    ours_alone: list[str] = json_field(list)
    theirs_alone: list[str] = json_field(list)
