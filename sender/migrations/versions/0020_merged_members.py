"""Listed people who were merged: whom the kept contact of a fixed audience stands for."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Everybody on a list so far is there as who was handed in."""
    op.add_column("frozen_member", sa.Column("listed_as", sa.Integer(), nullable=True))
