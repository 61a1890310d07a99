"""Kept for what comes next."""

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Change nothing yet."""
