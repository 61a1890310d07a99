"""Short links in texts, one for each recipient, and what was clicked."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel


class ShortLink(SQLModel, table=True):
    """One link of one text. The target is sealed with the person's data key: erasing the person ends the link."""

    __tablename__ = "short_link"
    id: int | None = Field(default=None, primary_key=True)
    token: str = Field(unique=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    number_id: int = Field(foreign_key="number.id")
    target_cipher: bytes
    created_at: datetime
    expires_at: datetime


class Click(SQLModel, table=True):
    """One visit of a link; ``not_counted`` says why it was no person's ("head", "agent", "early"), empty: it was.

    Neither address nor browser is kept.
    """

    __table_args__ = (Index("ix_click_number", "number_id", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    link_id: int = Field(foreign_key="short_link.id", index=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    number_id: int = Field(foreign_key="number.id")
    at: datetime
    not_counted: str = ""
