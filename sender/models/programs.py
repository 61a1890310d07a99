"""Programs, the words they use, and what the phone shows as the sender."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from sender.models.columns import Json, json_field


class Program(SQLModel, table=True):
    """A brand and purpose people opt in to; the scope of consent, caps, footer and from_numbers (CTIA's word)."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    brand: str
    help_contact: str
    purposes: list[str] = json_field(list)
    footer: str = "Reply STOP to opt out"
    link_footer: str = "Stop: {link}"
    caps: list[dict[str, Any]] = json_field(list)
    hours: list[list[int]] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    countries: list[str] = json_field(list)
    loosened: dict[str, str] = json_field()
    opt_out_scope: str = "program"
    footer_every_days: int = 0
    refusals: dict[str, str] = json_field()
    max_parts: int = 0
    domains: list[str] = json_field(list)
    age_gate: bool = False
    created_at: datetime


class Wording(SQLModel, table=True):
    """One version of words a program shows or answers with: kind opt_in, help, stop or start; never changed."""

    __table_args__ = (UniqueConstraint("program_id", "kind", "version"),)
    id: int | None = Field(default=None, primary_key=True)
    program_id: int = Field(foreign_key="program.id")
    kind: str
    version: int
    text: str
    hash: bytes
    created_at: datetime


class FromNumber(SQLModel, table=True):
    """What the phone shows: an E.164 number, an alphanumeric name or a Messaging Service SID (our own, not personal).

    ``answers_keywords``: the provider itself answers STOP, START and HELP. ``rate`` is parts per second.
    """

    __tablename__ = "from_number"
    __table_args__ = (UniqueConstraint("program_id", "country", "address"),)
    id: int | None = Field(default=None, primary_key=True)
    program_id: int = Field(foreign_key="program.id")
    country: str
    address: str = Field(index=True)
    kind: str
    answers_keywords: bool = True
    can_receive: bool = True
    rate: float = 1.0
