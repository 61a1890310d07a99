"""Beside an import's run: the uploaded file, what was there before, and saved mappings."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

from sender.models.columns import Json, json_field


class ImportChunk(SQLModel, table=True):
    """A piece of an uploaded file, sealed with the installation's master key; gone when the import is over."""

    __tablename__ = "import_chunk"
    import_id: int = Field(foreign_key="import_run.id", primary_key=True)
    position: int = Field(primary_key=True)
    cipher: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ImportEntry(SQLModel, table=True):
    """One number of an import, to undo it: ``was`` is each changed field as [before, after]; None: a new contact."""

    __tablename__ = "import_entry"
    import_id: int = Field(foreign_key="import_run.id", primary_key=True)
    number_id: int = Field(foreign_key="number.id", primary_key=True)
    was: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))


class ImportPreset(SQLModel, table=True):
    """A saved way to read files of one kind: ``mapping`` is file column to field."""

    __tablename__ = "import_preset"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    mapping: dict[str, str] = json_field()
    region: str | None = None
    created_by: str = ""
    created_at: datetime
