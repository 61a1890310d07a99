"""People who sign in: users with roles, sessions that can be revoked, one-use links, and a brake on guessing.

Secrets are kept as keyed hashes only, passwords as argon2id. Every instant here is the machine's own time (``real``):
a shifted campaign clock must not lengthen a session. A function that takes a session never commits.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import case
from sqlmodel import Session, col, delete, select, update
from zxcvbn import zxcvbn  # type: ignore[import-untyped]

from sender import audit
from sender.accounts import rights, second_factor
from sender.accounts.errors import AccountError as AccountError
from sender.accounts.errors import CodeNeededError as CodeNeededError
from sender.accounts.errors import PasskeyNeededError as PasskeyNeededError
from sender.accounts.errors import TooManyTriesError as TooManyTriesError
from sender.crypto import Keyring
from sender.db import Database, insert_new
from sender.models.accounts import ALL_PROGRAMS, LoginLink, LoginThrottle, Passkey, Role, SignedIn, User

SESSION_LASTS = timedelta(hours=12)
LINK_LASTS = timedelta(hours=24)
TRY_WINDOW = timedelta(minutes=10)
TRIES_PER_ACCOUNT = 10
TRIES_PER_ADDRESS = 30
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
WEAKEST_SCORE = 3
FRESH_FOR = timedelta(minutes=10)
HALF_LASTS = timedelta(minutes=5)

# OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, two passes, one lane. Sixteen threads stay under 320 MiB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# What an unknown account is checked against, so that it takes as long as a known one. Nobody knows its password.
_DECOY = "$argon2id$v=19$m=19456,t=2,p=1$3A3uHVGSrLb75UQKsS/ieQ$AYJdcaUHTectroIWnjya0u62hNV4HAajUeLjlk9se9I"


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asking, read anew for every request, so that a taken role is gone with the next one."""

    user_id: int
    email: str
    session_id: int
    roles: dict[int, str]
    fresh_at: datetime | None = None
    second_factor: bool = False
    passkey: bool = False

    @property
    def has_two_factors(self) -> bool:
        """Whether they can show more than a password: a code of an app, or a passkey."""
        return self.second_factor or self.passkey

    @property
    def actor(self) -> str:
        """How this person stands in the audit and in campaigns."""
        return self.email

    def may(self, role: str, program_id: int) -> bool:
        """Whether the person has this right in this program; role names of earlier versions are rights, too."""
        return rights.needed(role) <= rights.held(self.roles.get(program_id), self.roles.get(ALL_PROGRAMS))

    def is_fresh(self, real: datetime) -> bool:
        """Whether they proved who they are within the last ten minutes."""
        return self.fresh_at is not None and real - self.fresh_at <= FRESH_FOR

    @property
    def programs(self) -> frozenset[int] | None:
        """The programs this person may look at; None: every one."""
        return None if ALL_PROGRAMS in self.roles else frozenset(self.roles)


def make_owner_link(session: Session, keys: Keyring, real: datetime) -> str:
    """The path of a one-use page that makes the first owner; AccountError when there is one. Earlier links end."""
    if _has_owner(session):
        raise AccountError("This installation has an owner already; ask them for an invitation.")
    session.execute(delete(LoginLink).where(col(LoginLink.invited_by) == 0, col(LoginLink.used_at).is_(None)))
    return _make_link(session, keys, LoginLink(token_hash="", role="owner", ends_at=real + LINK_LASTS))


def make_invitation(
    session: Session, keys: Keyring, real: datetime, *, role: str, invited_by: int, program_id: int = ALL_PROGRAMS
) -> str:
    """The path of a one-use page that makes a user with this role; AccountError for an unknown role."""
    if role not in rights.ROLES:
        raise AccountError(f"There is no role {role!r}; take one of {', '.join(rights.OFFERED)}.")
    link = LoginLink(token_hash="", role=role, program_id=program_id, invited_by=invited_by, ends_at=real + LINK_LASTS)
    return _make_link(session, keys, link)


