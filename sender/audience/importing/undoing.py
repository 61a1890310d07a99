"""Take an import back: former fields return, consent is withdrawn in the ledger, opt-outs stay.

Possible until a text has gone to somebody in it. It goes in slices like the import itself; what a slice has taken back
is no longer in ``import_entry``, so a killed undo goes on where it stopped.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlmodel import Session, col

from sender.audience.importing.options import FileRefused
from sender.audience.importing.writing import PLAIN
from sender.audience.withdrawals import withdraw
from sender.audit import note
from sender.clock import Clock
from sender.db import Database, Pace
from sender.locks import lock_numbers
from sender.models import ArchivePage, Attempt, ConsentEvent, Contact, ImportEntry, ImportRun, Message
from sender.states import REACHED_PROVIDER, Status

COUNTED = 1_000
"""One text is enough to refuse; counting all of a million people's would take a page seconds."""
SLICE = 100
ATTRIBUTE = "attributes."


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: contacts ``removed`` and ``restored``, those ``kept`` because they were used, ``withdrawn``."""

    removed: int
    restored: int
    kept: int
    withdrawn: int


def why_not(session: Session, import_id: int) -> str:
    """The sentence that says why an import cannot be undone; empty where it can."""
    run = session.get(ImportRun, import_id)
    if run is None:
        return f"There is no import {import_id}."
    if run.status not in ("finished", "undoing"):
        return f"Import {import_id} is {run.status}; only a finished one can be undone."
    if run.status == "undoing":
        return ""
    mine = select(col(ImportEntry.number_id)).where(col(ImportEntry.import_id) == import_id)
    if session.execute(mine.limit(1)).scalar() is None and run.counts.get("rows", 0) > run.counts.get("refused", 0):
        return f"Import {import_id} kept no record of what it changed, so it cannot be undone."
    sent = _sent(session, run)
    if not sent:
        return ""
    texts = "1 text has" if sent == 1 else f"{'At least ' if sent == COUNTED else ''}{sent:,} texts have"
    return (
        f"{texts} gone to people of this import since, so it can no longer be undone; "
        "who should get no more can be opted out."
    )


def undo(db: Database, clock: Clock, import_id: int, by: str) -> Undone:
    """Undo a finished import. FileRefused with one sentence, and nothing undone, where that is no longer possible."""
    begin_undo(db, clock, import_id, by)
    total: Counter[str] = Counter()
    while some := undo_slice(db, clock, import_id, by):
        total += some
    return Undone(total["removed"], total["restored"], total["kept"], total["withdrawn"])


def begin_undo(db: Database, clock: Clock, import_id: int, by: str) -> None:
    """Mark the import as being undone; FileRefused where it cannot be."""
    with db.write() as session:
        if reason := why_not(session, import_id):
            raise FileRefused(reason)
        run = session.get_one(ImportRun, import_id)
        run.status, run.touched_at, run.outlook = "undoing", None, {**run.outlook, "undone_by": by}
        note(session, clock.now(), by, "import.undo", f"import {import_id}")


def undo_slice(db: Database, clock: Clock, import_id: int, by: str) -> Counter[str]:
    """Undo some numbers; empty, and the import marked as undone, when none is left."""
    now = clock.now()
    with db.write(Pace.BULK) as session:
        wanted = select(ImportEntry).where(col(ImportEntry.import_id) == import_id)
        entries = list(session.execute(wanted.order_by(col(ImportEntry.number_id)).limit(SLICE)).scalars())
        run = session.get_one(ImportRun, import_id)
        if not entries:
            run.status, run.touched_at = "undone", now
            return Counter()
        ids = [entry.number_id for entry in entries]
        lock_numbers(session, ids)
        counts = _contacts(session, run, entries, now)
        why = f"import {import_id} was undone"
        counts["withdrawn"] = withdraw(session, _events(session, run, ids), by, why, now)
        session.execute(delete(ImportEntry).where(col(ImportEntry.import_id) == import_id, _in(ImportEntry, ids)))
        return counts


def _sent(session: Session, run: ImportRun) -> int:
    mine = select(col(Attempt.id)).join(ImportEntry, col(ImportEntry.number_id) == col(Attempt.number_id))
    since = col(Attempt.gated_at) >= run.started_at, col(Attempt.outcome) != "refuted"
    some = mine.where(col(ImportEntry.import_id) == run.id, *since).limit(COUNTED).subquery()
    sent = int(session.execute(select(func.count()).select_from(some)).scalar_one())
    return sent if sent == COUNTED else min(COUNTED, sent + _archived(session, run))


def _archived(session: Session, run: ImportRun) -> int:
    """Texts that passed the gate so long ago that their attempts lie in the archive: the message says that it did.

    Messages are read only where the archive has grown since the import: no index leads to those that lie in it.
    """
    packed = exists().where(col(ArchivePage.packed_at) >= run.started_at)
    if not session.execute(select(packed)).scalar_one():
        return 0
    mine = select(col(Message.id)).join(ImportEntry, col(ImportEntry.number_id) == col(Message.number_id))
    passed = (
        col(Message.archive_page).is_not(None),
        col(Message.status).in_([*REACHED_PROVIDER, Status.FAILED]),
        func.coalesce(col(Message.sent_at), col(Message.final_at)) >= run.started_at,
    )
    some = mine.where(col(ImportEntry.import_id) == run.id, *passed).limit(COUNTED).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def _in(table: Any, ids: Sequence[int]) -> Any:
    return col(table.number_id).in_(ids)


def _events(session: Session, run: ImportRun, ids: Sequence[int]) -> list[ConsentEvent]:
    mine = _in(ConsentEvent, ids), col(ConsentEvent.source) == "import", col(ConsentEvent.kind) == "opt_in"
    found = session.execute(select(ConsentEvent).where(*mine)).scalars()
    return [event for event in found if event.evidence.get("import_id") == run.id]


def _contacts(session: Session, run: ImportRun, entries: Sequence[ImportEntry], now: datetime) -> Counter[str]:
    ids = [entry.number_id for entry in entries]
    contacts = {one.number_id: one for one in session.execute(select(Contact).where(_in(Contact, ids))).scalars()}
    used = _used(session, [contact.id or 0 for contact in contacts.values()])
    counts: Counter[str] = Counter()
    for entry in entries:
        contact = contacts.get(entry.number_id)
        if contact is not None:
            counts[_take_back(session, run, contact, entry.was, contact.id in used, now)] += 1
    session.flush()
    return counts


def _take_back(
    session: Session, run: ImportRun, contact: Contact, was: Mapping[str, Any] | None, is_used: bool, now: datetime
) -> str:
    if was is not None:
        return _restore(contact, was, now)
    touched = contact.import_id != run.id or (run.finished_at is not None and contact.changed_at > run.finished_at)
    if touched or is_used:
        return "kept"
    session.delete(contact)
    return "removed"


def _restore(contact: Contact, was: Mapping[str, Any], now: datetime) -> str:
    """Give each field its former value, unless somebody has changed it since."""
    attributes, fields = dict(contact.attributes), 0
    for name, (before, after) in was.items():
        if name.startswith(ATTRIBUTE):
            key = name.removeprefix(ATTRIBUTE)
            if attributes.get(key) == after:
                fields += 1
                attributes = {**attributes, key: before} if before is not None else _without(attributes, key)
        elif getattr(contact, name) == after:
            fields += name in PLAIN
            setattr(contact, name, before)
    if fields:
        contact.attributes, contact.changed_at = attributes, now
    return "restored" if fields else "unchanged"


def _without(attributes: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name != key}


def _used(session: Session, contact_ids: Sequence[int]) -> set[int | None]:
    """Contacts that messages point at: history is not torn."""
    column = col(Message.contact_id)
    return set(session.execute(select(column).where(column.in_(contact_ids)).distinct()).scalars())
