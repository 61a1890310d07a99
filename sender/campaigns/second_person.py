"""Words that look like marketing under a laxer purpose: kept only where a second, named person vouches for them."""

from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlmodel import Session, col

from guards.base import Purpose
from guards.finding import Finding
from sender.models.accounts import ALL_PROGRAMS, Role, User


class NobodyConfirmed(ValueError):
    """The words may not be kept like this; one sentence with what to do."""


def doubtful(found: Sequence[Finding], purpose: Purpose) -> bool:
    """Whether these findings want a second person before the words are kept under this purpose."""
    return purpose is not Purpose.MARKETING and any(one.code == "looks_like_marketing" for one in found)


def require(session: Session, second_person: str, actor: str, program_id: int, purpose: Purpose) -> None:
    """Refuse nobody, the author, and, where people have accounts, whoever has none for the program."""
    named = second_person.strip().casefold()
    if not named or named == actor.strip().casefold():
        raise NobodyConfirmed(
            f"Save it as marketing, or have a second person, not {actor}, confirm that it is {purpose}."
        )
    accounts = session.execute(select(exists().where(col(User.id).is_not(None)))).scalar()
    if accounts and named not in colleagues(session, program_id):
        raise NobodyConfirmed(
            f"The second person {second_person.strip()!r} has no account for this program; name a colleague's e-mail "
            "address."
        )


def colleagues(session: Session, program_id: int) -> set[str]:
    """Everybody who has an account and a role in this program, by e-mail address."""
    able = col(User.disabled_at).is_(None), col(Role.program_id).in_((ALL_PROGRAMS, program_id))
    return set(
        session.execute(select(col(User.email)).join(Role, col(Role.user_id) == col(User.id)).where(*able)).scalars()
    )
