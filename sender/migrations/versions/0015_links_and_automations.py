"""Short links with their clicks, events of other software, automations and the people in them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)
OPEN, WAITING = sa.text("state = 'open'"), sa.text("state = 'waiting'")


def upgrade() -> None:
    """Make the tables; no program shortens its links until somebody says so."""
    op.add_column("program", sa.Column("links", JSON, nullable=True))
    _make_links()
    _make_automations()
    _make_enrolments()


def _make_links() -> None:
    op.create_table(
        "short_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("number_id", sa.Integer(), nullable=False),
        sa.Column("target_cipher", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.ForeignKeyConstraint(["number_id"], ["number.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token"),
    )
    op.create_index("ix_short_link_message_id", "short_link", ["message_id"])
    op.create_table(
        "click",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("number_id", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("not_counted", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["short_link.id"]),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.ForeignKeyConstraint(["number_id"], ["number.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_click_link_id", "click", ["link_id"])
    op.create_index("ix_click_message_id", "click", ["message_id"])
    op.create_index("ix_click_number", "click", ["number_id", "at"])


def _make_automations() -> None:
    op.create_table(
        "automation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("program_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("schedule", JSON, nullable=False),
        sa.Column("segment", JSON, nullable=False),
        sa.Column("steps", JSON, nullable=False),
        sa.Column("goal", sa.String(), nullable=False),
        sa.Column("leave_on_reply", sa.Boolean(), nullable=False),
        sa.Column("again_after_days", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("edits", sa.Integer(), nullable=False),
        sa.Column("next_at", TIME, nullable=True),
        sa.Column("round_at", TIME, nullable=True),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_automation_trigger", "automation", ["status", "trigger"])
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("program_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("number_id", sa.Integer(), nullable=False),
        sa.Column("data_cipher", sa.LargeBinary(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"]),
        sa.ForeignKeyConstraint(["number_id"], ["number.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("program_id", "uid"),
    )
    op.create_index("ix_event_open", "event", ["id"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_event_number", "event", ["number_id", "type"])


def _make_enrolments() -> None:
    op.create_table(
        "enrolment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("automation_id", sa.Integer(), nullable=False),
        sa.Column("number_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.Column("round_at", TIME, nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("entered_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["automation_id"], ["automation.id"]),
        sa.ForeignKeyConstraint(["number_id"], ["number.id"]),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("automation_id", "number_id", "event_id"),
        sa.UniqueConstraint("automation_id", "number_id", "round_at"),
    )
    op.create_index("ix_enrolment_due", "enrolment", ["due_at"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("ix_enrolment_number", "enrolment", ["number_id", "automation_id"])
    op.create_table(
        "enrolment_text",
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.Column("why_not", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"]),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"]),
        sa.PrimaryKeyConstraint("enrolment_id", "step"),
        sa.UniqueConstraint("message_id"),
    )
