"""An index of what the ledger has not linked yet: PostgreSQL read past all that was to find the next events."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
UNSEALED = sa.text("sequence IS NULL")


def upgrade() -> None:
    """It holds only what waits, so it is small."""
    op.create_index(
        "ix_consent_event_unsealed", "consent_event", ["id"], sqlite_where=UNSEALED, postgresql_where=UNSEALED
    )
