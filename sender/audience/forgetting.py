"""What an erasure does to each table: which rows go, which lose their words, and which say nothing of anybody."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import phonenumbers
from sqlalchemy import String, cast, delete, func, literal, or_, select, update
from sqlmodel import Session, SQLModel, col

from sender.crypto import KeyFileError
from sender.db import Database, Pace
from sender.models import (
    ApiAnswer,
    Click,
    Contact,
    Conversation,
    Enrolment,
    Erasure,
    ErasureRequest,
    Event,
    ImportEntry,
    ImportRefusal,
    ImportRun,
    Message,
    OptInRequest,
    OwnPhone,
    Reply,
    ShortLink,
    Trial,
    WebhookEvent,
    Wishes,
)
from sender.runtime import Runtime

PAGE = 500


def _words_of_texts(session: Session, number_id: int) -> int:
    """Words and contact go from every text; its hash stays, to show somebody who has the words that they were ours."""
    mine = col(Message.number_id) == number_id
    session.execute(update(Message).where(mine).values(contact_id=None))
    said = mine, col(Message.text_cipher).is_not(None)
    return _changed(session.execute(update(Message).where(*said).values(text_cipher=None)))


def _words_of_replies(session: Session, number_id: int) -> int:
    mine = col(Reply.number_id) == number_id
    undecided = mine, col(Reply.state) != "done"
    session.execute(update(Reply).where(*undecided).values(state="done", decision="opt_out", decided_by="erasure"))
    said = mine, func.length(col(Reply.body_cipher)) > 0
    return _changed(session.execute(update(Reply).where(*said).values(body_cipher=b"", matched_cipher=b"")))


def _contact(session: Session, number_id: int) -> int:
    mine = select(col(Contact.id)).where(col(Contact.number_id) == number_id)
    session.execute(update(Trial).where(col(Trial.contact_id).in_(mine)).values(contact_id=None))
    session.execute(update(Message).where(col(Message.contact_id).in_(mine)).values(contact_id=None))
    return _changed(session.execute(delete(Contact).where(col(Contact.number_id) == number_id)))


def _import_entries(session: Session, number_id: int) -> int:
    """How it was before each import, and the samples of these, which show fields of a few people."""
    mine = select(col(ImportEntry.import_id)).where(col(ImportEntry.number_id) == number_id)
    last = select(col(Contact.import_id)).where(col(Contact.number_id) == number_id)
    of_them = or_(col(ImportRun.id).in_(mine), col(ImportRun.id).in_(last))
    for run in session.execute(select(ImportRun).where(of_them)).scalars():
        run.outlook = {name: value for name, value in run.outlook.items() if name != "samples"}
    session.flush()
    return _changed(session.execute(delete(ImportEntry).where(col(ImportEntry.number_id) == number_id)))


def _own_phones(session: Session, number_id: int) -> int:
    mine = select(col(OwnPhone.id)).where(col(OwnPhone.number_id) == number_id)
    session.execute(delete(Trial).where(col(Trial.own_phone_id).in_(mine)))
    return _changed(session.execute(delete(OwnPhone).where(col(OwnPhone.number_id) == number_id)))


def _wish_to_be_erased(session: Session, number_id: int) -> int:
    """What they asked for on their own page is done with this; that they asked is kept."""
    mine = col(ErasureRequest.number_id) == number_id, col(ErasureRequest.done_at).is_(None)
    asked = select(col(Erasure.asked_at), col(Erasure.asked_by)).where(col(Erasure.number_id) == number_id)
    row = session.execute(asked).first()
    if row is None:
        return 0
    return _changed(session.execute(update(ErasureRequest).where(*mine).values(done_at=row[0], done_by=row[1])))


def _events(session: Session, number_id: int) -> int:
    """What happened outside starts nothing any more; its data goes, and its name, which may say who it was."""
    mine = col(Event.number_id) == number_id
    nameless = literal("erased ") + cast(col(Event.id), String)
    session.execute(update(Event).where(mine).values(state="done", uid=nameless))
    told = mine, func.length(col(Event.data_cipher)) > 0
    return _changed(session.execute(update(Event).where(*told).values(data_cipher=b"")))


def _enrolments(session: Session, number_id: int) -> int:
    mine = col(Enrolment.number_id) == number_id, col(Enrolment.state).in_(("waiting", "aside"))
    return _changed(session.execute(update(Enrolment).where(*mine).values(state="left", why="erased")))


def _short_links(session: Session, number_id: int) -> int:
    mine = col(ShortLink.number_id) == number_id, func.length(col(ShortLink.target_cipher)) > 0
    return _changed(session.execute(update(ShortLink).where(*mine).values(target_cipher=b"")))


def _webhook_events(session: Session, number_id: int) -> int:
    """What is on its way to other software is not delivered any more; that it was is kept."""
    told = col(WebhookEvent.number_id) == number_id, func.length(col(WebhookEvent.body_cipher)) > 0
    return _changed(session.execute(update(WebhookEvent).where(*told).values(body_cipher=b"")))


def _rows_of(table: type[SQLModel]) -> Callable[[Session, int], int]:
    def forget(session: Session, number_id: int) -> int:
        mine = table.__table__.c.number_id == number_id  # type: ignore[attr-defined]
        return _changed(session.execute(delete(table).where(mine)))

    return forget


FORGET: dict[str, Callable[[Session, int], int]] = {
    "message": _words_of_texts,
    "reply": _words_of_replies,
    "import_entry": _import_entries,
    "contact": _contact,
    "conversation": _rows_of(Conversation),
    "opt_in_request": _rows_of(OptInRequest),
    "own_phone": _own_phones,
    "webhook_event": _webhook_events,
    "erasure_request": _wish_to_be_erased,
    "wishes": _rows_of(Wishes),
    "event": _events,
    "enrolment": _enrolments,
    "click": _rows_of(Click),
    "short_link": _short_links,
}
"""What is forgotten, by table. Whoever makes a table that names a number puts it here or into KEPT (a test asks)."""
KEPT = frozenset({"number", "consent_event", "consent_standing", "attempt", "erasure", "legal_hold"})
"""Tables whose rows of an erased number stay: there is no word in them that tells who it was."""
WITHOUT_NUMBER: tuple[tuple[type[SQLModel], str], ...] = ((ImportRefusal, "row_cipher"), (ApiAnswer, "body_cipher"))
"""Sealed with the installation's own key, and found only by opening them."""


