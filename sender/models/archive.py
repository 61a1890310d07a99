"""What became of texts long ago, packed: pages of attempts, receipts and decisions of up to 100 texts each."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class ArchivePage(SQLModel, table=True):
    """One page. A message's ``archive_page`` names the one in which its rows lie.

    ``passages`` are its attempts and receipts, ``decisions`` its decisions (empty once retention has forgotten them):
    JSON, compressed by zlib, with the SHA-256 of these bytes, which also stands in the audit. ``looked_to``
    is the message up to which the archive had looked. Decisions fell from ``decided_from`` to ``decided_until``.
    """

    __tablename__ = "archive_page"
    id: int | None = Field(default=None, primary_key=True)
    packed_at: datetime
    looked_to: int = Field(sa_type=BigInteger)
    texts: int
    passages: bytes
    passages_hash: bytes
    decisions: bytes
    decisions_hash: bytes
    decision_count: int = 0
    decided_from: datetime | None = None
    decided_until: datetime | None = Field(default=None, index=True)
