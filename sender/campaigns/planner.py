"""Turns a running campaign into messages, a slice of contacts at a time, so that a kill skips and repeats nobody.

The cursor moves in the same transaction that writes the slice's messages, and only from where it was read. Whatever
takes time (guards, words, sealing) is done before that transaction, for SQLite has one lock for everybody.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from guards.base import Defer, Kind
from guards.chain import Cleared
from sender.ahead import Lanes, lanes
from sender.approved import strayed
from sender.audience.decisions import decision
from sender.campaigns import approval, control, short_links
from sender.campaigns.audience import Member, members, to_come
from sender.campaigns.planning import Plan, Planned, decide, load_plan
from sender.crypto import seal, text_hash
from sender.db import Pace, insert_new
from sender.models import Campaign, Contact, Decision, Message
from sender.runtime import Runtime
from sender.states import Status

SLICE = 1000
"""Its rows are written in a fifth of the 0.05 s for which a transaction may hold SQLite's lock."""
SLICES = 8
"""So many in one turn where some are decided while one is written; one where that is done in turn."""


class _Found(NamedTuple):
    """Members after contact ``start`` up to ``stop``; ``end`` is the last contact of the whole audience.

    ``changed`` says why the campaign is to be stopped instead.
    """

    plan: Plan
    start: int
    stop: int
    end: int
    now: datetime
    members: list[Member]
    changed: str


class _Slice(NamedTuple):
    """The messages of a slice as they are written, the refusals among them by number, and their short links.

    What belongs to a message has 0 in its place until it is written. Another process may have made it, so it holds only
    what is written.
    """

    start: int
    stop: int
    end: int
    now: datetime
    changed: str
    rows: list[dict[str, Any]]
    refused: dict[int, dict[str, Any]]
    links: list[short_links.Kept]
    days: int


def plan_slice(runtime: Runtime, campaign_id: int) -> int:
    """Plan the next thousand members of a running campaign, eight thousand where it is done ahead; 0: all is planned.

    Before the last slice a fixed list is compared once more: one that was changed since the start stops the campaign.
    """
    done = 0
    with lanes(runtime) as beside:
        for one in beside.ahead(_slices(runtime, campaign_id, beside), _decide):
            if one.changed:
                control.stop(runtime, campaign_id, one.changed)
                break
            if not _keep(runtime, campaign_id, one):
                break
            done += len(one.rows)
    return done


def _slices(runtime: Runtime, campaign_id: int, beside: Lanes) -> Iterator[_Found]:
    before, opening = None, False
    for turn in range(1, SLICES + 1):
        before = _find(runtime, campaign_id, before)
        if before is None:
            return
        # In its first turn nobody is called, which takes both cores for a second: the first texts shall leave.
        opening = opening or before.start == 0
        if not opening:
            beside.expect(to_come(before.members, before.start, before.stop, before.end))
        yield before
        if before.changed or before.stop >= before.end or (turn == 1 and beside.width == 0):
            return


def _find(runtime: Runtime, campaign_id: int, before: _Found | None) -> _Found | None:
    """The slice behind ``before``, or behind the campaign's cursor; None where there is nothing to plan."""
    with runtime.db.read() as session:
        campaign = session.get_one(Campaign, campaign_id)
        if campaign.status != "running" or campaign.planned_at is not None or strayed(session, [campaign_id]):
            return None
        start, end = (before.stop, before.end) if before else (campaign.cursor, campaign.audience_end)
        if end is None:
            end = session.execute(select(func.max(col(Contact.id)))).scalar() or 0
        now = runtime.clock.now()
        plan = replace(load_plan(session, campaign), for_real=True)
        some = members(session, plan.audience, now, start, end, SLICE)
        stop = some[-1].contact_id if len(some) == SLICE else end
        doubtful = stop >= end or any(one.variant_id not in plan.templates for one in some)
        changed = approval.people_changed(session, campaign) if doubtful else ""
    return _Found(plan, start, stop, end, now, some, changed)


