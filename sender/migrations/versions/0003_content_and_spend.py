"""A program's content settings, what a text costs, and what campaigns may and do spend."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Add the columns with values that change nothing for what is there, and make the table of spending."""
    columns = {
        "program": (
            sa.Column("footer_every_days", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("refusals", JSON, nullable=False, server_default="{}"),
            sa.Column("max_parts", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("domains", JSON, nullable=False, server_default="[]"),
            sa.Column("age_gate", sa.Boolean(), nullable=False, server_default=sa.false()),
        ),
        "campaign": (
            sa.Column("budget", sa.BigInteger(), nullable=True),
            sa.Column("daily_budget", sa.BigInteger(), nullable=True),
        ),
        "message": (sa.Column("cost", sa.Integer(), nullable=False, server_default="0"),),
    }
    for table, added in columns.items():
        for column in added:
            op.add_column(table, column)
    op.create_table(
        "spend",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "day"),
    )
