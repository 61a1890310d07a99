"""Imports that can be checked, watched and undone, and saved mappings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Add what an import needs to be taken back; runs that are there already know nothing to take back."""
    for column in (
        sa.Column("started_by", sa.String(), nullable=False, server_default=""),
        sa.Column("problem", sa.String(), nullable=False, server_default=""),
        sa.Column("size", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("done", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outlook", JSON, nullable=False, server_default="{}"),
    ):
        op.add_column("import_run", column)
    op.create_table(
        "import_chunk",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("cipher", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["import_run.id"]),
        sa.PrimaryKeyConstraint("import_id", "position"),
    )
    op.create_table(
        "import_entry",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("number_id", sa.Integer(), nullable=False),
        sa.Column("was", JSON, nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["import_run.id"]),
        sa.ForeignKeyConstraint(["number_id"], ["number.id"]),
        sa.PrimaryKeyConstraint("import_id", "number_id"),
    )
    op.create_table(
        "import_preset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mapping", JSON, nullable=False),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
