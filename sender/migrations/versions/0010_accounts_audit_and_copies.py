"""Second factors, an audit that is chained and append-only, notices, and how a copy of a database is known."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

KEPT = "id, at, actor, action, subject, detail"
REFUSAL = "the audit is append-only"
SQLITE_TRIGGERS = (
    f"CREATE TRIGGER audit_kept BEFORE UPDATE OF {KEPT} ON audit BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    f"CREATE TRIGGER audit_sealed BEFORE UPDATE ON audit WHEN OLD.sequence IS NOT NULL "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    f"CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
)
POSTGRESQL_TRIGGERS = (
    f"CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
    f"CREATE TRIGGER audit_kept BEFORE UPDATE OF {KEPT} ON audit FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()",
    "CREATE TRIGGER audit_sealed BEFORE UPDATE ON audit FOR EACH ROW "
    "WHEN (OLD.sequence IS NOT NULL) EXECUTE FUNCTION refuse_audit_change()",
    "CREATE TRIGGER audit_stays BEFORE DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()",
)


def upgrade() -> None:
    """Add columns that mean what was so far, then the new tables, then the triggers that keep the audit."""
    _add_columns()
    _make_tables()
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger in SQLITE_TRIGGERS if on_sqlite else POSTGRESQL_TRIGGERS:
        op.execute(trigger)


def _add_columns() -> None:
    columns: dict[str, tuple[sa.Column[Any], ...]] = {
        "installation": (
            sa.Column("place", sa.String(), nullable=False, server_default=""),
            sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("copied_at", sa.DateTime(timezone=True), nullable=True),
        ),
        "audit": (
            sa.Column("sequence", sa.Integer(), nullable=True),
            sa.Column("previous", sa.LargeBinary(), nullable=True),
            sa.Column("hash", sa.LargeBinary(), nullable=True),
        ),
        "user": (
            sa.Column("totp_cipher", sa.LargeBinary(), nullable=True),
            sa.Column("totp_step", sa.BigInteger(), nullable=False, server_default="0"),
            sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        ),
        "session": (
            sa.Column("fresh_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("browser", sa.String(), nullable=False, server_default=""),
        ),
        "login_link": (sa.Column("user_id", sa.Integer(), nullable=False, server_default="0"),),
    }
    for table, added in columns.items():
        for column in added:
            op.add_column(table, column)
    op.create_index("ux_audit_sequence", "audit", ["sequence"], unique=True)
    op.create_index("ix_audit_action", "audit", ["action"])


def _make_tables() -> None:
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_hash"),
    )
    op.create_index("ix_recovery_code_user_id", "recovery_code", ["user_id"])
    op.create_table(
        "passkey",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("signatures", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential"),
    )
    op.create_index("ix_passkey_user_id", "passkey", ["user_id"])
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ux_notice_open",
        "notice",
        ["key"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
