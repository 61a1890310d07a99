"""Contacts as a list, and as a file for whoever may take them out."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlmodel import Session, col

from sender.audience.crowds import called
from sender.audience.importing.refused import safe_cell
from sender.audience.numbers import SealedNumber
from sender.audience.phone import mask
from sender.crypto import KeyFileError, Keyring
from sender.models import Contact, Number

PAGE = 500
FEW = 10_000
"""So many contacts are found and ordered within the time of a page."""
Kind = tuple[str, str, str]
"""Country, region and language of contacts, "" where they have none."""
COLUMNS = ("number", "language", "postal_code", "region", "zone", "country", "attributes", "created_at")


@dataclass(frozen=True, slots=True)
class Line:
    """One contact in a list; the number is masked."""

    number_id: int
    name: str
    number: str
    place: str
    language: str
    line_type: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which contacts a list shows: of a country, of a region (as it is written), of a language; "" for any."""

    country: str = ""
    region: str = ""
    language: str = ""

    def meets(self, kind: Kind) -> bool:
        """Whether contacts of this kind are among them."""
        pairs = zip((self.country, self.region, self.language), kind, strict=True)
        return all(asked in ("", found) for asked, found in pairs)


EVERYBODY = Wanted()


@dataclass(frozen=True, slots=True)
class Kinds:
    """How many contacts there were of each country, region and language when it was counted."""

    at: datetime
    numbers: Mapping[Kind, int]

    def of(self, wanted: Wanted) -> int:
        """How many a list of these has."""
        return sum(number for kind, number in self.numbers.items() if wanted.meets(kind))

    def by(self, *places: int) -> list[tuple[tuple[str, ...], int]]:
        """The same by these places of a kind, most first, without what nobody has."""
        found: Counter[tuple[str, ...]] = Counter()
        for kind, number in self.numbers.items():
            if all(kind[place] for place in places):
                found[tuple(kind[place] for place in places)] += number
        return found.most_common()


def listing(
    session: Session,
    keys: Keyring,
    limit: int,
    offset: int,
    newest_first: bool = True,
    wanted: Wanted = EVERYBODY,
    known: int | None = None,
) -> list[Line]:
    """Contacts, newest first or oldest first; ``known`` is how many are ``wanted``, where that was counted.

    Few are found first and ordered then; many are walked in an order that an index has, until the page is full. The
    database alone would walk a million people to find a few that came at the other end.
    """
    key = _key(wanted)
    order = key.desc() if newest_first else key
    few = known is not None and known <= FEW
    some = _all_of(wanted) if few else _walk(wanted).order_by(order).limit(limit).offset(offset)
    ids = select(some.cte("some").prefix_with("MATERIALIZED").c.id)
    rows = _rows().where(key.in_(ids)).order_by(order)
    page = rows.limit(limit).offset(offset) if few else rows
    return [_line(keys, contact, number) for contact, number in session.execute(page)]


def kinds(session: Session, now: datetime) -> Kinds:
    """Count everybody by country, region and language."""
    fields = [func.coalesce(field, "") for field in (Number.country, Contact.region, Contact.language)]
    counted = select(*fields, func.count()).select_from(Contact)
    counted = counted.join(Number, col(Number.id) == col(Contact.number_id)).group_by(*fields)
    return Kinds(now, {(country, region, said): number for country, region, said, number in session.execute(counted)})


def count(session: Session) -> int:
    """How many contacts there are."""
    return int(session.execute(select(func.count(col(Contact.id)))).scalar_one())


def as_csv(session: Session, keys: Keyring) -> Iterator[str]:
    """Every contact with its number in plain as lines of CSV; no cell of it is a formula to a spreadsheet."""
    yield _csv_line(list(COLUMNS))
    last = 0
    while some := session.execute(_rows().where(col(Contact.id) > last).order_by(col(Contact.id)).limit(PAGE)).all():
        for contact, number in some:
            last = contact.id or 0
            plain = [getattr(contact, name) or "" for name in ("language", "postal_code", "region", "zone")]
            attributes = json.dumps(contact.attributes, ensure_ascii=False)
            made = contact.created_at.isoformat()
            yield _csv_line([_e164(keys, number), *plain, number.country or "", attributes, made])
        session.expunge_all()


def _key(wanted: Wanted) -> Any:
    """What the list is ordered by: an index has the numbers of a country in order, and contacts come with them."""
    return col(Number.id) if wanted.country and not wanted.region else col(Contact.id)


def _all_of(wanted: Wanted) -> Select[Any]:
    """The keys of all who are wanted, in no order."""
    country = [col(Number.country) == wanted.country] if wanted.country else []
    some = select(_key(wanted).label("id")).select_from(Contact)
    return some.join(Number, col(Number.id) == col(Contact.number_id)).where(*country, *_of_contact(wanted))


def _walk(wanted: Wanted) -> Select[Any]:
    """The same one by one: scalar subqueries, because PostgreSQL would merge two whole tables for a page of a join.

    They are compared by ">", of which it expects that many pass, so that it walks an index and sorts nothing.
    """
    ours = col(Number.id) == col(Contact.number_id)
    if wanted.country and not wanted.region:
        contact = select(col(Contact.id)).where(ours, *_of_contact(wanted)).scalar_subquery()
        return select(col(Number.id).label("id")).where(col(Number.country) == wanted.country, contact > 0)
    country = select(col(Number.country)).where(ours).scalar_subquery()
    there = [case((country == wanted.country, 1), else_=0) > 0] if wanted.country else []
    return select(col(Contact.id).label("id")).where(*_of_contact(wanted), *there)


def _of_contact(wanted: Wanted) -> list[ColumnElement[bool]]:
    pairs = ((Contact.region, wanted.region), (Contact.language, wanted.language))
    return [col(field) == asked for field, asked in pairs if asked]


def _rows() -> Select[Any, Any]:
    return select(Contact, Number).join(Number, col(Number.id) == col(Contact.number_id))


def _line(keys: Keyring, contact: Contact, number: Number) -> Line:
    e164 = _e164(keys, number)
    place = " · ".join(filter(None, (contact.region, contact.postal_code, number.country)))
    return Line(
        number.id or 0,
        called(contact.attributes),
        mask(e164) if e164 else "erased",
        place,
        contact.language or "",
        number.line_type,
        contact.created_at,
    )


def _e164(keys: Keyring, number: Number) -> str:
    try:
        return SealedNumber(number.cipher, number.data_key).open(keys)
    except (ValueError, KeyFileError):
        return ""


def _csv_line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


def number_of(session: Session, contact_id: int) -> int | None:
    """The number row of a contact that is still there."""
    return session.execute(select(col(Contact.number_id)).where(col(Contact.id) == contact_id)).scalar()
