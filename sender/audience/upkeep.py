"""What people do to one contact: edit it, take a stop that came by phone or post, change its number, merge it.

None of these gives consent. A number that somebody else now has starts with nothing, and of two that are one person the
stricter word holds for both (design D5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience import opt_outs, private
from sender.audience.importing import values
from sender.audience.importing.columns import ATTRIBUTE_NAME
from sender.audience.ledger import ALL_PROGRAMS, Act, load_standings, record
from sender.audience.numbers import erased_among, find_or_make
from sender.audience.phone import Phone, PhoneError, parse
from sender.audience.withdrawals import withdraw
from sender.audit import note
from sender.locks import lock_numbers
from sender.models import Campaign, ConsentEvent, Contact, FrozenMember, Message
from sender.runtime import Runtime
from sender.states import WAITING, Status, advance

PLAIN = ("language", "postal_code", "region", "zone")
STOP_CAME_BY: Mapping[str, str] = {
    "phone_call": "a phone call",
    "email": "an e-mail",
    "letter": "a letter",
    "in_person": "word of mouth",
    "form": "a form of ours",
    "other": "another way",
}
"""47 CFR 64.1200(a)(10): any reasonable way counts."""


class UpkeepError(Exception):
    """The change cannot be made; the sentence says why, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class ContactIn:
    """What a person typed about a contact; empty texts clear a field, ``attributes`` replace all there were."""

    language: str = ""
    postal_code: str = ""
    region: str = ""
    zone: str = ""
    attributes: Mapping[str, str] | None = None


def edit(runtime: Runtime, contact_id: int, given: ContactIn, actor: str) -> None:
    """Change a contact's fields. UpkeepError names the one that does not fit."""
    fresh = _checked(given)
    now = runtime.clock.now()
    with runtime.db.write() as session:
        contact = _contact(session, contact_id)
        changed = [name for name, value in fresh.items() if getattr(contact, name) != value]
        for name in changed:
            setattr(contact, name, fresh[name])
        if changed:
            contact.changed_at = now
            note(session, now, actor, "contact.edit", f"contact {contact_id}", {"fields": changed})


def stop(runtime: Runtime, contact_id: int, program_id: int | None, came_by: str, words: str, actor: str) -> int:
    """Record that a person said stop by another way than a text; returns how many waiting texts it blocked.

    ``program_id`` None is every program; a program whose policy is "all" ends all as well. ``words`` are kept as
    evidence, sealed.
    """
    if came_by not in STOP_CAME_BY:
        raise UpkeepError("Say how the person told you to stop.")
    now = runtime.clock.now()
    said = {"words": words.strip()[:1000]} if words.strip() else {}
    with runtime.db.write() as session:
        number_id = _contact(session, contact_id).number_id
        lock_numbers(session, [number_id])
        scopes = [None] if program_id is None else opt_outs.scopes_of(session, [program_id])
        evidence = private.sealed(runtime.keys, session, number_id, said, came_by=came_by, taken_by=actor)
        acts = [Act(number_id, of, "opt_out", Purpose.MARKETING, now, "operator", evidence=evidence) for of in scopes]
        record(session, acts, now)
        note(session, now, actor, "contact.stop", f"contact {contact_id}", {"came_by": came_by, "scopes": scopes})
        return opt_outs.settle(runtime, session, number_id, scopes)


def change_number(runtime: Runtime, contact_id: int, text: str, region: str | None, actor: str) -> None:
    """Give a contact another number. The new one has no standing but its own; opt-outs stay on the old one.

    The old number's consents are withdrawn, because somebody else may have it, and what waits for it is cancelled.
    """
    phone = _phone(text, region)
    now = runtime.clock.now()
    with runtime.db.write() as session:
        contact = _contact(session, contact_id)
        old = contact.number_id
        new = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
        if new == old:
            raise UpkeepError("This is the contact's number already.")
        lock_numbers(session, [old, new])
        if session.execute(select(col(Contact.id)).where(col(Contact.number_id) == new)).scalar() is not None:
            raise UpkeepError("Another contact has this number: merge the two instead.")
        if erased_among(session, [new]):
            raise UpkeepError("The person with that number had their data erased; only they can come back.")
        contact.number_id, contact.changed_at = new, now
        _end_old(runtime, session, old, actor, "the contact has another number")
        note(session, now, actor, "contact.change_number", f"contact {contact_id}", {"from": old, "to": new})


