"""Due texts found by from_number, answered ones by their time, from_numbers that retire or rest."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

ANSWERED = "status IN ('sent', 'delivered', 'undelivered', 'failed')"


def upgrade() -> None:
    """Add a column that changes nothing, a table, and indexes; the wider index takes the place of the narrower one."""
    op.create_table(
        "closure",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.add_column("from_number", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_message_due_on", "message", ["status", "campaign_id", "from_number_id", "send_after"])
    op.drop_index("ix_message_due_of", table_name="message")
    op.create_index(
        "ix_message_answered",
        "message",
        ["campaign_id", "changed_at"],
        sqlite_where=sa.text(ANSWERED),
        postgresql_where=sa.text(ANSWERED),
    )
    op.create_index("ix_consent_event_kind", "consent_event", ["kind", "recorded_at"])
