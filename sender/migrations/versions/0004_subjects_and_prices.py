"""What texts are about, for caps that name a subject, and prices as the provider lists them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add columns that nobody has filled yet, and the table of prices."""
    for table in ("campaign", "message", "attempt"):
        op.add_column(table, sa.Column("subject", sa.String(), nullable=True))
    op.create_table(
        "fetched_price",
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("country", "kind", "since"),
    )