def make_reset_link(session: Session, keys: Keyring, real: datetime, user_id: int) -> str:
    """The path of a one-use page at which this user chooses a new password; earlier ones end."""
    session.execute(delete(LoginLink).where(col(LoginLink.user_id) == user_id, col(LoginLink.used_at).is_(None)))
    link = LoginLink(token_hash="", role="", invited_by=user_id, user_id=user_id, ends_at=real + LINK_LASTS)
    return _make_link(session, keys, link)


def _make_link(session: Session, keys: Keyring, link: LoginLink) -> str:
    token = secrets.token_urlsafe(32)
    link.token_hash = keys.sign("login link", token)
    session.add(link)
    session.flush()
    return f"/welcome/{token}"


def is_open(session: Session, keys: Keyring, token: str, real: datetime) -> bool:
    """Whether this link can still be used; looking at it does not use it."""
    return find_link(session, keys, token, real) is not None


def find_link(session: Session, keys: Keyring, token: str, real: datetime) -> LoginLink | None:
    """The link of this token while it can still be used."""
    link = session.execute(_open_link(select(LoginLink), keys, token, real)).scalar()
    return link if link is not None and _still_wanted(session, link) else None


def email_of(session: Session, user_id: int) -> str:
    """The e-mail address of a user, "" where there is none."""
    return session.execute(select(col(User.email)).where(col(User.id) == user_id)).scalar() or ""


def accept(
    db: Database, keys: Keyring, token: str, email: str, password: str, real: datetime, *, two_factors: bool = False
) -> str:
    """Use a link up: make its user and return the token of a first session; AccountError says what is wrong.

    No transaction is open while the password is hashed.
    """
    password_hash = new_password_hash(password, tidy_email(email))
    with db.write() as session:
        user = accept_link(session, keys, token, email, password_hash, real)
        passkey = two_factors and _has_passkey(session, user.id or 0)
        if user.totp_cipher is None and not passkey:
            return open_session(session, keys, user, real, "link")
    # A link replaces the password, never the second factor.
    if user.totp_cipher is None:
        raise PasskeyNeededError
    raise CodeNeededError(_half(keys, user.id or 0, real))


def accept_link(session: Session, keys: Keyring, token: str, email: str, password_hash: str, real: datetime) -> User:
    """Use a link up and make its user with the hash of :func:`new_password_hash`.

    AccountError when the link is used, too old or not ours, or when the e-mail address is taken.
    """
    used = update(LoginLink).values(used_at=real).execution_options(synchronize_session=False)
    link = session.execute(_open_link(used, keys, token, real).returning(LoginLink)).scalar()
    if link is None or not _still_wanted(session, link):
        raise AccountError("This link has been used or is too old; ask for a new one.")
    if link.user_id:
        return _new_password(session, link.user_id, password_hash, real)
    address = tidy_email(email)
    if session.execute(select(col(User.id)).where(col(User.email) == address)).scalar() is not None:
        raise AccountError("This e-mail address has an account already; sign in with it.")
    user = User(email=address, password_hash=password_hash, created_at=real)
    session.add(user)
    session.flush()
    session.add(Role(user_id=user.id or 0, program_id=link.program_id, name=link.role))
    audit.note(session, real, address, "user.welcome", address, {"role": link.role, "program": link.program_id})
    session.flush()
    return user


def _new_password(session: Session, user_id: int, password_hash: str, real: datetime) -> User:
    """Replace a forgotten password; whoever was signed in by the old one is not any more."""
    user = session.get_one(User, user_id)
    user.password_hash = password_hash
    sign_out_everywhere(session, user_id, real)
    audit.note(session, real, user.email, "user.password", user.email)
    session.flush()
    return user


def _open_link(statement: Any, keys: Keyring, token: str, real: datetime) -> Any:
    return statement.where(
        col(LoginLink.token_hash).in_(keys.signatures("login link", token)),
        col(LoginLink.used_at).is_(None),
        col(LoginLink.ends_at) > real,
    )


def _still_wanted(session: Session, link: LoginLink) -> bool:
    return link.invited_by != 0 or not _has_owner(session)


def _has_owner(session: Session) -> bool:
    return session.execute(select(col(Role.user_id)).where(col(Role.name) == "owner").limit(1)).scalar() is not None


