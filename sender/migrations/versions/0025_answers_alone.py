"""The index that refuses a second answer to a reply holds answers alone: every text of a campaign stood in it too."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
ANSWERS = sa.text("reply_id IS NOT NULL")


def upgrade() -> None:
    """The new one is there before the old one goes, so that no second answer slips in between."""
    op.create_index(
        "ux_message_answer",
        "message",
        ["reply_id", "answers"],
        unique=True,
        sqlite_where=ANSWERS,
        postgresql_where=ANSWERS,
    )
    op.drop_index("ux_message_reply_answer", table_name="message")
