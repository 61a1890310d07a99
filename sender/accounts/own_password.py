"""A person's own new password: whoever knows the old one chooses it, and every other session of theirs ends."""

from datetime import datetime

from sqlmodel import col, delete, update

from sender import audit
from sender.accounts import AccountError, Person, check_password, count_try, new_password_hash
from sender.crypto import Keyring
from sender.db import Database
from sender.models.accounts import LoginLink, SignedIn, User


def change(db: Database, keys: Keyring, person: Person, old: str, new: str, address: str, real: datetime) -> None:
    """Replace it; AccountError when the old one is wrong, was tried too often, or the new one is easy to guess.

    Tries count with those of signing in: a session that was left open is no place to guess at the password. Links for a
    new password that wait somewhere end, too. No transaction is open while a password is looked at.
    """
    with db.write() as session:
        count_try(session, keys, person.email, address, real)
        stored = session.get_one(User, person.user_id).password_hash
    if not check_password(stored, old):
        raise AccountError("Your present password is wrong.")
    if old == new:
        raise AccountError("The new password is the present one; choose another.")
    hashed = new_password_hash(new, person.email)
    with db.write() as session:
        mine = col(User.id) == person.user_id
        changed = update(User).where(mine, col(User.password_hash) == stored).values(password_hash=hashed)
        if not session.execute(changed.returning(col(User.id))).scalar():
            raise AccountError("Your password was changed in the meantime; sign in with the new one.")
        others = (col(SignedIn.user_id) == person.user_id, col(SignedIn.id) != person.session_id)
        alive = update(SignedIn).where(*others, col(SignedIn.revoked_at).is_(None)).values(revoked_at=real)
        ended = session.execute(alive.returning(col(SignedIn.id))).scalars().all()
        unused = delete(LoginLink).where(col(LoginLink.user_id) == person.user_id, col(LoginLink.used_at).is_(None))
        session.execute(unused)
        audit.note(session, real, person.actor, "user.password", person.email, {"sessions_ended": len(ended)})
