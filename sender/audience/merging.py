"""Make two contacts of one person one. Nothing of it gives consent, and the person gets one text of a campaign.

Locks are taken in everybody's order (sender/locks): campaigns, numbers, contacts, messages by id. What a gate decides
about one of the numbers is decided before or after, never meanwhile.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from guards.base import Kind, Purpose
from sender.audience import opt_outs
from sender.audience.ledger import Act, load_standings, record
from sender.audience.upkeep import PLAIN, UpkeepError
from sender.audit import note
from sender.db import insert_new, upsert
from sender.locks import insistent, lock_numbers
from sender.models import Campaign, Contact, FrozenMember, Message, Wishes
from sender.runtime import Runtime
from sender.states import WAITING, Status, advance

MERGED = "merged"
NEVER_LEFT = frozenset({Status.BLOCKED, Status.CANCELLED, Status.EXPIRED})
"""Nothing of these was handed over: another text of the same campaign is no second one."""


class _Text(NamedTuple):
    """One text of a campaign to the person; ``family`` is the campaign, or the one whose rest it is for."""

    id: int
    family: int
    number_id: int
    status: Status


@insistent
def merge(runtime: Runtime, kept_id: int, other_id: int, actor: str) -> None:
    """Make two contacts of one person one: the first keeps its number, and gets the fields it lacks.

    Each number gets the stricter standing and wishes of both, so that a stop to one is a stop to the person; consent is
    bound to its number and does not move. The second contact goes; its number and history stay. Fixed audiences that
    have not begun list the first in its place. Where both have a text of a campaign, what is not sent yet ends as
    blocked, "merged". UpkeepError where one of them is gone.
    """
    if kept_id == other_id:
        raise UpkeepError("These are not two contacts.")
    now = runtime.clock.now()
    with runtime.db.write() as session:
        lists = _lists_to_come(session)
        kept, other = _both(session, kept_id, other_id)
        numbers = kept.number_id, other.number_id
        _share_stops(runtime, session, numbers, actor, now)
        _share_wishes(session, numbers, now)
        _fill_in(kept, other, now)
        _stand_in(session, lists, kept_id, other_id)
        _follow(session, kept_id, other_id)
        ended = _one_text_each(runtime, session, kept, now)
        session.delete(other)
        detail = {"merged": other_id, "numbers": list(numbers), "ended": ended}
        note(session, now, actor, "contact.merge", f"contact {kept_id}", detail)


def _both(session: Session, kept_id: int, other_id: int) -> tuple[Contact, Contact]:
    """The two as they are once their numbers are held: a gate, a planner or another merge may have come first."""
    pair = select(Contact).where(col(Contact.id).in_([kept_id, other_id])).order_by(col(Contact.id))
    lock_numbers(session, [one.number_id for one in session.execute(pair).scalars()])
    held = pair.with_for_update().execution_options(populate_existing=True)
    found = {one.id: one for one in session.execute(held).scalars()}
    if len(found) < 2:
        raise UpkeepError("One of these contacts is gone; somebody merged or erased it.")
    return found[kept_id], found[other_id]


def _share_stops(runtime: Runtime, session: Session, numbers: tuple[int, int], actor: str, now: datetime) -> None:
    """Every opt-out and hold of the one counts for the other from now on."""
    standings = load_standings(session, numbers)
    for mine, theirs in (numbers, numbers[::-1]):
        evidence = {"merged_with": theirs, "taken_by": actor}
        closed = {(row.program_id, row.state) for row in standings.get(theirs, []) if row.state in ("out", "held")}
        scopes: set[int | None] = set()
        for program_id, state in sorted(closed):
            of, kind = program_id or None, "opt_out" if state == "out" else "hold"
            record(session, [Act(mine, of, kind, Purpose.MARKETING, now, "operator", evidence=evidence)], now)
            scopes |= {of} if state == "out" else set()
        if scopes:
            opt_outs.settle(runtime, session, mine, scopes)


def _share_wishes(session: Session, numbers: tuple[int, int], now: datetime) -> None:
    """The longer pause and all unwanted subjects for both; hours stay each number's own where it has some."""
    rows = list(session.execute(select(Wishes).where(col(Wishes.number_id).in_(numbers))).scalars())
    if not rows:
        return
    hours = {one.number_id: one.hours for one in rows}
    shared = {
        "paused_until": max((one.paused_until for one in rows if one.paused_until), default=None),
        "unwanted": sorted({subject for one in rows for subject in one.unwanted}),
        "changed_at": now,
    }
    mine, theirs = numbers
    chosen = {mine: hours.get(mine) or hours.get(theirs), theirs: hours.get(theirs) or hours.get(mine)}
    upsert(session, Wishes, [{"number_id": one, "hours": chosen[one], **shared} for one in numbers], ["number_id"])


