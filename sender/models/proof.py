"""What proves and what forgets: the heads of sealed chains, people who were erased, legal holds, days of keeping."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field

OPEN_HOLD = "released_at IS NULL"


class ChainHead(SQLModel, table=True):
    """How long a sealed chain is and how it ends, signed with a key that is not in the database.

    Whoever can write the database alone can neither cut the chain nor link it anew without this row showing it.
    """

    __tablename__ = "chain_head"
    chain: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    hash: bytes
    at: datetime
    signature: bytes


class Erasure(SQLModel, table=True):
    """Somebody whose data is gone, or is going: ``done_at`` None while a text is still on its way to them.

    The row of the number is left, known by its keyed hash alone. ``counts`` says what was forgotten, by kind.
    """

    number_id: int = Field(foreign_key="number.id", primary_key=True)
    asked_at: datetime
    asked_by: str
    why: str
    done_at: datetime | None = Field(default=None, index=True)
    counts: dict[str, int] = json_field()


class LegalHold(SQLModel, table=True):
    """Nothing of this number (None: of anybody) is forgotten until the hold is released."""

    __tablename__ = "legal_hold"
    __table_args__ = (
        Index("ix_legal_hold_open", "number_id", sqlite_where=text(OPEN_HOLD), postgresql_where=text(OPEN_HOLD)),
    )
    id: int | None = Field(default=None, primary_key=True)
    number_id: int | None = Field(default=None, foreign_key="number.id")
    why: str
    since: datetime
    placed_by: str
    released_at: datetime | None = None
    released_by: str = ""


class RetentionRule(SQLModel, table=True):
    """How many days one kind of data is kept here, where that differs from what is shipped (None: for good)."""

    __tablename__ = "retention_rule"
    kind: str = Field(primary_key=True)
    days: int | None = None
    set_by: str
    set_at: datetime
