"""Submit, approve, withdraw: an approval is for exactly what the campaign is now, and any edit ends it (design D1.7).

Above ``Settings.second_person_above`` recipients another person than who submitted and last edited it must approve.
An installation with one person who may steer the program waives that; the audit and ``approved_as`` say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.accounts.rights import ROLES
from sender.approved import hash_of, parts_of
from sender.campaigns import frozen
from sender.campaigns.audience import count_members, read_audience
from sender.campaigns.moves import ControlError, audit, move, one
from sender.models import Campaign, Role, User
from sender.models.accounts import ALL_PROGRAMS
from sender.runtime import Runtime

SECOND_PERSON, SMALL, ONE_PERSON = "second person", "small", "one person"
NOTHING_APPROVED: Mapping[str, Any] = {
    "approved_hash": None,
    "approved_parts": {},
    "approved_as": "",
    "approved_by": "",
    "approved_at": None,
}
"""The columns of a campaign that nobody has approved."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What approving would mean, or meant: for how many recipients, and why one approval is enough.

    ``grounds``: "second person", "small" (not above the limit) or "one person" (waived: nobody else could).
    """

    recipients: int
    grounds: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Handed:
    """What is handed in: how many recipients, and the list of them where the campaign fixes its audience."""

    recipients: int
    listed: frozen.Frozen | None = None


def submit(runtime: Runtime, campaign_id: int, actor: str) -> int:
    """Hand a draft in for approval; returns how many recipients its audience has now.

    Where the campaign fixes its audience, these are its people from now on.
    """
    handed = hand_in(runtime, campaign_id)
    with runtime.db.write() as session:
        _submit(session, runtime, campaign_id, actor, handed)
    return handed.recipients


def hand_in(runtime: Runtime, campaign_id: int) -> Handed:
    """Count a draft's audience, and write it down where the campaign fixes it; before the transaction that submits."""
    listed = frozen.freeze(runtime, campaign_id)
    return Handed(recipients(runtime, campaign_id) if listed is None else listed.people, listed)


def approve(runtime: Runtime, campaign_id: int, actor: str) -> Approval:
    """Approve a submitted campaign, or once more a paused one that was changed since. ControlError says who may."""
    count = recipients(runtime, campaign_id)
    with runtime.db.write() as session:
        return grant(session, runtime, campaign_id, actor, count)


def withdraw(runtime: Runtime, campaign_id: int, actor: str) -> None:
    """Back to draft from submitted, approved or scheduled; what was approved is void."""
    columns = {**NOTHING_APPROVED, "frozen_digest": None}
    with runtime.db.write() as session:
        move(session, runtime, campaign_id, "draft", actor, "campaign.withdraw", **columns)


def approve_alone(session: Session, runtime: Runtime, campaign_id: int, actor: str, handed: Handed) -> None:
    """Submit and approve a draft in one act; ControlError where a second person is needed."""
    _submit(session, runtime, campaign_id, actor, handed)
    grant(session, runtime, campaign_id, actor, handed.recipients)


def grant(session: Session, runtime: Runtime, campaign_id: int, actor: str, count: int) -> Approval:
    """Bind an approval to what the campaign is in this transaction."""
    campaign = one(session, campaign_id)
    grounds = _grounds(session, campaign, actor, count, runtime.settings.second_person_above)
    parts = parts_of(session, [campaign_id])[campaign_id]
    approved = Approval(count, grounds, hash_of(parts))
    columns = {
        "approved_hash": approved.hash,
        "approved_parts": parts,
        "approved_as": grounds,
        "approved_by": actor,
        "approved_at": runtime.clock.now(),
        "recipients": count,
    }
    detail = {"hash": approved.hash.hex(), "recipients": count, "grounds": grounds}
    if campaign.status != "paused":
        move(session, runtime, campaign_id, "approved", actor, "campaign.approve", detail, **columns)
        return approved
    for name, value in columns.items():
        setattr(campaign, name, value)
    session.add(campaign)
    audit(session, runtime.clock.now(), actor, "campaign.approve", campaign_id, detail)
    return approved


