"""Kept for what comes next."""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Change nothing yet."""