def _fill_in(kept: Contact, other: Contact, now: datetime) -> None:
    for name in PLAIN:
        if getattr(kept, name) is None:
            setattr(kept, name, getattr(other, name))
    kept.attributes = {**other.attributes, **kept.attributes}
    kept.changed_at = now


def _lists_to_come(session: Session) -> list[int]:
    """The campaigns with a fixed audience that have not begun; they do not until the transaction ends."""
    waiting = col(Campaign.audience_end).is_(None), col(Campaign.audience_at) != "start"
    statement = select(col(Campaign.id)).where(*waiting).order_by(col(Campaign.id)).with_for_update()
    return [one or 0 for one in session.execute(statement).scalars()]


def _stand_in(session: Session, lists: Collection[int], kept_id: int, other_id: int) -> None:
    """In these fixed audiences the kept contact takes the other's place, if it has none of its own."""
    there = select(col(FrozenMember.campaign_id)).where(
        col(FrozenMember.campaign_id).in_(lists), col(FrozenMember.contact_id) == kept_id
    )
    lacking = sorted(set(lists) - set(session.execute(there).scalars()))
    mine = col(FrozenMember.campaign_id).in_(lacking), col(FrozenMember.contact_id) == other_id
    first = func.coalesce(col(FrozenMember.listed_as), col(FrozenMember.contact_id))
    moved = update(FrozenMember).where(*mine).execution_options(synchronize_session=False)
    session.execute(moved.values(contact_id=kept_id, listed_as=first))


def _follow(session: Session, kept_id: int, other_id: int) -> None:
    """The other's texts are the kept contact's from now on."""
    theirs = select(col(Message.id)).where(col(Message.contact_id) == other_id).order_by(col(Message.id))
    ids = list(session.execute(theirs.with_for_update()).scalars())
    moved = update(Message).where(col(Message.id).in_(ids)).execution_options(synchronize_session=False)
    session.execute(moved.values(contact_id=kept_id))


def _one_text_each(runtime: Runtime, session: Session, kept: Contact, now: datetime) -> int:
    """End what waits beside another text of the same campaign, and see that none is planned; returns how many ended.

    The kept number's goes before the other's. One that left, or may have left, ends all that wait.
    """
    families = _texts(session, kept.id or 0)
    _take_places(session, families, kept, runtime.clock.real(), now)
    ending: list[int] = []
    for texts in families.values():
        waiting = sorted(
            (one for one in texts if one.status in WAITING), key=lambda one: one.number_id != kept.number_id
        )
        ending += [one.id for one in (waiting if len(waiting) < len(texts) else waiting[1:])]
    return len(advance(session, ending, Status.BLOCKED, now=now, real=runtime.clock.real(), reason=MERGED))


def _texts(session: Session, kept_id: int) -> dict[int, list[_Text]]:
    """The texts to a person that left, may have left or still may, by the family of their campaign."""
    family = func.coalesce(col(Campaign.rest_of), col(Campaign.id))
    statement = select(col(Message.id), family, col(Message.number_id), col(Message.status)).join(
        Campaign, col(Campaign.id) == col(Message.campaign_id)
    )
    found: dict[int, list[_Text]] = defaultdict(list)
    mine = col(Message.contact_id) == kept_id
    for id_, of, number_id, status in session.execute(statement.where(mine).order_by(col(Message.id))):
        if status not in NEVER_LEFT:
            found[of].append(_Text(id_, of, number_id, Status(status)))
    return found


def _take_places(session: Session, families: Collection[int], kept: Contact, real: datetime, now: datetime) -> None:
    """Where a planner has the kept contact still before it, its place is taken: the family has a text already.

    A slice that was read before now would write it after; the index that refuses a number twice passes over it.
    """
    of = func.coalesce(col(Campaign.rest_of), col(Campaign.id)).in_(families)
    going = col(Campaign.status).in_(("running", "paused")), col(Campaign.planned_at).is_(None)
    ahead = select(Campaign).where(of, *going, col(Campaign.cursor) < kept.id)
    insert_new(session, Message, [_place(one, kept, real, now) for one in session.execute(ahead).scalars()])


def _place(campaign: Campaign, kept: Contact, real: datetime, now: datetime) -> dict[str, Any]:
    return {
        "campaign_id": campaign.id,
        "program_id": campaign.program_id,
        "number_id": kept.number_id,
        "contact_id": kept.id,
        "kind": Kind.CAMPAIGN.value,
        "purpose": campaign.purpose,
        "subject": campaign.subject,
        "status": Status.BLOCKED.value,
        "reason": MERGED,
        "send_after": now,
        "created_at": now,
        "changed_at": now,
        "touched_at": real,
        "final_at": now,
    }
