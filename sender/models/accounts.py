"""People who sign in: users with roles, their second factors, sessions that can be revoked, one-use links."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

ALL_PROGRAMS = 0


class User(SQLModel, table=True):
    """A person who may sign in. ``email`` is in lower case; ``totp_step`` the last half minute whose code was used."""

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)
    password_hash: str
    totp_cipher: bytes | None = None
    totp_step: int = Field(default=0, sa_type=BigInteger)
    disabled_at: datetime | None = None
    created_at: datetime


class Role(SQLModel, table=True):
    """What a user may do (see sender/accounts/rights.py), in one program or in all of them (``program_id`` 0)."""

    user_id: int = Field(foreign_key="user.id", primary_key=True)
    program_id: int = Field(default=ALL_PROGRAMS, primary_key=True)
    name: str


class SignedIn(SQLModel, table=True):
    """One session of one user. The cookie holds the token, this row only its keyed hash.

    ``fresh_at`` is when the person last proved who they are in it; None: when it began.
    """

    __tablename__ = "session"
    id: int | None = Field(default=None, primary_key=True)
    token_hash: str = Field(unique=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    created_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None
    fresh_at: datetime | None = None
    browser: str = ""


class LoginLink(SQLModel, table=True):
    """A one-use address at which a person chooses a password and receives a role; ``invited_by`` 0: the first owner.

    With a ``user_id`` it gives that user a new password and changes no role.
    """

    __tablename__ = "login_link"
    id: int | None = Field(default=None, primary_key=True)
    token_hash: str = Field(unique=True)
    role: str
    program_id: int = ALL_PROGRAMS
    invited_by: int = 0
    user_id: int = 0
    ends_at: datetime
    used_at: datetime | None = None


class LoginThrottle(SQLModel, table=True):
    """Passwords tried lately for one account or from one address, by keyed hash of either."""

    __tablename__ = "login_throttle"
    key: str = Field(primary_key=True)
    started_at: datetime
    tries: int


class RecoveryCode(SQLModel, table=True):
    """One of ten codes that stand in once for a lost second factor; only its keyed hash is kept."""

    __tablename__ = "recovery_code"
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    code_hash: str = Field(unique=True)
    used_at: datetime | None = None


class Passkey(SQLModel, table=True):
    """A WebAuthn credential of a user: its id, its public key, and the authenticator's counter of signatures."""

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    credential: bytes = Field(unique=True)
    public_key: bytes
    signatures: int = Field(default=0, sa_type=BigInteger)
    name: str = ""
    created_at: datetime