def require_approved(session: Session, campaign: Campaign) -> None:
    """ControlError unless the campaign is exactly what was approved."""
    changed = changed_parts(session, campaign)
    if changed is not None:
        raise ControlError(f"Campaign {campaign.name!r} {changed}; approve it, then go on.")


def changed_parts(session: Session, campaign: Campaign) -> str | None:
    """What differs from what was approved, as the end of a sentence; None where nothing does."""
    if campaign.approved_hash is None:
        return "is not approved"
    parts = parts_of(session, [campaign.id or 0])[campaign.id or 0]
    if hash_of(parts) == campaign.approved_hash:
        return None
    different = [part for part, digest in parts.items() if campaign.approved_parts.get(part) != digest]
    return f"is not what was approved: its {' and '.join(different)} changed"


def people_changed(session: Session, campaign: Campaign) -> str:
    """What to say where the list of a fixed audience is another than the one that was approved; it walks the list."""
    mend = "edit it and submit it again" if campaign.audience_end is None else "cancel it and duplicate it instead"
    return f"the list of its people was changed; {mend}" if frozen.tampered(session, campaign) else ""


def outgrown(session: Session, runtime: Runtime, campaign: Campaign) -> bool:
    """Whether one person approved it as small and its audience has grown above the limit since."""
    limit = runtime.settings.second_person_above
    return campaign.approved_as == SMALL and _count(session, runtime, campaign, limit + 1) > limit


def recipients(runtime: Runtime, campaign_id: int) -> int:
    """How many contacts the campaign's segments take now, before any guard is asked."""
    with runtime.db.read() as session:
        return _count(session, runtime, one(session, campaign_id))


def _count(session: Session, runtime: Runtime, campaign: Campaign, at_most: int | None = None) -> int:
    return count_members(session, read_audience(session, campaign), runtime.clock.now(), at_most)


def _submit(session: Session, runtime: Runtime, campaign_id: int, actor: str, handed: Handed) -> None:
    count, columns = handed.recipients, {"submitted_by": actor, "submitted_at": runtime.clock.now()}
    campaign, listed = one(session, campaign_id), handed.listed
    if listed is not None and campaign.edits != listed.edits:
        raise ControlError(f"Campaign {campaign.name!r} was changed while its audience was listed; submit it again.")
    fixed = {} if listed is None else {"frozen_digest": listed.digest}
    detail = {"recipients": count, **({} if listed is None else {"frozen": listed.digest.hex()})}
    every = {**columns, "recipients": count, **fixed}
    move(session, runtime, campaign_id, "submitted", actor, "campaign.submit", detail, **every)


def _grounds(session: Session, campaign: Campaign, actor: str, count: int, limit: int) -> str:
    if count <= limit:
        return SMALL
    able = people(session, campaign.program_id)
    if actor in able and actor not in (campaign.submitted_by, campaign.edited_by or campaign.created_by):
        return SECOND_PERSON
    if len(able) <= 1:
        return ONE_PERSON
    raise ControlError(
        f"Campaign {campaign.name!r} would go to {count:,} people, more than {limit:,}: submit it, and have another "
        "person approve it who signs in, may steer this program and neither submitted nor last edited it."
    )


def people(session: Session, program_id: int) -> set[str]:
    """Who could approve: everybody with an account who may steer this program, by e-mail address."""
    roles = [name for name, rights in ROLES.items() if "approve" in rights]
    able = (
        col(User.disabled_at).is_(None),
        col(Role.program_id).in_((ALL_PROGRAMS, program_id)),
        col(Role.name).in_(roles),
    )
    return set(
        session.execute(select(col(User.email)).join(Role, col(Role.user_id) == col(User.id)).where(*able)).scalars()
    )
