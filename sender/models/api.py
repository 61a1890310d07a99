"""Keys of other software, and the answers it was given, so that a repeated request has one effect."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from sender.models.columns import json_field


class ApiKey(SQLModel, table=True):
    """What one program outside may do here. The key itself is shown once; this row holds a keyed hash of its secret.

    ``scopes`` are such as "messages:write"; ``programs`` are ids (none: every program). ``is_test``: its texts go to
    the simulator and nowhere else.
    """

    __tablename__ = "api_key"
    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    secret_hash: str
    name: str = Field(index=True)
    scopes: list[str] = json_field(list)
    programs: list[int] = json_field(list)
    is_test: bool = False
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def holds(self, scope: str) -> bool:
        """Whether the key may do this; writing includes reading."""
        return scope in self.scopes or scope.replace(":read", ":write") in self.scopes

    @property
    def actor(self) -> str:
        """How this key stands in the audit and in the ledger."""
        return f"key {self.public_id} ({self.name})"


class ApiAnswer(SQLModel, table=True):
    """The first answer to an ``Idempotency-Key``, written in the transaction of its effect and sealed (24 hours)."""

    __tablename__ = "api_answer"
    key_id: int = Field(foreign_key="api_key.id", primary_key=True)
    idempotency_key: str = Field(primary_key=True)
    request_hash: bytes
    status: int
    body_cipher: bytes
    created_at: datetime = Field(index=True)
