"""Indexes for the list of contacts of a country, a region or a language."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """A million rows take about a second each; a row without a region or a language is in no index of it."""
    op.create_index("ix_number_country", "number", ["country", "id"])
    for column in ("region", "language"):
        some = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_contact_{column}", "contact", [column, "id"], sqlite_where=some, postgresql_where=some)
