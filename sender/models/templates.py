"""The library of texts: saved templates in versions that never change."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field


class SavedTemplate(SQLModel, table=True):
    """A named text of the library, of one program or (``program_id`` None) for all of them."""

    __tablename__ = "saved_template"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    program_id: int | None = Field(default=None, foreign_key="program.id")
    created_by: str
    created_at: datetime
    archived_at: datetime | None = None


class TemplateVersion(SQLModel, table=True):
    """One version of a saved template: its source and its fields' defaults, never changed."""

    __tablename__ = "template_version"
    __table_args__ = (UniqueConstraint("template_id", "version"),)
    id: int | None = Field(default=None, primary_key=True)
    template_id: int = Field(foreign_key="saved_template.id")
    version: int
    text: str
    defaults: dict[str, Any] = json_field()
    hash: str
    note: str = ""
    created_by: str
    created_at: datetime
