"""An index on the contact of a text: whoever merges, erases or undoes looks there, and so does every foreign key."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """About a minute for ten million texts."""
    op.create_index("ix_message_contact", "message", ["contact_id"])
