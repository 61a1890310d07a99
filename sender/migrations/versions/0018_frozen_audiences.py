"""Audiences that are fixed when a campaign is handed in: the choice, the digest and the people."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Every campaign that there is decides at its start who is in it, as before."""
    op.add_column("campaign", sa.Column("audience_at", sa.String(), nullable=False, server_default="start"))
    op.add_column("campaign", sa.Column("frozen_digest", sa.LargeBinary(), nullable=True))
    op.create_table(
        "frozen_member",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "contact_id"),
    )