def _decide(runtime: Runtime, found: _Found) -> _Slice:
    plan, now, planned = found.plan, found.now, list[Planned]()
    if not found.changed:
        with runtime.db.read() as session:
            planned = decide(runtime, session, plan, found.members, now)
    real = runtime.clock.real()
    return _Slice(
        *(found.start, found.stop, found.end, now, found.changed),
        rows=[_row(plan, one, now, real) for one in planned],
        refused={
            one.member.number_id: decision(0, one.outcome, one.known, "planner", now)
            for one in planned
            if not isinstance(one.outcome, Cleared)
        },
        links=[
            short_links.Kept(0, one.member.number_id, one.known.data_key, dict(one.links))
            for one in planned
            if one.links and one.known is not None
        ],
        days=plan.links.days if plan.links else 0,
    )


def _keep(runtime: Runtime, campaign_id: int, one: _Slice) -> bool:
    """Write a slice; False, and nothing is written, where the campaign is no longer where it was read."""
    with runtime.db.write(Pace.BULK, redoable=True) as session:
        if not _move_cursor(session, campaign_id, one):
            return False
        insert_new(session, Message, one.rows, strange=True)
        _keep_decisions(session, campaign_id, one)
        _keep_links(session, campaign_id, one)
    return True


def _move_cursor(session: Session, campaign_id: int, one: _Slice) -> bool:
    """False: another planner was first, or the campaign is no longer running."""
    values: dict[str, Any] = {"cursor": one.stop, "audience_end": one.end}
    if one.stop >= one.end:
        values["planned_at"] = one.now
    unmoved = (col(Campaign.id) == campaign_id, col(Campaign.cursor) == one.start, col(Campaign.planned_at).is_(None))
    statement = update(Campaign).where(*unmoved, col(Campaign.status) == "running").values(**values)
    return len(session.execute(statement.returning(col(Campaign.id))).all()) == 1


def _keep_decisions(session: Session, campaign_id: int, one: _Slice) -> None:
    if one.refused:
        written = _messages_of(session, campaign_id, one.refused)
        insert_new(session, Decision, [{**one.refused[of], "message_id": message_id} for message_id, of in written])


def _keep_links(session: Session, campaign_id: int, one: _Slice) -> None:
    if one.links:
        by_number = {link.number_id: link for link in one.links}
        written = _messages_of(session, campaign_id, by_number)
        kept = [by_number[of]._replace(message_id=message_id) for message_id, of in written]
        short_links.keep(session, kept, one.days, one.now)


def _messages_of(session: Session, campaign_id: int, number_ids: Collection[int]) -> list[tuple[int, int]]:
    """Message and number id of this campaign's texts to these numbers."""
    mine = col(Message.campaign_id) == campaign_id, col(Message.number_id).in_(number_ids)
    rows = session.execute(select(col(Message.id), col(Message.number_id)).where(*mine))
    return [(message_id or 0, number_id) for message_id, number_id in rows]


def _row(plan: Plan, one: Planned, now: datetime, real: datetime) -> dict[str, Any]:
    status, reason, send_after = Status.PENDING, "", one.known.facts.now if one.known else now
    if not isinstance(one.outcome, Cleared):
        verdict = one.outcome.verdict
        reason = verdict.reason
        if isinstance(verdict, Defer):
            send_after = verdict.until
        else:
            status = Status.BLOCKED
    cipher = None
    if one.known is not None and one.text:
        cipher = seal(one.known.data_key, one.text.encode())
    return {
        "campaign_id": plan.campaign_id,
        "variant_id": one.member.variant_id,
        "program_id": plan.program_id,
        "number_id": one.member.number_id,
        "contact_id": one.member.contact_id,
        "from_number_id": one.from_number_id,
        "kind": Kind.CAMPAIGN.value,
        "purpose": plan.purpose.value,
        "subject": plan.subject,
        "status": status.value,
        "reason": reason,
        "text_cipher": cipher,
        "text_hash": text_hash(one.text),
        "parts": one.parts,
        "cost": one.cost,
        "send_after": send_after,
        "expires_at": plan.ends_at,
        "deferrals": 1 if reason and status is Status.PENDING else 0,
        "tries": 0,
        "created_at": now,
        "changed_at": now,
        "touched_at": real,
        "final_at": now if status is Status.BLOCKED else None,
    }
