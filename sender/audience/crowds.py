"""Who a segment means right now: how many by standing, a few of them, and what is known about people at all.

Counts stop at ``AT_MOST``: a page must answer at once, and beyond it "more than" is what a person needs to know.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Subquery, and_, case, func, or_, select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience import segments
from sender.audience.clocks import clocks_of
from sender.audience.ledger import ALL_PROGRAMS
from sender.audience.nested_segments import written_out
from sender.audience.numbers import SealedNumber
from sender.audience.phone import mask
from sender.audience.segment_sql import meeting
from sender.crypto import Keyring
from sender.models import ConsentStanding, Contact, Number

AT_MOST = 50_000
LOOKED_AT = 300
"""Contacts that are read to learn which attributes there are."""
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many contacts a definition matches: ``may`` said yes, ``out`` said stop, ``held`` may have, ``none`` neither.

    ``capped`` says that there are more than were counted.
    """

    total: int
    may: int
    out: int
    held: int
    none: int
    capped: bool


@dataclass(frozen=True, slots=True)
class Face:
    """One contact as a person recognises it: a name where there is one, the masked number, and what is known.

    ``zones`` are those on whose clocks they may live.
    """

    contact_id: int
    name: str
    number: str
    place: str
    attributes: dict[str, Any]
    zones: tuple[str, ...] = ()


def count_by_standing(
    session: Session,
    definition: Mapping[str, Any],
    program_id: int,
    purpose: Purpose,
    now: datetime,
    at_most: int | None = AT_MOST,
) -> Crowd:
    """Count whom a definition matches by what they told this program, all of them with None. Raises SegmentError."""
    dialect = session.get_bind().dialect.name
    wanted = segments.where(segments.parse(written_out(session, definition)), now, dialect)
    some = meeting(select(col(Contact.number_id)), wanted).limit(None if at_most is None else at_most + 1)
    last = _last_words(some.subquery(), program_id, purpose)
    counted = select(last.c.state, func.count()).where(last.c.place == 1).group_by(last.c.state)
    rows = session.execute(counted).all()
    by_state = Counter(dict(rows))
    total = by_state.total()
    shown = total if at_most is None else min(total, at_most)
    return Crowd(shown, by_state["in"], by_state["out"], by_state["held"], by_state["none"], total > shown)


def _last_words(some: Subquery, program_id: int, purpose: Purpose) -> Subquery:
    """What each of these numbers told the program, the newest at place 1; a tie goes to the opt-out, as in the ledger.

    A join: PostgreSQL would ask a subquery anew for each person.
    """
    laxer = ("informational", "marketing") if purpose is Purpose.INFORMATIONAL else (purpose.value,)
    theirs = and_(
        col(ConsentStanding.number_id) == some.c.number_id,
        col(ConsentStanding.program_id).in_((ALL_PROGRAMS, program_id)),
        or_(
            col(ConsentStanding.purpose) == purpose.value,
            and_(col(ConsentStanding.state) == "in", col(ConsentStanding.purpose).in_(laxer)),
        ),
    )
    newest = (col(ConsentStanding.as_of).desc(), case((col(ConsentStanding.state) == "in", 1), else_=0))
    place = func.row_number().over(partition_by=some.c.number_id, order_by=newest).label("place")
    state = func.coalesce(col(ConsentStanding.state), "none").label("state")
    return select(state, place).select_from(some).outerjoin(ConsentStanding, theirs).subquery()


def sample(session: Session, definition: Mapping[str, Any], now: datetime, limit: int = 8) -> list[int]:
    """The ids of a few contacts whom a definition matches, the newest first. Raises SegmentError."""
    dialect = session.get_bind().dialect.name
    wanted = segments.where(segments.parse(written_out(session, definition)), now, dialect)
    newest = meeting(select(col(Contact.id)), wanted).order_by(col(Contact.id).desc()).limit(limit)
    return list(session.execute(newest).scalars())


def faces(session: Session, keys: Keyring, contact_ids: list[int]) -> list[Face]:
    """These contacts as a person recognises them, the newest first."""
    statement = (
        select(Contact, col(Number.cipher), col(Number.data_key), col(Number.country))
        .join(Number, col(Number.id) == col(Contact.number_id))
        .where(col(Contact.id).in_(contact_ids))
        .order_by(col(Contact.id).desc())
    )
    rows = session.execute(statement).all()
    return [_face(keys, contact, SealedNumber(cipher, key), country) for contact, cipher, key, country in rows]


def _face(keys: Keyring, contact: Contact, sealed: SealedNumber, country: str | None) -> Face:
    place = " · ".join(filter(None, (contact.region, contact.postal_code, country)))
    try:
        e164 = sealed.open(keys)
    except ValueError:
        e164 = ""
    number, zones = (mask(e164), clocks_of(e164, contact)) if e164 else ("erased", ())
    return Face(contact.id or 0, called(contact.attributes), number, place, dict(contact.attributes), zones)


def called(attributes: Mapping[str, Any]) -> str:
    """What a contact is called, from the attributes that usually hold it."""
    whole = attributes.get("name") or " ".join(
        str(attributes[part]) for part in ("first_name", "last_name") if attributes.get(part)
    )
    return str(whole or "")


def known_attributes(session: Session) -> dict[str, list[Any]]:
    """The attributes of the newest contacts, most frequent first, each with a few values as examples."""
    newest = select(col(Contact.attributes)).order_by(col(Contact.id).desc()).limit(LOOKED_AT)
    often: Counter[str] = Counter()
    values: dict[str, dict[Any, None]] = {}
    for attributes in session.execute(newest).scalars():
        for name, value in (attributes or {}).items():
            if isinstance(value, str | int | float | bool) and value != "":
                often[name] += 1
                values.setdefault(name, {})[value] = None
    return {name: list(values[name])[:EXAMPLES] for name, _ in often.most_common(40)}
