"""What paces sending and watches over it: buckets and caps of the day, leases, brakes, and what no list explains."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables, and add columns that change nothing for what is there; due texts are found by campaign."""
    op.create_table(
        "allowance",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "day"),
    )
    op.create_table(
        "bucket",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "comparison",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed", sa.Integer(), nullable=False),
        sa.Column("ours_alone", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("theirs_alone", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    op.add_column("campaign", sa.Column("rate", sa.Float(), nullable=True))
    op.add_column("campaign", sa.Column("watched_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("from_number", sa.Column("daily_parts", sa.Integer(), nullable=True))
    op.add_column("program", sa.Column("resends", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("ix_message_due", table_name="message")
    op.create_index("ix_message_due_of", "message", ["status", "campaign_id", "send_after"], unique=False)
