"""Phones of the people who work here, to which test texts may go."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class OwnPhone(SQLModel, table=True):
    """A phone that ``owner`` (an actor) registered for test texts; proven by the code that was texted to it.

    ``code_hash`` is keyed; ``tries`` counts the wrong codes since ``code_at``.
    """

    __tablename__ = "own_phone"
    __table_args__ = (UniqueConstraint("owner", "number_id", "program_id"),)
    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(index=True)
    number_id: int = Field(foreign_key="number.id")
    program_id: int = Field(foreign_key="program.id")
    label: str = ""
    code_hash: str = ""
    code_at: datetime | None = None
    tries: int = 0
    verified_at: datetime | None = None
    created_at: datetime


class Trial(SQLModel, table=True):
    """A test text: which variant of which campaign, with whose fields (``contact_id``), to which own phone."""

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", unique=True)
    campaign_id: int = Field(foreign_key="campaign.id", index=True)
    variant: str
    own_phone_id: int = Field(foreign_key="own_phone.id")
    contact_id: int | None = None
    asked_by: str
    asked_at: datetime