def tidy_email(text: str) -> str:
    """The one spelling of an e-mail address; AccountError when it cannot be one."""
    address = text.strip().lower()
    name, _, domain = address.rpartition("@")
    if not name or "." not in domain or len(address) > 254 or not address.isprintable() or " " in address:
        raise AccountError("Write an e-mail address such as ana@example.org.")
    return address


def new_password_hash(password: str, email: str) -> str:
    """The hash of a password that is long and uncommon enough; AccountError says what is wrong. Takes 30 ms."""
    if len(password) < SHORTEST_PASSWORD:
        raise AccountError(
            f"Choose a password of at least {SHORTEST_PASSWORD} characters; three or four words are good."
        )
    if len(password) > LONGEST_PASSWORD:
        raise AccountError(f"Choose a password of at most {LONGEST_PASSWORD} characters.")
    if zxcvbn(password[:72], user_inputs=[email, *email.split("@"), "tactful"])["score"] < WEAKEST_SCORE:
        raise AccountError("This password is easy to guess; take three or four words that do not belong together.")
    return _HASHER.hash(password)


def count_try(session: Session, keys: Keyring, email: str, address: str, real: datetime) -> None:
    """Count one try before the password is looked at; TooManyTriesError once there were too many in ten minutes.

    Without an e-mail address (a passkey says last whose it is) the network address alone counts. Commit it before the
    check: tries that run side by side then all count.
    """
    for what, limit in (
        (f"account {email.strip().lower()}", TRIES_PER_ACCOUNT),
        (f"address {address}", TRIES_PER_ADDRESS),
    ):
        if (email or limit != TRIES_PER_ACCOUNT) and _count(session, keys.sign("login try", what), real) > limit:
            raise TooManyTriesError("Too many tries; wait ten minutes and sign in again.")


def _count(session: Session, key: str, real: datetime) -> int:
    insert_new(session, LoginThrottle, [{"key": key, "started_at": real, "tries": 0}])
    stale = col(LoginThrottle.started_at) <= real - TRY_WINDOW
    statement = (
        update(LoginThrottle)
        .where(col(LoginThrottle.key) == key)
        .values(
            tries=case((stale, 1), else_=col(LoginThrottle.tries) + 1),
            started_at=case((stale, real), else_=col(LoginThrottle.started_at)),
        )
        .returning(col(LoginThrottle.tries))
        .execution_options(synchronize_session=False)
    )
    return int(session.execute(statement).scalar_one())


def check_password(stored: str | None, password: str) -> bool:
    """Whether the password fits; takes as long for an account that does not exist (``stored`` None)."""
    try:
        fits = _HASHER.verify(stored or _DECOY, password[:LONGEST_PASSWORD])
        return fits and stored is not None and len(password) <= LONGEST_PASSWORD
    except VerificationError:
        return False


def find_user(session: Session, email: str) -> User | None:
    """The user with this e-mail address."""
    return session.execute(select(User).where(col(User.email) == email.strip().lower())).scalar()


def _has_passkey(session: Session, user_id: int) -> bool:
    return session.execute(select(col(Passkey.id)).where(col(Passkey.user_id) == user_id).limit(1)).scalar() is not None


def sign_in(
    db: Database,
    keys: Keyring,
    email: str,
    password: str,
    address: str,
    real: datetime,
    browser: str = "",
    *,
    two_factors: bool = False,
) -> str:
    """The token of a new session; AccountError when e-mail or password is wrong, TooManyTriesError when guessed at,
    CodeNeededError when a second factor is missing, PasskeyNeededError where two are demanded and this is the second.

    No transaction is open while the password is checked. ``address`` is where the request came from.
    """
    with db.write() as session:
        count_try(session, keys, email, address, real)
    with db.read() as session:
        user = find_user(session, email)
    if not check_password(user.password_hash if user else None, password) or user is None or user.disabled_at:
        raise AccountError("E-mail address or password is wrong.")
    if user.totp_cipher is not None:
        raise CodeNeededError(_half(keys, user.id or 0, real))
    with db.write() as session:
        if two_factors and _has_passkey(session, user.id or 0):
            raise PasskeyNeededError
        return open_session(session, keys, user, real, "password", browser)


