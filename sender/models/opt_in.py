"""The doors by which people get in, and what people wish for themselves on their own page."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from sender.models.columns import Json, json_field


class OptInForm(SQLModel, table=True):
    """A sign-up form of one program, as it is being edited; what people see is its newest published version.

    ``about`` says what the texts bring. ``sites`` are the origins that may frame it, ``hourly_limit`` how many numbers
    it asks in an hour at most. ``age_limit`` 0: nobody is asked for an age. ``keyword`` is the word to text, in its
    comparable form, empty: none. ``status``: draft, published, closed.
    """

    __tablename__ = "opt_in_form"
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    program_id: int = Field(foreign_key="program.id", index=True)
    headline: str
    about: str
    double_opt_in: bool = True
    age_limit: int = 0
    countries: list[str] = json_field(list)
    sites: list[str] = json_field(list)
    hourly_limit: int = 60
    keyword: str = ""
    status: str = "draft"
    version: int = 0
    created_by: str
    created_at: datetime
    changed_at: datetime


class OptInFormVersion(SQLModel, table=True):
    """What a form said from ``published_at`` on, word for word, never changed.

    ``wording`` stands beside the box, ``call`` on posters; ``page`` holds everything else that was shown, ``hash`` is
    over all of it.
    """

    __tablename__ = "opt_in_form_version"
    __table_args__ = (UniqueConstraint("form_id", "version"),)
    id: int | None = Field(default=None, primary_key=True)
    form_id: int = Field(foreign_key="opt_in_form.id")
    version: int
    wording: str
    call: str
    page: dict[str, Any] = json_field()
    hash: bytes
    published_by: str
    published_at: datetime


class Wishes(SQLModel, table=True):
    """What a person chose on their own page, for the texts of every program.

    Nothing that sells or informs goes before ``paused_until``, outside ``hours`` ([start, end] in minutes of the local
    day, None: any), or on one of the ``unwanted`` subjects.
    """

    number_id: int = Field(foreign_key="number.id", primary_key=True)
    paused_until: datetime | None = None
    hours: list[int] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    unwanted: list[str] = json_field(list)
    changed_at: datetime


class ErasureRequest(SQLModel, table=True):
    """Somebody asked on their own page to be forgotten; open until ``done_at``, by whom and how it ended."""

    __tablename__ = "erasure_request"
    __table_args__ = (Index("ix_erasure_request_open", "done_at", "asked_at"),)
    id: int | None = Field(default=None, primary_key=True)
    number_id: int = Field(foreign_key="number.id", index=True)
    asked_at: datetime
    done_at: datetime | None = None
    done_by: str = ""
