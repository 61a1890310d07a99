"""Who a campaign is for: each contact once, in the first of its groups that takes them, by share where it has several.

A group is one segment with one variant, or with several that share its people by a stable hash of number and campaign.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select, true
from sqlmodel import Session, col

from sender.audience import segments
from sender.audience.segment_sql import meeting, where
from sender.models import Campaign, Contact, FrozenMember, Message, Number, Variant

WHOLE = 100
AT_START, AT_SUBMISSION = "start", "submission"
"""When it is decided who is in a campaign."""
MENDABLE = frozenset(
    {"too_late", "frequency_cap", "words_outdated", "text_changed", "render_error", "no_from_number", "too_long",
     "from_number_gone",
     "guard_error"}
)  # fmt: skip
"""Reasons for a block that say nothing against the person: a later campaign may reach them."""
NEVER_LEFT = ("cancelled", "expired")


class Member(NamedTuple):
    """One contact of the audience, with the variant that takes it."""

    contact_id: int
    number_id: int
    variant_id: int
    country: str | None
    language: str | None
    postal_code: str | None
    region: str | None
    attributes: dict[str, Any]


class Group(NamedTuple):
    """One segment and who of it gets which variant: pairs of variant id and the share up to which it reaches."""

    segment: segments.Segment
    choices: tuple[tuple[int, int], ...]


class Audience(NamedTuple):
    """The groups of a campaign in their order; ``rest_of`` is the campaign whose rest they are of, if any.

    Of a ``frozen`` one the people were listed when it was handed in, and the groups say nothing any more.
    """

    campaign_id: int
    groups: tuple[Group, ...]
    rest_of: int | None = None
    frozen: bool = False


def audience_of(campaign: Campaign, variants: Sequence[Variant]) -> Audience:
    """The audience of a campaign whose variants stand in the order of their positions. Raises SegmentError."""
    split = [list(some) for _, some in groupby(variants, key=_key)]
    groups = [Group(segments.parse(some[0].segment), _choices(some)) for some in split]
    return Audience(campaign.id or 0, tuple(groups), campaign.rest_of, campaign.frozen_digest is not None)


def together(share: int | None, segment: Mapping[str, Any], position: int) -> tuple[Any, ...]:
    """A key that is the same for neighbours which share one segment's people; any other variant stands alone."""
    return (segment, -1 if share is not None else position)


def _key(variant: Variant) -> tuple[Any, ...]:
    return together(variant.share, variant.segment, variant.position)


def _choices(variants: Sequence[Variant]) -> tuple[tuple[int, int], ...]:
    choices, reached = [], 0
    for one in variants:
        reached += WHOLE if one.share is None else one.share
        choices.append((one.id or 0, reached))
    return tuple(choices)


def read_audience(session: Session, campaign: Campaign) -> Audience:
    """The audience of a campaign as the database holds it."""
    mine = select(Variant).where(col(Variant.campaign_id) == campaign.id).order_by(col(Variant.position))
    return audience_of(campaign, list(session.execute(mine).scalars()))


def members(session: Session, audience: Audience, now: datetime, after: int, up_to: int, limit: int) -> list[Member]:
    """The next members by contact id in (after, up_to]; each once, whatever the segments' overlaps."""
    window = (col(Contact.id) > after, col(Contact.id) <= up_to, _unreached(audience))
    if audience.frozen:
        listed = _people(col(FrozenMember.variant_id)).join(FrozenMember, _listed(audience)).where(*window)
        found = session.execute(listed.order_by(col(Contact.id)).limit(limit))
        return [Member(row[0], row[1], row[2], *row[3:]) for row in found]
    conditions = _conditions(session, audience, now)
    if not conditions:
        return []
    takes = case(*[(condition, index) for index, condition in enumerate(conditions)])
    statement = _people(takes).where(*window, or_(*conditions)).order_by(col(Contact.id)).limit(limit)
    return [Member(row[0], row[1], _variant(audience, row[2], row[1]), *row[3:]) for row in session.execute(statement)]


def to_come(some: Sequence[Member], after: int, stop: int, end: int) -> int:
    """About how many more there are up to contact ``end`` where these are all in (after, stop]."""
    return len(some) * (end - stop) // max(1, stop - after)


def count_members(session: Session, audience: Audience, now: datetime, at_most: int | None = None) -> int:
    """How many contacts the audience has now, before any guard is asked; no more than ``at_most`` are counted."""
    wanted = true() if audience.frozen else or_(false(), *_conditions(session, audience, now))
    found = meeting(select(col(Contact.id)), wanted & _unreached(audience))
    if audience.frozen:
        found = found.join(FrozenMember, _listed(audience))
    found = found.limit(at_most)
    return int(session.execute(select(func.count()).select_from(found.subquery())).scalar_one())


def _people(takes: Any) -> Select[Any]:
    """The columns of a member, with what tells the variant in the third place."""
    number = (col(Contact.id), col(Contact.number_id), takes, col(Number.country))
    contact = (col(Contact.language), col(Contact.postal_code), col(Contact.region), col(Contact.attributes))
    return select(*number, *contact).join(Number, col(Number.id) == col(Contact.number_id))


def _listed(audience: Audience) -> ColumnElement[bool]:
    return and_(col(FrozenMember.contact_id) == col(Contact.id), col(FrozenMember.campaign_id) == audience.campaign_id)


def _conditions(session: Session, audience: Audience, now: datetime) -> list[ColumnElement[bool]]:
    dialect = session.get_bind().dialect.name
    return [where(group.segment, now, dialect) for group in audience.groups]


def _variant(audience: Audience, index: int, number_id: int) -> int:
    choices = audience.groups[index].choices
    if len(choices) == 1:
        return choices[0][0]
    bucket = bucket_of(audience.campaign_id, number_id)
    return next(variant_id for variant_id, reached in choices if bucket < reached)


def bucket_of(campaign_id: int, number_id: int) -> int:
    """Where a number stands in a campaign's shares: 0 to 99, always the same for the two, even over all numbers."""
    digest = hashlib.blake2b(f"{campaign_id}:{number_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % WHOLE


def _unreached(audience: Audience) -> ColumnElement[bool]:
    """Nobody for whom a campaign of the family has a text that left, may have left, or was held back for good."""
    if audience.rest_of is None:
        return true()
    family = or_(col(Campaign.id) == audience.rest_of, col(Campaign.rest_of) == audience.rest_of)
    others = select(col(Campaign.id)).where(family, col(Campaign.id) != audience.campaign_id)
    mendable = and_(col(Message.status) == "blocked", col(Message.reason).in_(MENDABLE))
    never_left = or_(col(Message.status).in_(NEVER_LEFT), mendable)
    theirs = col(Message.campaign_id).in_(others), ~never_left
    # A number may have had another contact's name, and a contact another number: two questions, an index for each.
    of_number, of_contact = col(Message.number_id) == col(Contact.number_id), col(Message.contact_id) == col(Contact.id)
    return and_(~exists().where(of_number, *theirs), ~exists().where(of_contact, *theirs))
