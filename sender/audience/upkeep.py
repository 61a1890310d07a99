"""What people do to one contact: edit it, take a stop that came by phone or post, change its number.

None of these gives consent: a number that somebody else now has starts with nothing. Merging two: merging.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
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
from sender.models import ConsentEvent, Contact, Message
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
