"""What several tables share: a column of plain JSON."""

from typing import Any

from sqlalchemy import JSON, Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

Json = JSON().with_variant(JSONB(), "postgresql")


def json_field(default: Any = dict) -> Any:
    """A column of plain JSON: text on SQLite, JSONB on PostgreSQL."""
    return Field(default_factory=default, sa_column=Column(Json, nullable=False))