def holding(
    runtime: Runtime, session: Session, table: type[SQLModel], column: str, digits: set[str]
) -> list[tuple[Any, ...]]:
    """The primary keys of the rows in which one of these numbers stands, in whatever spelling."""
    if not digits:
        return []
    cells: Any = table.__table__  # type: ignore[attr-defined]
    keys = list(cells.primary_key.columns)
    rows = session.execute(select(cells.c[column], *keys).execution_options(yield_per=PAGE))
    found = []
    for cipher, *key in rows:
        words = digits_of(_unwrapped(runtime, cipher))
        if any(one in words for one in digits):
            found.append(tuple(key))
    return found


def delete_rows(database: Database, table: type[SQLModel], keys: list[tuple[Any, ...]]) -> None:
    """Delete these rows in small transactions."""
    columns: Any = list(table.__table__.primary_key.columns)  # type: ignore[attr-defined]
    for start in range(0, len(keys), PAGE):
        with database.write(Pace.BULK) as session:
            some = [
                [column == value for column, value in zip(columns, key, strict=True)]
                for key in keys[start : start + PAGE]
            ]
            session.execute(delete(table).where(or_(*(_all(one) for one in some))))


def _all(conditions: list[Any]) -> Any:
    first, *rest = conditions
    for one in rest:
        first = first & one
    return first


def _unwrapped(runtime: Runtime, cipher: bytes) -> str:
    try:
        return runtime.keys.unwrap(cipher).decode("utf-8", "replace")
    except (KeyFileError, ValueError):
        return ""


def digits_of(text: str) -> str:
    """Only the digits, of whatever script."""
    if text.isascii():
        return re.sub(r"\D", "", text)
    return "".join(str(unicodedata.decimal(one)) for one in text if one.isdecimal())


def national(e164: str) -> str:
    """The digits every spelling of the number has; empty for what is no number."""
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return digits_of(e164)


def _changed(result: Any) -> int:
    return int(result.rowcount)
