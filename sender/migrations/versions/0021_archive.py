"""Pages of the archive, and which of them a message's attempts, receipts and decisions lie in."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Nothing is archived yet; a nullable column without a default rewrites no row."""
    op.add_column("message", sa.Column("archive_page", sa.Integer(), nullable=True))
    op.create_table(
        "archive_page",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("packed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_to", sa.BigInteger(), nullable=False),
        sa.Column("texts", sa.Integer(), nullable=False),
        sa.Column("passages", sa.LargeBinary(), nullable=False),
        sa.Column("passages_hash", sa.LargeBinary(), nullable=False),
        sa.Column("decisions", sa.LargeBinary(), nullable=False),
        sa.Column("decisions_hash", sa.LargeBinary(), nullable=False),
        sa.Column("decision_count", sa.Integer(), nullable=False),
        sa.Column("decided_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_archive_page_decided_until", "archive_page", ["decided_until"])
