"""Automations: what failed for one person, event or round, and when it is tried again."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

ASIDE = sa.text("state = 'aside'")


def upgrade() -> None:
    """Add what failed to three tables; nothing has failed so far."""
    for table in ("automation", "event", "enrolment"):
        op.add_column(table, sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("error", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_event_aside", "event", ["program_id", "type"], sqlite_where=ASIDE, postgresql_where=ASIDE)
    op.create_index("ix_enrolment_aside", "enrolment", ["automation_id"], sqlite_where=ASIDE, postgresql_where=ASIDE)
