"""The baselines of importing, planning and taking receipts: what one would write first, with the same libraries.

No encryption, no consent, no guards, no hold against a kill half-way; one table each, in the same database.
"""

import csv
from pathlib import Path

import jinja2
import phonenumbers
from sqlalchemy import Integer, String, func, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from sender.bench.child import Work
from sender.cli.common import load_settings
from sender.db import Database

SLICE = 500
TEMPLATE = "Larkfield: Hello {{ first_name }}, 20 % off today at {{ city }}. Reply STOP to opt out"


class Base(DeclarativeBase):
    """Tables of their own, apart from the product's."""


class PlainContact(Base):
    """A person as a row."""

    __tablename__ = "plain_contact"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[str] = mapped_column(String, unique=True)
    first_name: Mapped[str]
    city: Mapped[str]


class PlainText(Base):
    """A text to be sent as a row."""

    __tablename__ = "plain_text"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    contact_id: Mapped[int] = mapped_column(Integer, index=True)
    text: Mapped[str]
    status: Mapped[str] = mapped_column(String, index=True)


class PlainReceipt(Base):
    """A status callback as a row."""

    __tablename__ = "plain_receipt"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    sid: Mapped[str] = mapped_column(String, index=True)
    status: Mapped[str]


def make_tables(database: Database) -> None:
    """Make them beside the product's."""
    Base.metadata.create_all(database.engine)


def queue_again(database: Database) -> None:
    """Let every text be sent once more."""
    with database.write() as session:
        session.execute(update(PlainText).values(status="queued"))


def count_sent(database: Database) -> int:
    """How many texts are marked as sent."""
    with database.read() as session:
        return int(session.execute(select(func.count()).where(PlainText.status == "sent")).scalar_one())


def drop_tables(database: Database) -> None:
    """Remove them again."""
    Base.metadata.drop_all(database.engine)


def prepare_import(contacts: str) -> Work:
    """The work of reading the file, checking each number and inserting it, 500 rows a transaction."""
    database = Database(load_settings().database)

    def work() -> int:
        with Path(contacts).open(encoding="utf-8", newline="") as file:
            rows = [row for row in map(_checked, csv.DictReader(file)) if row]
        for start in range(0, len(rows), SLICE):
            with database.write() as session:
                session.execute(insert(PlainContact), rows[start : start + SLICE])
        return len(rows)

    return work


def _checked(row: dict[str, str]) -> dict[str, str] | None:
    number = phonenumbers.parse(row["phone"], "US")
    if not phonenumbers.is_valid_number(number):
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return {"number": e164, "first_name": row["first_name"], "city": row["city"]}


def prepare_plan() -> Work:
    """The work of rendering a text for each contact and keeping it as an object of the ORM, 500 a transaction."""
    database, template = Database(load_settings().database), jinja2.Environment(autoescape=True).from_string(TEMPLATE)

    def work() -> int:
        with database.read() as reading:
            contacts = list(reading.execute(select(PlainContact)).scalars())
            for start in range(0, len(contacts), SLICE):
                with Session(database.engine) as session:
                    session.add_all(_text(template, contact) for contact in contacts[start : start + SLICE])
                    session.commit()
        return len(contacts)

    return work


def _text(template: jinja2.Template, contact: PlainContact) -> PlainText:
    words = template.render(first_name=contact.first_name, city=contact.city)
    return PlainText(contact_id=contact.id, text=words, status="queued")
