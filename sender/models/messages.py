"""One text's life: attempts, decisions and receipts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field

APART = "campaign_id IS NULL AND status = 'pending'"
"""Messages of no campaign that wait: few, however many those of campaigns are."""
UNTOLD = "kind = 'api' AND told <> status"
"""Messages of the API whose state no webhook has told yet."""
ANSWERS = "reply_id IS NOT NULL"
"""Messages that answer somebody: a campaign's, which are by far the most, stand in no index of answers."""
ANSWERED = "status IN ('sent', 'delivered', 'undelivered', 'failed')"
"""Messages the provider has said something of: brakes look at the newest of a campaign."""


class Message(SQLModel, table=True):
    """One outbound text to one number. ``send_after`` is the one column for quiet hours, caps and back-off.

    ``cost`` is what a budget sets aside for it, in ten-thousandths of the price table's currency.

    ``subject`` is what it is about, for caps that name one (None: nobody said).
    ``deferrals`` counts what guards put off, ``tries`` the attempts that were proven not to have been created.
    ``changed_at`` follows the campaign clock, ``touched_at`` the machine's, for sweeps.
    ``key_id`` is the key it was asked with, ``is_test`` keeps it from real providers, ``told`` is for webhooks.
    ``archive_page``: its attempts, receipts and decisions lie packed there (None: in their tables); see sender/archive.
    """

    __table_args__ = (
        Index("ux_message_campaign_number", "campaign_id", "number_id", unique=True),
        Index(
            "ux_message_answer",
            "reply_id",
            "answers",
            unique=True,
            sqlite_where=text(ANSWERS),
            postgresql_where=text(ANSWERS),
        ),
        Index("ix_message_due_on", "status", "campaign_id", "from_number_id", "send_after"),
        Index("ix_message_campaign_status", "campaign_id", "status", "reason", "parts"),
        Index("ix_message_number_status", "number_id", "status"),
        Index("ix_message_contact", "contact_id"),
        Index(
            "ix_message_number_sent",
            "number_id",
            "sent_at",
            sqlite_where=text("sent_at IS NOT NULL"),
            postgresql_where=text("sent_at IS NOT NULL"),
        ),
        Index("ix_message_api", "id", sqlite_where=text("kind = 'api'"), postgresql_where=text("kind = 'api'")),
        Index("ix_message_apart", "send_after", sqlite_where=text(APART), postgresql_where=text(APART)),
        Index(
            "ix_message_answered",
            "campaign_id",
            "changed_at",
            sqlite_where=text(ANSWERED),
            postgresql_where=text(ANSWERED),
        ),
        Index("ix_message_untold", "id", sqlite_where=text(UNTOLD), postgresql_where=text(UNTOLD)),
    )
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int | None = Field(default=None, foreign_key="campaign.id")
    variant_id: int | None = Field(default=None, foreign_key="variant.id")
    program_id: int = Field(foreign_key="program.id")
    number_id: int = Field(foreign_key="number.id")
    contact_id: int | None = Field(default=None, foreign_key="contact.id")
    from_number_id: int | None = Field(default=None, foreign_key="from_number.id")
    kind: str
    purpose: str
    status: str
    reason: str = ""
    text_cipher: bytes | None = None
    text_hash: bytes | None = None
    parts: int = 0
    cost: int = 0
    send_after: datetime
    expires_at: datetime | None = None
    deferrals: int = 0
    tries: int = 0
    reply_id: int | None = Field(default=None, foreign_key="reply.id")
    answers: str | None = None
    subject: str | None = None
    key_id: int | None = None
    is_test: bool = False
    told: str = ""
    error_code: int | None = None
    created_at: datetime
    changed_at: datetime
    touched_at: datetime
    sent_at: datetime | None = None
    final_at: datetime | None = None
    archive_page: int | None = None


class Attempt(SQLModel, table=True):
    """One passage of the gate. At most one per message is not refuted: the database refuses a second (promise 2).

    ``outcome``: live, accepted, refused (the provider said no), unconfirmed, unproven, refuted (proven not created).
    """

    __table_args__ = (
        Index(
            "ux_attempt_live",
            "message_id",
            unique=True,
            sqlite_where=text("outcome <> 'refuted'"),
            postgresql_where=text("outcome <> 'refuted'"),
        ),
        Index("ix_attempt_number_gated", "number_id", "gated_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    number_id: int = Field(foreign_key="number.id")
    program_id: int = Field(foreign_key="program.id")
    purpose: str
    kind: str
    subject: str | None = None
    token: str = Field(unique=True)
    outcome: str = "live"
    validity: int = 0
    gated_at: datetime
    touched_at: datetime
    searched_at: datetime | None = None
    searches: int = 0
    sid: str | None = Field(default=None, unique=True)
    error_code: int | None = None
    facts: dict[str, Any] = json_field()


class Decision(SQLModel, table=True):
    """Why a text was deferred or blocked: the guard, its reason and rules, and what it was shown. Passes: Attempt."""

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    at: datetime
    door: str
    guard: str
    verdict: str
    reason: str
    until: datetime | None = None
    rules: list[str] = json_field(list)
    inputs: dict[str, Any] = json_field()


class Receipt(SQLModel, table=True):
    """One delivery status callback as it came, stored before it is answered; applied later, in any order.

    ``state``: open, applied, or unknown (no attempt of ours fits; opened again when one does).
    """

    __table_args__ = (
        Index("ux_receipt_event", "sid", "status", unique=True),
        Index("ix_receipt_state", "state", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    token: str
    sid: str = Field(index=True)
    status: str
    error_code: int | None = None
    state: str = "open"
    received_at: datetime
    applied_at: datetime | None = None
