"""What closing an account would mean, in figures for the page that asks first."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from sender.accounts import rights
from sender.models import ApiKey, Campaign, Conversation
from sender.models.accounts import ALL_PROGRAMS, Role, SignedIn, User


@dataclass(frozen=True, slots=True)
class Closing:
    """Of one account: open sessions, submitted campaigns it may approve, those of them that nobody else may, its
    conversations, and live API keys of its making (which go on)."""

    email: str
    sessions: int
    approvals: int
    stranded: int
    conversations: int
    keys: int


def consequences(session: Session, user_id: int, real: datetime) -> Closing | None:
    """What ends and what waits if this account is closed; None where there is none, or it is closed."""
    user = session.get(User, user_id)
    if user is None or user.disabled_at is not None:
        return None
    approvals, stranded = _approvals(session, user_id)
    alive = (col(SignedIn.user_id) == user_id, col(SignedIn.revoked_at).is_(None), col(SignedIn.ends_at) > real)
    unended = or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > real)
    made = (col(ApiKey.created_by) == user.email, col(ApiKey.revoked_at).is_(None), unended)
    counted = select(
        select(func.count()).select_from(SignedIn).where(*alive).scalar_subquery(),
        select(func.count()).select_from(Conversation).where(col(Conversation.assigned_to) == user.email)
        .scalar_subquery(),
        select(func.count()).select_from(ApiKey).where(*made).scalar_subquery(),
    )  # fmt: skip
    sessions, conversations, keys = session.execute(counted).one()
    return Closing(user.email, sessions, approvals, stranded, conversations, keys)


def _approvals(session: Session, user_id: int) -> tuple[int, int]:
    """Campaigns that wait for an approval they may give; and how many of these nobody else may approve."""
    named = select(col(Role.user_id), col(Role.program_id), col(Role.name)).join(
        User, col(User.id) == col(Role.user_id)
    )
    approvers: dict[int, set[int]] = defaultdict(set)
    for who, program_id, name in session.execute(named.where(col(User.disabled_at).is_(None))):
        if "approve" in rights.held(name):
            approvers[program_id].add(who)
    submitted = session.execute(select(col(Campaign.program_id)).where(col(Campaign.status) == "submitted")).scalars()
    may = [approvers[program_id] | approvers[ALL_PROGRAMS] for program_id in submitted]
    mine = [people for people in may if user_id in people]
    return len(mine), sum(people == {user_id} for people in mine)
