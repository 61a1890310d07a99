"""Forget a person: contact and words gone, their number's key destroyed, their stop kept for good (GDPR 17, CCPA 105).

What stays is what the law asks to be kept (17(3)(b), (e)): the row of the number, known by its keyed hash alone, so
that no file brings the person back; the ledger's events, whose personal part cannot be read any more; and that texts
went, when, and why they were allowed, without their words.

    erase(runtime, number_id, actor="ana@example.org", why="asked by phone")      # in a transaction of its own
    erase_within(runtime, session, number_id, actor, why, source="preference_page")  # in yours; the number is locked

Where a text is still on its way the number itself is kept until its outcome is known, so that nothing on the wire is
lost track of; :func:`finish_erasures`, a step of the scheduler, does the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, SQLModel, col

from guards.base import Purpose
from sender.audience import erased_list
from sender.audience.erased_list import Listed
from sender.audience.forgetting import FORGET, WITHOUT_NUMBER, delete_rows, digits_of, holding, national
from sender.audience.holds import held_by
from sender.audience.ledger import Act, record
from sender.audience.numbers import SealedNumber
from sender.audience.opt_outs import settle
from sender.audit import note
from sender.crypto import KeyFileError
from sender.db import Database, Pace, upsert
from sender.locks import lock_numbers
from sender.models import Contact, Erasure, Message, Number, Reply
from sender.runtime import Runtime
from sender.states import ON_THE_WIRE, WAITING, Status, advance

AT_ONCE = 20_000
"""So many rows that name no number are looked through while somebody waits; more are left to the scheduler."""


class EraseError(Exception):
    """The person cannot be erased now; the sentence says why, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an erasure would do to one number, in numbers. ``held`` says why it may not be done; empty: it may."""

    contact: bool
    texts: int
    replies: int
    waiting: int
    on_the_wire: int
    held: str

    def sentences(self) -> list[str]:
        """The consequence, for the person who is about to do it."""
        words = f"the words of {_some(self.texts, 'text')} and of {_some(self.replies, 'reply')}"
        said = [
            f"{'The contact with all its fields, and ' if self.contact else 'Of this number '}{words} go for good.",
            f"{_some(self.waiting, 'planned text')} will not be sent.",
            "Their stop stays: a keyed hash of the number refuses every later import. Only they can come back.",
            "That texts went, and why they were allowed, stays on record without names and words.",
        ]
        if self.on_the_wire:
            said.append(
                f"{_some(self.on_the_wire, 'text')} on the way cannot be called back; the number itself is forgotten "
                "as soon as the outcome is known."
            )
        return said


@dataclass(frozen=True, slots=True)
class Erased:
    """What was forgotten, by kind; ``done`` is False while the number itself waits for a text on its way."""

    number_id: int
    counts: dict[str, int]
    done: bool


def outlook(session: Session, number_id: int) -> Outlook:
    """Say what erasing this number would do; writes nothing."""
    contact = session.execute(select(col(Contact.id)).where(col(Contact.number_id) == number_id)).scalar()
    return Outlook(
        contact is not None,
        _count(session, Message, number_id, col(Message.text_cipher).is_not(None)),
        _count(session, Reply, number_id, func.length(col(Reply.body_cipher)) > 0),
        len(_messages(session, number_id, WAITING)),
        len(_messages(session, number_id, ON_THE_WIRE)),
        held_by(session, number_id),
    )


def erase(runtime: Runtime, number_id: int, actor: str, why: str, source: str = "operator") -> Erased:
    """Erase a person in a transaction of its own; EraseError where a legal hold forbids it or they are gone already."""
    with runtime.db.write(Pace.URGENT) as session:
        lock_numbers(session, [number_id])
        counts = erase_within(runtime, session, number_id, actor, why, source)
    if _to_look_through(runtime.db) <= AT_ONCE:
        finish_erasures(runtime, number_id)
    with runtime.db.read() as session:
        return Erased(number_id, counts, session.get_one(Erasure, number_id).done_at is not None)


def erase_within(
    runtime: Runtime, session: Session, number_id: int, actor: str, why: str, source: str = "operator"
) -> dict[str, int]:
    """Erase in the caller's transaction, which holds the number's lock; returns what was forgotten, by kind.

    ``source`` is the ledger's: operator, api, or preference_page where the person does it. The number's own key goes
    with the next :func:`finish_erasures`, within seconds.
    """
    why = _checked(runtime, session, number_id, why)
    now = runtime.clock.now()
    by = "" if source == "preference_page" else actor
    act = Act(number_id, None, "opt_out", Purpose.MARKETING, now, source, attested_by=by, evidence={"erased": True})
    record(session, [act], now)
    counts = {"planned": _cancel(runtime, session, number_id)}
    settle(runtime, session, number_id, [None])
    columns = {"number_id": number_id, "asked_at": now, "asked_by": actor, "why": why, "done_at": None, "counts": {}}
    upsert(session, Erasure, [columns], ["number_id"])
    for kind, forget in FORGET.items():
        counts[kind] = forget(session, number_id)
    kept = {name: count for name, count in counts.items() if count}
    session.execute(update(Erasure).where(col(Erasure.number_id) == number_id).values(counts=kept))
    note(session, now, actor, "person.erase", f"number {number_id}", {"why": why, "source": source, **kept})
    return kept


def finish_erasures(runtime: Runtime, only: int | None = None) -> int:
    """Destroy the keys of erased numbers that nothing is on its way to any more; returns how many.

    Before that they go onto the list beside the keys, which outlives every restored backup, and rows that hold a number
    without naming it (refused rows, kept answers) are looked through.
    """
    with runtime.db.read() as session:
        going = select(col(Erasure.number_id)).where(col(Erasure.done_at).is_(None))
        ids = list(session.execute(going if only is None else going.where(col(Erasure.number_id) == only)).scalars())
        quiet = [number_id for number_id in ids if not _messages(session, number_id, ON_THE_WIRE)]
        found = {number_id: SealedNumber(*row) for number_id, row in _sealed(session, ids).items()}
        numbers = {number_id: _open(runtime, sealed) for number_id, sealed in found.items()}
        digits = {national(numbers[number_id]) for number_id in quiet if number_id in numbers} - {""}
        asked = _listed(runtime, numbers, _asked(session, ids))
        doomed = {table: holding(runtime, session, *table, digits) for table in WITHOUT_NUMBER}
    if asked:
        erased_list.add(runtime.settings.home, asked)
    for (table, _), keys in doomed.items():
        delete_rows(runtime.db, table, keys)
    return sum(_destroy(runtime, number_id) for number_id in quiet)


def _checked(runtime: Runtime, session: Session, number_id: int, why: str) -> str:
    if reason := held_by(session, number_id):
        raise EraseError(reason)
    number = session.get(Number, number_id)
    if number is None or not number.data_key:
        raise EraseError("Nothing personal of this number is left to erase.")
    if not why.strip():
        raise EraseError("Say why; it is kept in the audit.")
    if national(_open(runtime, SealedNumber(number.cipher, number.data_key))) in digits_of(why):
        raise EraseError("Leave the number out of the reason: it stays in the audit for good.")
    return why.strip()[:200]


def _destroy(runtime: Runtime, number_id: int) -> int:
    """The end: cipher and wrapped key are overwritten; what they sealed, here and in newer backups, is noise."""
    with runtime.db.write() as session:
        lock_numbers(session, [number_id])
        _cancel(runtime, session, number_id)
        going = session.get(Erasure, number_id)
        if going is None or going.done_at is not None or _messages(session, number_id, ON_THE_WIRE):
            return 0
        for forget in FORGET.values():
            forget(session, number_id)
        blank = {"cipher": b"", "data_key": b"", "area_code": None, "line_type": "unknown"}
        session.execute(update(Number).where(col(Number.id) == number_id).values(**blank))
        going.done_at = runtime.clock.now()
        return 1


def _cancel(runtime: Runtime, session: Session, number_id: int) -> int:
    now, real = runtime.clock.now(), runtime.clock.real()
    waiting = _messages(session, number_id, WAITING)
    return len(advance(session, waiting, Status.CANCELLED, now=now, real=real, reason="erased"))


def _messages(session: Session, number_id: int, states: frozenset[Status]) -> list[int]:
    mine = col(Message.number_id) == number_id, col(Message.status).in_([status.value for status in states])
    return [one or 0 for one in session.execute(select(col(Message.id)).where(*mine)).scalars()]


def _to_look_through(database: Database) -> int:
    with database.read() as session:
        return sum(session.execute(select(func.count()).select_from(table)).scalar_one() for table, _ in WITHOUT_NUMBER)


def _sealed(session: Session, number_ids: list[int]) -> dict[int, tuple[bytes, bytes]]:
    columns = col(Number.id), col(Number.cipher), col(Number.data_key)
    rows = session.execute(select(*columns).where(col(Number.id).in_(number_ids)))
    return {number_id or 0: (cipher, key) for number_id, cipher, key in rows}


def _asked(session: Session, number_ids: list[int]) -> dict[int, datetime]:
    columns = col(Erasure.number_id), col(Erasure.asked_at)
    return dict(session.execute(select(*columns).where(col(Erasure.number_id).in_(number_ids))).all())


def _listed(runtime: Runtime, numbers: Mapping[int, str], asked: Mapping[int, datetime]) -> dict[bytes, Listed]:
    """Under every living key: a backup of before a rotation knows the number by the older one."""
    people = [
        erased_list.under(runtime.keys.number_keys(numbers[one]), at) for one, at in asked.items() if numbers.get(one)
    ]
    return {key: one for person in people for key, one in person.items()}


def _open(runtime: Runtime, sealed: SealedNumber) -> str:
    try:
        return sealed.open(runtime.keys)
    except (KeyFileError, ValueError):
        return ""


def _count(session: Session, table: type[SQLModel], number_id: int, more: Any) -> int:
    mine = table.__table__.c.number_id == number_id  # type: ignore[attr-defined]
    return int(session.execute(select(func.count()).select_from(table).where(mine, more)).scalar_one())


def _some(count: int, thing: str) -> str:
    plural = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{count:,} {thing if count == 1 else plural}"


def erased_at(session: Session, number_id: int) -> datetime | None:
    """When this person's data was asked to be erased; None where nobody asked."""
    return session.execute(select(col(Erasure.asked_at)).where(col(Erasure.number_id) == number_id)).scalar()
