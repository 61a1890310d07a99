"""Replies: what decided, the review with its clock, conversations, prepared answers, opt-ins that wait, canaries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Add columns with values that change nothing for what is there, and make the new tables."""
    _add_columns()
    _make_conversations()
    _make_opt_in_requests()
    op.create_table(
        "canary",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sid", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sid"),
    )
    op.create_index("ix_canary_started_at", "canary", ["started_at"])


def _add_columns() -> None:
    columns = {
        "program": (
            sa.Column("review_hours", sa.Integer(), nullable=False, server_default="24"),
            sa.Column("reply_hours", sa.Integer(), nullable=False, server_default="24"),
            sa.Column("confirm_hours", sa.Integer(), nullable=False, server_default="24"),
            sa.Column("desk", JSON, nullable=True),
        ),
        "reply": (
            sa.Column("rule", sa.String(), nullable=False, server_default=""),
            sa.Column("media", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("review_by", sa.DateTime(timezone=True), nullable=True),
            sa.Column("put_off_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("decision", sa.String(), nullable=False, server_default=""),
            sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("decided_by", sa.String(), nullable=False, server_default=""),
        ),
    }
    for table, added in columns.items():
        for column in added:
            op.add_column(table, column)
    op.create_index("ix_reply_state", "reply", ["state", "review_by"])
    op.create_index("ix_reply_received", "reply", ["received_at"])


def _make_conversations() -> None:
    op.create_table(
        "conversation",
        sa.Column("number_id", sa.Integer(), nullable=False),
        sa.Column("program_id", sa.Integer(), nullable=True),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("assigned_to", sa.String(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["number_id"], ["number.id"]),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"]),
        sa.PrimaryKeyConstraint("number_id"),
    )
    op.create_index("ix_conversation_last_at", "conversation", ["last_at"])
    op.create_index("ix_conversation_program_id", "conversation", ["program_id"])
    op.create_table(
        "prepared_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("program_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("keyword", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    living = sa.text("retired_at IS NULL")
    op.create_index(
        "ux_prepared_answer",
        "prepared_answer",
        ["program_id", "kind", "keyword"],
        unique=True,
        sqlite_where=living,
        postgresql_where=living,
    )


def _make_opt_in_requests() -> None:
    op.create_table(
        "opt_in_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number_id", sa.Integer(), nullable=False),
        sa.Column("program_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_ref", sa.String(), nullable=True),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("wording", sa.String(), nullable=False),
        sa.Column("text_hash", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.ForeignKeyConstraint(["number_id"], ["number.id"]),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_ref"),
    )
    op.create_index("ix_opt_in_request_number", "opt_in_request", ["number_id", "state"])