def merge(runtime: Runtime, kept_id: int, other_id: int, actor: str) -> None:
    """Make two contacts of one person one: the first keeps its number, and gets the fields it lacks.

    Each number gets the stricter standing of both, so that a stop to one is a stop to the person; consent is bound to
    its number and does not move. The second contact goes; its number and history stay. Fixed audiences that have
    not begun list the first in its place.
    """
    if kept_id == other_id:
        raise UpkeepError("These are not two contacts.")
    now = runtime.clock.now()
    with runtime.db.write() as session:
        kept, other = _contact(session, kept_id), _contact(session, other_id)
        numbers = kept.number_id, other.number_id
        lock_numbers(session, numbers)
        _share_stops(runtime, session, numbers, actor, now)
        _fill_in(kept, other, now)
        _stand_in(session, kept_id, other_id)
        session.execute(update(Message).where(col(Message.contact_id) == other_id).values(contact_id=kept_id))
        session.flush()
        session.delete(other)
        detail = {"merged": other_id, "numbers": list(numbers)}
        note(session, now, actor, "contact.merge", f"contact {kept_id}", detail)


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


def _stand_in(session: Session, kept_id: int, other_id: int) -> None:
    """In fixed audiences that have not begun, the kept contact takes the other's place, if it has none of its own."""
    waiting = col(Campaign.audience_end).is_(None), col(Campaign.audience_at) != "start"
    ids = list(session.execute(select(col(Campaign.id)).where(*waiting).with_for_update()).scalars())
    there = select(col(FrozenMember.campaign_id)).where(
        col(FrozenMember.campaign_id).in_(ids), col(FrozenMember.contact_id) == kept_id
    )
    lacking = sorted(set(ids) - set(session.execute(there).scalars()))
    mine = col(FrozenMember.campaign_id).in_(lacking), col(FrozenMember.contact_id) == other_id
    first = func.coalesce(col(FrozenMember.listed_as), col(FrozenMember.contact_id))
    moved = update(FrozenMember).where(*mine).execution_options(synchronize_session=False)
    session.execute(moved.values(contact_id=kept_id, listed_as=first))


def _fill_in(kept: Contact, other: Contact, now: datetime) -> None:
    for name in PLAIN:
        if getattr(kept, name) is None:
            setattr(kept, name, getattr(other, name))
    kept.attributes = {**other.attributes, **kept.attributes}
    kept.changed_at = now


def _end_old(runtime: Runtime, session: Session, number_id: int, actor: str, why: str) -> None:
    now, real = runtime.clock.now(), runtime.clock.real()
    consents = select(ConsentEvent).where(col(ConsentEvent.number_id) == number_id, col(ConsentEvent.kind) == "opt_in")
    withdraw(session, list(session.execute(consents).scalars()), actor, why, now)
    waiting = col(Message.number_id) == number_id, col(Message.status).in_([status.value for status in WAITING])
    ids = [one or 0 for one in session.execute(select(col(Message.id)).where(*waiting)).scalars()]
    advance(session, ids, Status.CANCELLED, now=now, real=real, reason="number_changed")


def _contact(session: Session, contact_id: int) -> Contact:
    found = session.get(Contact, contact_id)
    if found is None:
        raise UpkeepError("This contact is gone; somebody merged or erased it.")
    return found


def _phone(text: str, region: str | None) -> Phone:
    try:
        return parse(text, region)
    except PhoneError as error:
        raise UpkeepError(error.sentence) from error


def _checked(given: ContactIn) -> dict[str, Any]:
    """The columns as they are stored. UpkeepError for a language, zone or attribute that does not fit."""
    language = values.language_tag(given.language) if given.language else None
    zone = values.zone_name(given.zone) if given.zone else None
    if given.language and language is None:
        raise UpkeepError("The language is not a code such as en or es-MX.")
    if given.zone and zone is None:
        raise UpkeepError("The time zone is not a name such as America/Chicago.")
    plain = {"postal_code": given.postal_code.strip() or None, "region": given.region.strip() or None}
    fresh: dict[str, Any] = {"language": language, "zone": zone, **plain}
    if given.attributes is not None:
        fresh["attributes"] = _attributes(given.attributes)
    if any(values.is_phone(str(value), "US") for value in plain.values() if value):
        raise UpkeepError("A phone number belongs into the number alone, where it is sealed.")
    return fresh


def _attributes(given: Mapping[str, str]) -> dict[str, values.Scalar]:
    for name, text in given.items():
        if not ATTRIBUTE_NAME.fullmatch(name):
            raise UpkeepError(f"{name!r} is no name for an attribute: use a to z, digits and _, such as first_name.")
        if len(text) > values.LONGEST:
            raise UpkeepError(f"{name} is longer than {values.LONGEST:,} characters.")
        if values.is_phone(text, "US"):
            raise UpkeepError(f"{name} holds a phone number, which would lie in plain sight; leave it out.")
    return {name: values.typed(text.strip()) for name, text in given.items() if text.strip()}


def standing_words(session: Session, number_id: int) -> dict[int, dict[str, str]]:
    """Purpose to state by program (0: all) for one number."""
    found: dict[int, dict[str, str]] = {}
    for row in load_standings(session, [number_id]).get(number_id, []):
        found.setdefault(row.program_id or ALL_PROGRAMS, {})[row.purpose] = row.state
    return found
