"""What an owner does about people: who there is, roles, new passwords, and the end of an account.

Each act is in the audit. AccountError says what is wrong; an installation always keeps an owner.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from sender import audit
from sender.accounts import (
    AccountError,
    find_user,
    make_invitation,
    make_reset_link,
    second_factor,
    sign_out_everywhere,
)
from sender.accounts.rights import OFFERED, ROLES
from sender.crypto import Keyring
from sender.db import upsert
from sender.models import Program
from sender.models.accounts import ALL_PROGRAMS, Passkey, Role, SignedIn, User


@dataclass(frozen=True, slots=True)
class Member:
    """One user as an owner sees them; ``roles`` by program ("every program" for all)."""

    id: int
    email: str
    roles: dict[str, str]
    second_factor: bool
    disabled: bool
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session that is alive."""

    id: int
    browser: str
    created_at: datetime
    ends_at: datetime


def members(session: Session) -> list[Member]:
    """Every user by e-mail address."""
    brands = {ALL_PROGRAMS: "every program", **dict(session.execute(select(col(Program.id), col(Program.brand))).all())}
    roles: dict[int, dict[str, str]] = {}
    for user_id, program_id, name in session.execute(select(col(Role.user_id), col(Role.program_id), col(Role.name))):
        roles.setdefault(user_id, {})[brands.get(program_id, f"program {program_id}")] = name
    opened = select(col(SignedIn.user_id), func.max(col(SignedIn.created_at))).group_by(col(SignedIn.user_id))
    seen: dict[int, datetime] = dict(session.execute(opened).all())
    return [
        Member(
            user.id or 0,
            user.email,
            roles.get(user.id or 0, {}),
            user.totp_cipher is not None,
            user.disabled_at is not None,
            seen.get(user.id or 0),
        )
        for user in session.execute(select(User).order_by(col(User.email))).scalars()
    ]


def invite(
    session: Session,
    keys: Keyring,
    real: datetime,
    actor: str,
    *,
    role: str,
    program_id: int = ALL_PROGRAMS,
    by: int = -1,
) -> str:
    """The path of a one-use page that makes a user with this role. ``by``: the user who invites, -1 for a command."""
    _require_role(role)
    link = make_invitation(session, keys, real, role=role, invited_by=by, program_id=program_id)
    audit.note(session, real, actor, "user.invite", f"program {program_id}", {"role": role})
    return link


def reset(session: Session, keys: Keyring, real: datetime, actor: str, email: str) -> str:
    """The path of a one-use page at which this user chooses a new password; it works for a day."""
    user = _user(session, email)
    audit.note(session, real, actor, "user.reset_link", user.email)
    return make_reset_link(session, keys, real, user.id or 0)


def set_role(
    session: Session, real: datetime, actor: str, email: str, role: str, program_id: int = ALL_PROGRAMS
) -> None:
    """Give this role in this program (0: all); "none" takes it. It counts from the person's next request on."""
    user = _user(session, email)
    if role == "none":
        session.execute(delete(Role).where(col(Role.user_id) == user.id, col(Role.program_id) == program_id))
    else:
        _require_role(role)
        upsert(session, Role, [{"user_id": user.id, "program_id": program_id, "name": role}], ["user_id", "program_id"])
    _require_owner(session)
    audit.note(session, real, actor, "user.role", user.email, {"role": role, "program": program_id})


def set_disabled(session: Session, real: datetime, actor: str, email: str, disabled: bool) -> None:
    """Let nobody sign in with this account any more, and end its sessions; or open it again."""
    user = _user(session, email)
    values = {"disabled_at": real if disabled else None}
    session.execute(update(User).where(col(User.id) == user.id).values(**values))
    if disabled:
        sign_out_everywhere(session, user.id or 0, real)
    _require_owner(session)
    audit.note(session, real, actor, "user.disable" if disabled else "user.enable", user.email)


def drop_second_factor(session: Session, real: datetime, actor: str, email: str) -> None:
    """Ask this user for the password alone from now on; passkeys end too: a lost device may have held both."""
    user = _user(session, email)
    second_factor.switch_off(session, user.id or 0)
    session.execute(delete(Passkey).where(col(Passkey.user_id) == user.id))
    audit.note(session, real, actor, "user.second_factor", user.email, {"on": False})


def sessions_of(session: Session, user_id: int, real: datetime) -> list[OpenSession]:
    """The sessions of a user that are alive, newest first."""
    alive = (col(SignedIn.user_id) == user_id, col(SignedIn.revoked_at).is_(None), col(SignedIn.ends_at) > real)
    rows = session.execute(select(SignedIn).where(*alive).order_by(col(SignedIn.id).desc())).scalars()
    return [OpenSession(one.id or 0, one.browser or "a browser", one.created_at, one.ends_at) for one in rows]


def revoke(session: Session, real: datetime, actor: str, user_id: int, session_id: int) -> None:
    """End one session of this user at once; another user's is left alone."""
    mine = (col(SignedIn.id) == session_id, col(SignedIn.user_id) == user_id, col(SignedIn.revoked_at).is_(None))
    session.execute(update(SignedIn).where(*mine).values(revoked_at=real))
    audit.note(session, real, actor, "session.revoke", f"session {session_id}")


def _user(session: Session, email: str) -> User:
    user = find_user(session, email)
    if user is None:
        raise AccountError("There is no user with this e-mail address.")
    return user


def _require_role(role: str) -> None:
    if role not in ROLES:
        raise AccountError(f"There is no role {role!r}; take one of {', '.join(OFFERED)}.")


def _require_owner(session: Session) -> None:
    session.flush()
    owners = (
        select(func.count())
        .select_from(Role)
        .join(User, col(User.id) == col(Role.user_id))
        .where(col(Role.name) == "owner", col(Role.program_id) == ALL_PROGRAMS, col(User.disabled_at).is_(None))
    )
    if not session.execute(owners).scalar_one():
        raise AccountError("This is the last owner; make somebody else an owner first.")