def finish_sign_in(
    db: Database, keys: Keyring, half: str, code: str, address: str, real: datetime, browser: str = ""
) -> str:
    """The token of a new session for whoever knew the password (``half``) and has the second factor; AccountError."""
    user_id = _whose_half(keys, half, real)
    with db.write() as session:
        user = session.get(User, user_id) if user_id else None
        if user is None or user.disabled_at:
            raise AccountError("That took longer than five minutes; sign in again.")
        count_try(session, keys, user.email, address, real)
    with db.write() as session:
        if not second_factor.use(session, keys, user.id or 0, code, real):
            raise AccountError("This code is wrong or was used already; wait for the next one.")
        return open_session(session, keys, user, real, "password and code", browser)


def _half(keys: Keyring, user_id: int, real: datetime) -> str:
    value = f"{user_id}.{int((real + HALF_LASTS).timestamp())}"
    return f"{value}.{keys.sign('half sign-in', value)}"


def _whose_half(keys: Keyring, half: str, real: datetime) -> int:
    """The user who knew the password; 0 where this proves nothing or is too old."""
    value, _, signature = half.rpartition(".")
    if not signature.isascii() or not keys.verifies("half sign-in", value, signature):
        return 0
    user_id, _, until = value.partition(".")
    return int(user_id) if int(until) > real.timestamp() else 0


def open_session(session: Session, keys: Keyring, user: User, real: datetime, way: str, browser: str = "") -> str:
    """Start a session and return its token; tries counted for the account and stale rows are forgotten.

    ``way``: link, password, password and code, or passkey.
    """
    token = secrets.token_urlsafe(32)
    row = SignedIn(
        token_hash=keys.sign("session", token),
        user_id=user.id or 0,
        created_at=real,
        ends_at=real + SESSION_LASTS,
        fresh_at=real,
        browser=browser[:60],
    )
    session.add(row)
    mine = col(LoginThrottle.key) == keys.sign("login try", f"account {user.email}")
    session.execute(delete(LoginThrottle).where(mine | (col(LoginThrottle.started_at) <= real - TRY_WINDOW)))
    session.execute(delete(SignedIn).where(col(SignedIn.ends_at) <= real - SESSION_LASTS))
    audit.note(session, real, user.email, "session.open", user.email, {"by": way, "browser": browser[:60]})
    session.flush()
    return token


def person_of(session: Session, keys: Keyring, token: str, real: datetime) -> Person | None:
    """Whose session this is, with today's roles; None when it was revoked, is over, or never was."""
    passkey = select(col(Passkey.id)).where(col(Passkey.user_id) == col(User.id))
    statement = (
        select(col(SignedIn.id), col(User.id), col(User.email), col(SignedIn.fresh_at))
        .add_columns(col(User.totp_cipher), passkey.exists(), col(Role.program_id), col(Role.name))
        .join(User, col(User.id) == col(SignedIn.user_id))
        .join(Role, col(Role.user_id) == col(User.id), isouter=True)
        .where(
            col(SignedIn.token_hash) == keys.sign("session", token),
            col(SignedIn.revoked_at).is_(None),
            col(SignedIn.ends_at) > real,
            col(User.disabled_at).is_(None),
        )
    )
    rows = session.execute(statement).all()
    if not rows:
        return None
    session_id, user_id, email, fresh_at, totp, has_passkey = rows[0][:6]
    roles = {program_id: name for *_, program_id, name in rows if program_id is not None}
    return Person(user_id, email, session_id, roles, fresh_at, totp is not None, has_passkey)


def sign_out(session: Session, session_id: int, real: datetime) -> None:
    """Revoke one session; a cookie copied before is worth nothing from the commit on."""
    session.execute(update(SignedIn).where(col(SignedIn.id) == session_id).values(revoked_at=real))


def sign_out_everywhere(session: Session, user_id: int, real: datetime) -> None:
    """Revoke every session of a user."""
    mine = col(SignedIn.user_id) == user_id
    session.execute(update(SignedIn).where(mine, col(SignedIn.revoked_at).is_(None)).values(revoked_at=real))
