"""What is told to other software, to whom, and whether it heard."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field


class WebhookEndpoint(SQLModel, table=True):
    """An address that wants to hear of events. The signing secret is sealed with the master key.

    ``status``: live or disabled (``disabled_why``). ``failing_since``: nothing got through from then on.
    ``programs`` are ids (none: every program).
    """

    __tablename__ = "webhook_endpoint"
    id: int | None = Field(default=None, primary_key=True)
    url: str
    description: str = ""
    events: list[str] = json_field(list)
    programs: list[int] = json_field(list)
    secret_cipher: bytes
    status: str = "live"
    disabled_why: str = ""
    failing_since: datetime | None = None
    created_by: str
    created_at: datetime


class WebhookEvent(SQLModel, table=True):
    """One thing that happened. The body is sealed with the number's data key, so erasing a person erases it too.

    ``number_id`` None: the body names no person and is sealed with the master key.
    """

    __tablename__ = "webhook_event"
    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(unique=True)
    type: str
    program_id: int | None = None
    number_id: int | None = Field(default=None, foreign_key="number.id", index=True)
    body_cipher: bytes
    at: datetime = Field(index=True)


class WebhookDelivery(SQLModel, table=True):
    """One event on its way to one endpoint: waiting, delivered or given_up. Times are the machine's own."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_due", "status", "next_at"),
        Index("ix_webhook_delivery_endpoint", "endpoint_id", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    event_id: int = Field(foreign_key="webhook_event.id", index=True)
    endpoint_id: int = Field(foreign_key="webhook_endpoint.id")
    status: str = "waiting"
    tries: int = 0
    next_at: datetime
    answer: int | None = None
    error: str = ""
    delivered_at: datetime | None = None


class Told(SQLModel, table=True):
    """What was last told of a thing that has no column of its own for it: campaign, import, place in the ledger."""

    kind: str = Field(primary_key=True)
    subject_id: int = Field(primary_key=True)
    state: str
