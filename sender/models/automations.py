"""Automations: what starts them, their steps, who is in them and how far. Every wait is a row, no timer."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field

OPEN = "state = 'open'"
WAITING = "state = 'waiting'"
ASIDE = "state = 'aside'"


class Automation(SQLModel, table=True):
    """A chain of texts. It begins with an event (``trigger`` is its type), or at the hours of ``schedule``.

    ``schedule``: {"weekdays": [0], "at": "10:00", "zone": "America/New_York"}, 0 is Monday; ``segment`` is who may
    enter. ``steps``: each {"wait_minutes", "only_if" (a segment), "text"}. ``goal`` is the type of event that ends it
    for a person. ``again_after_days`` None: a person enters once. ``status``: draft, live or paused.

    ``next_at`` is the next hour of the schedule; ``round_at`` the one whose people are entering, up to ``cursor``.
    After ``tries`` that failed with ``error`` its round goes on at ``retry_at``.
    """

    __table_args__ = (Index("ix_automation_trigger", "status", "trigger"),)
    id: int | None = Field(default=None, primary_key=True)
    program_id: int = Field(foreign_key="program.id")
    name: str = Field(unique=True)
    purpose: str = "marketing"
    trigger: str = ""
    schedule: dict[str, Any] = json_field()
    segment: dict[str, Any] = json_field()
    steps: list[dict[str, Any]] = json_field(list)
    goal: str = ""
    leave_on_reply: bool = True
    again_after_days: int | None = None
    status: str = "draft"
    edits: int = 0
    next_at: datetime | None = None
    round_at: datetime | None = None
    cursor: int = 0
    created_by: str = ""
    started_by: str = ""
    created_at: datetime
    tries: int = 0
    retry_at: datetime | None = None
    error: str = ""


class Event(SQLModel, table=True):
    """Something that happened outside, told once under ``uid``; its data is sealed with the person's data key.

    ``state``: open, then done, late, or aside where it failed again and again. ``at`` is when it happened, as we were
    told; after ``tries`` that failed with ``error`` it is looked at again at ``retry_at``.
    """

    __table_args__ = (
        UniqueConstraint("program_id", "uid"),
        Index("ix_event_open", "id", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
        Index("ix_event_number", "number_id", "type"),
        Index("ix_event_aside", "program_id", "type", sqlite_where=text(ASIDE), postgresql_where=text(ASIDE)),
    )
    id: int | None = Field(default=None, primary_key=True)
    uid: str
    program_id: int = Field(foreign_key="program.id")
    type: str
    number_id: int = Field(foreign_key="number.id")
    data_cipher: bytes
    is_test: bool = False
    at: datetime
    received_at: datetime
    state: str = "open"
    tries: int = 0
    retry_at: datetime | None = None
    error: str = ""


class Enrolment(SQLModel, table=True):
    """One person in one automation: the ``step`` that is next, and when. By one event or round a person enters once.

    ``state``: waiting, done (all steps), left (``why``: stopped, replied, goal, late, …), or aside: it failed again and
    again with ``error``. Until then, after ``tries`` that failed, it goes on at ``retry_at``.
    """

    __table_args__ = (
        UniqueConstraint("automation_id", "number_id", "event_id"),
        UniqueConstraint("automation_id", "number_id", "round_at"),
        Index("ix_enrolment_due", "due_at", sqlite_where=text(WAITING), postgresql_where=text(WAITING)),
        Index("ix_enrolment_number", "number_id", "automation_id"),
        Index("ix_enrolment_aside", "automation_id", sqlite_where=text(ASIDE), postgresql_where=text(ASIDE)),
    )
    id: int | None = Field(default=None, primary_key=True)
    automation_id: int = Field(foreign_key="automation.id")
    number_id: int = Field(foreign_key="number.id")
    event_id: int | None = Field(default=None, foreign_key="event.id")
    round_at: datetime | None = None
    step: int = 0
    due_at: datetime
    state: str = "waiting"
    why: str = ""
    is_test: bool = False
    entered_at: datetime
    ended_at: datetime | None = None
    tries: int = 0
    retry_at: datetime | None = None
    error: str = ""


class EnrolmentText(SQLModel, table=True):
    """What became of one step for one person: its message, or ``why_not``. At most one each: the key refuses more."""

    __tablename__ = "enrolment_text"
    enrolment_id: int = Field(foreign_key="enrolment.id", primary_key=True)
    step: int = Field(primary_key=True)
    message_id: int | None = Field(default=None, foreign_key="message.id", unique=True)
    why_not: str = ""
