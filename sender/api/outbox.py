"""Texts of the API afterwards: what became of one, all of them page by page, and taking one back while it waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Kind, Purpose
from sender.archive.past import decisions_of
from sender.audience.numbers import SealedNumber
from sender.crypto import Keyring, unseal
from sender.models import ApiKey, Decision, Message, Number, Program
from sender.runtime import Runtime
from sender.states import Status, advance

OPEN_TO_READ = frozenset({Purpose.TRANSACTIONAL.value, Purpose.INFORMATIONAL.value, Purpose.MARKETING.value})
"""Purposes whose words are shown again; a one-time code is nobody's business afterwards."""

ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Shown:
    """One text with its number in E.164, its words (None: a code), its program, and its last refusal, if any."""

    row: Message
    to: str
    text: str | None
    program: str
    refusal: Decision | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which texts: of a program, in a state, to a number (its row's id; None: any)."""

    program: str | None = None
    status: str | None = None
    number_id: int | None = None


def show_messages(session: Session, keys: Keyring, ids: Sequence[int]) -> list[Shown]:
    """These texts, in the order of the ids; those that are not there are left out."""
    statement = (
        select(Message, Number, col(Program.slug))
        .join(Number, col(Number.id) == col(Message.number_id))
        .join(Program, col(Program.id) == col(Message.program_id))
        .where(col(Message.id).in_(ids))
    )
    rows = session.execute(statement).all()
    refusals = {one.message_id: one for one in decisions_of(session, [row for row, _, _ in rows])}
    found = {row.id: _shown(keys, row, number, slug, refusals) for row, number, slug in rows}
    return [found[one] for one in ids if one in found]


def find_message(session: Session, key: ApiKey, message_id: int) -> int | None:
    """The id again, if it is a text of the API that this key may see: of its programs, test keys see tests alone."""
    statement = select(col(Message.id)).where(col(Message.id) == message_id, *_of_key(key))
    return session.execute(statement).scalar()


def list_messages(session: Session, key: ApiKey, wanted: Filter, before: int | None, limit: int) -> list[int]:
    """Ids of the key's texts, newest first, below ``before``."""
    statement = select(col(Message.id)).where(*_of_key(key))
    if wanted.program is not None:
        ids = select(col(Program.id)).where(col(Program.slug) == wanted.program)
        statement = statement.where(col(Message.program_id).in_(ids))
    if wanted.status is not None:
        statement = statement.where(col(Message.status) == wanted.status)
    if wanted.number_id is not None:
        statement = statement.where(col(Message.number_id) == wanted.number_id)
    if before is not None:
        statement = statement.where(col(Message.id) < before)
    rows = session.execute(statement.order_by(col(Message.id).desc()).limit(limit)).scalars()
    return [row for row in rows if row is not None]


def cancel_message(runtime: Runtime, session: Session, message_id: int) -> bool:
    """Take a waiting text back; False when it waits no longer."""
    now, real = runtime.clock.now(), runtime.clock.real()
    return bool(advance(session, [message_id], Status.CANCELLED, now=now, real=real, reason="cancelled_by_key"))


def _of_key(key: ApiKey) -> list[Any]:
    of_key: list[Any] = [col(Message.kind) == Kind.API.value, col(Message.is_test).is_(key.is_test)]
    if key.programs:
        of_key.append(col(Message.program_id).in_(key.programs))
    return of_key


def _shown(keys: Keyring, row: Message, number: Number, slug: str, refusals: Mapping[int, Decision]) -> Shown:
    if not number.data_key:
        return Shown(row, ERASED, None, slug, refusals.get(row.id or 0))
    sealed, text = SealedNumber(number.cipher, number.data_key), None
    if row.purpose in OPEN_TO_READ and row.text_cipher is not None:
        text = unseal(keys.unwrap(number.data_key), row.text_cipher).decode()
    return Shown(row, sealed.open(keys), text, slug, refusals.get(row.id or 0))
