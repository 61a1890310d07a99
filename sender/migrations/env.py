"""Alembic's entry: migrations run on a connection that the caller opened (see sender/schema.py)."""

from alembic import context
from sqlmodel import SQLModel

import sender.models  # noqa: F401 - its tables are what autogenerate compares with

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=False,
    compare_type=False,
)
context.run_migrations()
