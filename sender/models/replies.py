"""What people wrote and what became of it: replies, conversations, prepared answers, opt-ins that wait for a yes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field


class Reply(SQLModel, table=True):
    """One inbound text: what it said (sealed), how it was read, and what was done. ``sid`` makes it one act.

    ``rule`` names what decided the reading, ``matched_cipher`` the words it matched. ``state``: done, asking (a START
    whose time the provider is asked for), or review (a person decides before ``review_by``). ``sent_at`` is the
    provider's time, where it was asked for; ``decision``: opt_out, harmless, or empty; ``decided_by`` "clock" where
    nobody answered in time.
    """

    __table_args__ = (
        Index("ix_reply_untold", "id", sqlite_where=text("told = 0"), postgresql_where=text("told = false")),
        Index("ix_reply_state", "state", "review_by"),
        Index("ix_reply_received", "received_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    sid: str = Field(unique=True)
    number_id: int = Field(foreign_key="number.id", index=True)
    from_number_id: int | None = Field(default=None, foreign_key="from_number.id")
    program_id: int | None = Field(default=None, foreign_key="program.id")
    body_cipher: bytes
    intent: str
    certain: bool
    language: str
    matched_cipher: bytes
    opt_out_type: str = ""
    state: str = "done"
    told: bool = False
    received_at: datetime
    rule: str = ""
    media: int = 0
    sent_at: datetime | None = None
    review_by: datetime | None = None
    put_off_at: datetime | None = None
    decision: str = ""
    decided_at: datetime | None = None
    decided_by: str = ""


class Conversation(SQLModel, table=True):
    """The texts to and from one number, as people who answer see them; made by the first reply that is for them.

    ``unread`` replies came since somebody last looked; ``assigned_to`` is a user's e-mail address, empty: nobody's.
    """

    number_id: int = Field(foreign_key="number.id", primary_key=True)
    program_id: int | None = Field(default=None, foreign_key="program.id", index=True)
    unread: int = 0
    assigned_to: str = ""
    last_at: datetime = Field(index=True)


class PreparedAnswer(SQLModel, table=True):
    """Words kept for answers: "canned" (a person picks it), "auto" (sent to a keyword), "away" (out of hours).

    ``keyword`` is the canned answer's name, or the word that asks for the automatic one in its comparable form.
    """

    __tablename__ = "prepared_answer"
    __table_args__ = (
        Index(
            "ux_prepared_answer",
            "program_id",
            "kind",
            "keyword",
            unique=True,
            sqlite_where=text("retired_at IS NULL"),
            postgresql_where=text("retired_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    program_id: int = Field(foreign_key="program.id")
    kind: str
    keyword: str
    text: str
    created_by: str
    created_at: datetime
    retired_at: datetime | None = None


class OptInRequest(SQLModel, table=True):
    """Somebody asked to get texts and was asked back: a yes before ``expires_at`` makes it consent.

    ``wording`` is what the person was shown, ``text_hash`` of the text that asked. ``state``: open, confirmed, or
    withdrawn (they said stop).
    """

    __tablename__ = "opt_in_request"
    __table_args__ = (Index("ix_opt_in_request_number", "number_id", "state"),)
    id: int | None = Field(default=None, primary_key=True)
    number_id: int = Field(foreign_key="number.id")
    program_id: int = Field(foreign_key="program.id")
    source: str
    source_ref: str | None = Field(default=None, unique=True)
    level: str
    wording: str
    text_hash: bytes
    state: str = "open"
    asked_at: datetime
    expires_at: datetime
    evidence: dict[str, Any] = json_field()


class Canary(SQLModel, table=True):
    """One STOP that we sent ourselves through the real route; ``why`` says what was wrong, empty where it blocked."""

    id: int | None = Field(default=None, primary_key=True)
    sid: str = Field(unique=True)
    started_at: datetime = Field(index=True)
    seconds: float | None = None
    why: str = ""
