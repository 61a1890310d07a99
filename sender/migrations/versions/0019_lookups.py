"""When a number's line was last looked up at the provider."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """No number was looked up so far."""
    op.add_column("number", sa.Column("looked_up_at", sa.DateTime(timezone=True), nullable=True))
    known = sa.text("looked_up_at IS NOT NULL")
    op.create_index("ix_number_looked_up", "number", ["looked_up_at"], sqlite_where=known, postgresql_where=known)
