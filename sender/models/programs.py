"""Programs, the words they use, and what the phone shows as the sender."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from sender.models.columns import Json, json_field


class Program(SQLModel, table=True):
    """A brand and purpose people opt in to; the scope of consent, caps, footer and from_numbers (CTIA's word).

    ``review_hours``: after so long without a decision an unsure reply is an opt-out; ``reply_hours``: how long after a
    person's last text they may be answered; ``confirm_hours``: how long a yes counts; ``desk``: {"zone", "hours"} in
    which replies are answered by people (None: nobody is told that it is late). ``frequency`` ("up to 4 texts a
    month"), ``terms_url`` and ``privacy_url`` are what people are told before they say yes (CTIA 5.1.1).
    ``links``: {"days", "utm"} where links are made short and clicks counted (None: they are not).
    """

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
    resends: bool = False
    review_hours: int = 24
    reply_hours: int = 24
    confirm_hours: int = 24
    desk: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    frequency: str = ""
    terms_url: str = ""
    privacy_url: str = ""
    links: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    created_at: datetime


class Wording(SQLModel, table=True):
    """One version of words a program shows or answers with, never changed.

    Kind: opt_in, confirm (asks for the yes of a double opt-in), help, stop, clarify (a stop's confirmation that asks
    what to keep), start, or away.
    """

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
    ``daily_parts`` may leave from one midnight in Los Angeles to the next, as T-Mobile counts (None: no such cap).
    One that is out of its pool since ``retired_at`` sends nothing more and is kept for what it has sent.
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
    daily_parts: int | None = None
    retired_at: datetime | None = None
