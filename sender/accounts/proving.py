"""A person proves again who they are, for ten minutes of acts that need it."""

import secrets
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col

from sender.accounts import Person, check_password, count_try, second_factor
from sender.accounts.errors import AccountError
from sender.crypto import Keyring
from sender.db import Database
from sender.models import LoginThrottle, SignedIn, User


def by_password(
    db: Database, keys: Keyring, person: Person, password: str, code: str, address: str, real: datetime
) -> str:
    """The session's new token for whoever knows the password, and the code where there is one; AccountError else."""
    with db.write() as session:
        count_try(session, keys, person.email, address, real)
        user = session.get_one(User, person.user_id)
    if not check_password(user.password_hash, password):
        raise AccountError("This password is wrong.")
    with db.write() as session:
        if user.totp_cipher is not None and not second_factor.use(session, keys, person.user_id, code, real):
            raise AccountError("This code is wrong or was used already; wait for the next one.")
        mine = col(LoginThrottle.key) == keys.sign("login try", f"account {person.email}")
        session.execute(delete(LoginThrottle).where(mine))
        return renew(session, keys, person, real)


def renew(session: Session, keys: Keyring, person: Person, real: datetime) -> str:
    """Give this person's session a new token: a cookie that was copied before opens nothing more (ASVS 5.0, 7.2.4)."""
    token = secrets.token_urlsafe(32)
    mine = update(SignedIn).where(col(SignedIn.id) == person.session_id)
    session.execute(mine.values(fresh_at=real, token_hash=keys.sign("session", token)))
    return token
