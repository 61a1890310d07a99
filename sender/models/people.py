"""Numbers, contacts, their consent, and the files they came in."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field

LOOKED_UP = "looked_up_at IS NOT NULL"
LIVES = "region IS NOT NULL"
SPEAKS = "language IS NOT NULL"
UNSEALED = "sequence IS NULL"


class Number(SQLModel, table=True):
    """One phone number, keyed by its HMAC; it exists even for strangers who text STOP, and every gate locks it.

    ``looked_up_at`` is when the provider was last asked for its line type.
    """

    __table_args__ = (
        Index("ix_number_country", "country", "id"),
        Index("ix_number_looked_up", "looked_up_at", sqlite_where=text(LOOKED_UP), postgresql_where=text(LOOKED_UP)),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    key_version: int = 1
    cipher: bytes
    data_key: bytes
    country: str | None = None
    area_code: str | None = None
    line_type: str = "unknown"
    state: str = "ok"
    state_reason: str = ""
    looked_up_at: datetime | None = None
    created_at: datetime


class Contact(SQLModel, table=True):
    """A person's record; ``attributes`` are plain for segments and never hold a phone number."""

    __table_args__ = (
        Index("ix_contact_region", "region", "id", sqlite_where=text(LIVES), postgresql_where=text(LIVES)),
        Index("ix_contact_language", "language", "id", sqlite_where=text(SPEAKS), postgresql_where=text(SPEAKS)),
    )
    id: int | None = Field(default=None, primary_key=True)
    number_id: int = Field(foreign_key="number.id", unique=True)
    language: str | None = None
    postal_code: str | None = None
    region: str | None = None
    zone: str | None = None
    attributes: dict[str, Any] = json_field()
    import_id: int | None = Field(default=None, foreign_key="import_run.id", index=True)
    created_at: datetime
    changed_at: datetime


class ConsentEvent(SQLModel, table=True):
    """One line of the consent ledger: append-only, chained by the sealer (``previous``, ``hash``).

    ``program_id`` None means all programs; ``source_ref`` makes one act one event (MessageSid, file hash and line).
    """

    __tablename__ = "consent_event"
    __table_args__ = (
        Index("ix_consent_event_kind", "kind", "recorded_at"),
        Index("ix_consent_event_unsealed", "id", sqlite_where=text(UNSEALED), postgresql_where=text(UNSEALED)),
    )
    id: int | None = Field(default=None, primary_key=True)
    number_id: int = Field(foreign_key="number.id", index=True)
    program_id: int | None = Field(default=None, foreign_key="program.id")
    kind: str
    purpose: str
    level: str = "none"
    at: datetime
    recorded_at: datetime
    source: str
    source_ref: str | None = Field(default=None, unique=True)
    wording: str = ""
    wording_hash: bytes | None = None
    attested_by: str = ""
    lapses_at: datetime | None = None
    evidence: dict[str, Any] = json_field()
    sequence: int | None = Field(default=None, unique=True)
    previous: bytes | None = None
    hash: bytes | None = None


class ConsentStanding(SQLModel, table=True):
    """What the ledger adds up to, per number, program (0: all) and purpose; rebuilt from it at any time."""

    __tablename__ = "consent_standing"
    number_id: int = Field(foreign_key="number.id", primary_key=True)
    program_id: int = Field(primary_key=True)
    purpose: str = Field(primary_key=True)
    state: str
    level: str
    as_of: datetime
    event_id: int = Field(foreign_key="consent_event.id")
    lapses_at: datetime | None = None


class Segment(SQLModel, table=True):
    """A saved audience definition (the JSON of the segment language)."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    definition: dict[str, Any] = json_field()
    created_at: datetime


class ImportRun(SQLModel, table=True):
    """One import of one file: how far it came (``line``, ``done`` of ``size`` bytes), what it counted, who began it.

    ``status``: running, finished, undoing, undone; of an upload before that uploaded, checking, checked; stopped for
    good: failed (``problem`` says why), discarded. ``outlook`` is what the dry run foretold.
    """

    __tablename__ = "import_run"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    file_hash: str = Field(index=True)
    program_id: int | None = Field(default=None, foreign_key="program.id")
    options: dict[str, Any] = json_field()
    status: str = "running"
    line: int = 0
    counts: dict[str, int] = json_field()
    started_at: datetime
    finished_at: datetime | None = None
    started_by: str = ""
    problem: str = ""
    size: int = Field(default=0, sa_type=BigInteger)
    done: int = Field(default=0, sa_type=BigInteger)
    touched_at: datetime | None = None
    outlook: dict[str, Any] = json_field()


class ImportRefusal(SQLModel, table=True):
    """A row of a file that was not taken, with its line number and reason code; the raw row is sealed."""

    __tablename__ = "import_refusal"
    __table_args__ = (UniqueConstraint("import_id", "line", "code"),)
    id: int | None = Field(default=None, primary_key=True)
    import_id: int = Field(foreign_key="import_run.id")
    line: int
    code: str
    reason: str
    row_cipher: bytes
