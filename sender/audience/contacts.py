"""Contacts as a list, and as a file for whoever may take them out."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlmodel import Session, col

from sender.audience.crowds import called
from sender.audience.importing.refused import safe_cell
from sender.audience.numbers import SealedNumber
from sender.audience.phone import mask
from sender.crypto import KeyFileError, Keyring
from sender.models import Contact, Number

PAGE = 500
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


def listing(session: Session, keys: Keyring, limit: int, offset: int, newest_first: bool = True) -> list[Line]:
    """Contacts, newest first or oldest first."""
    by = col(Contact.id).desc() if newest_first else col(Contact.id)
    newest = _rows().order_by(by).limit(limit).offset(offset)
    return [_line(keys, contact, number) for contact, number in session.execute(newest)]


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
