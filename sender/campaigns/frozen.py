"""Audiences that are fixed when a campaign is handed in: the very people who were approved, and nobody who came since.

The list is written in slices before the submission, which binds its digest; who starts or resumes compares the two.
Guards are asked about each of them as always: a place on the list is no permission. Whoever is merged before it begins
is reached as the contact that was kept, whose standing is the stricter of both.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, func, select
from sqlmodel import Session, col

from sender.campaigns.audience import AT_SUBMISSION, Audience, Member, members, read_audience
from sender.campaigns.moves import OVER, one
from sender.db import Pace, insert_new
from sender.models import Audit, Campaign, Contact, FrozenMember
from sender.runtime import Runtime

SLICE = 1000


@dataclass(frozen=True, slots=True)
class Frozen:
    """A list that was written: its digest, how many people it has, and the edit of the campaign that it is for."""

    digest: bytes
    people: int
    edits: int


def freeze(runtime: Runtime, campaign_id: int) -> Frozen | None:
    """Write down who is in a draft's audience now; None where it is decided at its start. ControlError for none."""
    now = runtime.clock.now()
    with runtime.db.read() as session:
        campaign = one(session, campaign_id)
        if campaign.audience_at != AT_SUBMISSION or campaign.status != "draft":
            return None
        edits, audience = campaign.edits, read_audience(session, campaign)
        end = session.execute(select(func.max(col(Contact.id)))).scalar() or 0
    while _drop_slice(runtime, campaign_id):
        pass
    after = people = 0
    while True:
        with runtime.db.read() as session:
            some = members(session, audience, now, after, end, SLICE)
        if not some:
            break
        _write(runtime, audience, some)
        after, people = some[-1].contact_id, people + len(some)
    with runtime.db.read() as session:
        return Frozen(digest_of(session, campaign_id), people, edits)


def digest_of(session: Session, campaign_id: int) -> bytes:
    """A hash over the list as the database holds it: every person who was handed in, with their variant."""
    found = hashlib.sha256()
    handed_in = func.coalesce(col(FrozenMember.listed_as), col(FrozenMember.contact_id))
    mine = select(handed_in, col(FrozenMember.variant_id)).where(col(FrozenMember.campaign_id) == campaign_id)
    for contact_id, variant_id in session.execute(mine.order_by(handed_in).execution_options(yield_per=SLICE)):
        found.update(f"{contact_id}:{variant_id}\n".encode())
    return found.digest()


def tampered(session: Session, campaign: Campaign) -> bool:
    """Whether the list is another than the one that was handed in, but for people who were merged by somebody."""
    if campaign.frozen_digest is None:
        return False
    mine = campaign.id or 0
    return digest_of(session, mine) != campaign.frozen_digest or _foisted(session, mine)


def gone(session: Session, campaign_id: int) -> int:
    """How many on a list are no contacts any more."""
    there = exists().where(col(Contact.id) == col(FrozenMember.contact_id))
    mine = select(func.count()).where(col(FrozenMember.campaign_id) == campaign_id, ~there)
    return int(session.execute(mine).scalar_one())


def _foisted(session: Session, campaign_id: int) -> bool:
    """Whether somebody stands for a listed person without an act of merging in the audit."""
    mine = col(FrozenMember.campaign_id) == campaign_id, col(FrozenMember.listed_as).is_not(None)
    moved = session.execute(select(col(FrozenMember.listed_as), col(FrozenMember.contact_id)).where(*mine)).all()
    if not moved:
        return False
    into: dict[int, set[int]] = defaultdict(set)
    for act in session.execute(select(Audit).where(col(Audit.action) == "contact.merge")).scalars():
        into[act.detail["merged"]].add(int(act.subject.removeprefix("contact ")))
    return any(contact_id not in _ends(into, listed_as) for listed_as, contact_id in moved)


def _ends(into: Mapping[int, set[int]], contact_id: int) -> set[int]:
    """All into whom a contact was merged, and they in turn."""
    found: set[int] = set()
    reached = {contact_id}
    while reached:
        reached = {one for each in reached for one in into.get(each, ())} - found
        found |= reached
    return found


def forget_some(runtime: Runtime) -> int:
    """Drop a slice of a list whose campaign is over; returns how many rows. A step of the scheduler."""
    listed = exists().where(col(FrozenMember.campaign_id) == col(Campaign.id))
    over = col(Campaign.status).in_(OVER), col(Campaign.frozen_digest).is_not(None), listed
    with runtime.db.read() as session:
        campaign_id = session.execute(select(col(Campaign.id)).where(*over).limit(1)).scalar()
    return _drop_slice(runtime, campaign_id) if campaign_id else 0


def _write(runtime: Runtime, audience: Audience, some: Sequence[Member]) -> None:
    rows = [
        {"campaign_id": audience.campaign_id, "contact_id": one.contact_id, "variant_id": one.variant_id}
        for one in some
    ]
    with runtime.db.write(Pace.BULK) as session:
        insert_new(session, FrozenMember, rows)


def _drop_slice(runtime: Runtime, campaign_id: int) -> int:
    with runtime.db.write(Pace.BULK) as session:
        mine = col(FrozenMember.campaign_id) == campaign_id
        some = list(session.execute(select(col(FrozenMember.contact_id)).where(mine).limit(SLICE)).scalars())
        session.execute(delete(FrozenMember).where(mine, col(FrozenMember.contact_id).in_(some)))
    return len(some)
