"""Kept for what comes next."""

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Change nothing yet."""
