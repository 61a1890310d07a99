"""The text that left last for a number: reports ask for it once for each reply and opt-out."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add an index of the texts that left, which costs nothing while texts are planned."""
    left = sa.text("sent_at IS NOT NULL")
    op.create_index(
        "ix_message_number_sent", "message", ["number_id", "sent_at"], sqlite_where=left, postgresql_where=left
    )
