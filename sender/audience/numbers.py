"""Number rows: found by keyed hash, made on import and on the first inbound text, sealed with a key of their own."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import exists, func, or_, select, update
from sqlmodel import Session, col

from sender.among import among
from sender.crypto import LENGTH, Keyring, seal, unseal
from sender.db import insert_new, next_ids, run_below
from sender.models import Erasure, Number

CHUNK = 500
RENEWED = ("cipher", "data_key", "area_code", "line_type")


class Dialled(Protocol):
    """What a number row needs of a parsed phone number."""

    @property
    def e164(self) -> str:
        """The one spelling, "+14155550123"."""
        ...

    @property
    def region(self) -> str | None:
        """ISO 3166-1 country, or None where the number has none."""
        ...

    @property
    def line_type(self) -> str:
        """Such as "mobile" or "fixed_line"."""
        ...


@dataclass(frozen=True, slots=True)
class SealedNumber:
    """What is needed to read a number again: its cipher and its wrapped data key."""

    cipher: bytes
    data_key: bytes

    def open(self, keys: Keyring) -> str:
        """The number in E.164."""
        return unseal(keys.unwrap(self.data_key), self.cipher).decode()


def find(session: Session, keys: Keyring, e164: str) -> int | None:
    """The id of a number's row, or None where nobody with it was ever met."""
    return session.execute(select(col(Number.id)).where(col(Number.key).in_(keys.number_keys(e164)))).scalar()


def known_among(session: Session, keys: Keyring, e164s: Collection[str]) -> dict[str, int]:
    """The ids of those of these numbers that have a row, by E.164."""
    steady = keys.as_of_now()
    by_key = {key: e164 for e164 in e164s for key in steady.number_keys(e164)}
    return {by_key[key]: number_id for key, number_id in _ids(session, list(by_key)).items()}


@dataclass(frozen=True, slots=True)
class Sought:
    """Numbers that were looked for: the ids of those that have a row (by E.164), and sealed rows for the others.

    ``e164`` names every key. ``version`` is that of the keys: rows made with older ones may be of no use.
    """

    known: dict[str, int]
    missing: list[dict[str, Any]]
    e164: dict[bytes, str]
    version: int


def find_or_make(session: Session, keys: Keyring, phones: Collection[Dialled], now: datetime) -> dict[str, int]:
    """The ids of the rows of these numbers, by E.164; rows that were missing are made in the open transaction."""
    return make(session, seek(session, keys, phones, now)).ids


def seek(session: Session, keys: Keyring, phones: Collection[Dialled], now: datetime) -> Sought:
    """Look these numbers up and seal a row for each that has none; nothing is written."""
    steady = keys.as_of_now()
    own = {phone.e164: steady.number_keys(phone.e164) for phone in phones}
    by_key = {key: e164 for e164, living in own.items() for key in living}
    known = {by_key[key]: number_id for key, number_id in _ids(session, list(by_key)).items()}
    missing = {phone.e164: phone for phone in phones if phone.e164 not in known}
    rows = [_row(steady, own[e164][0], phone, now) for e164, phone in missing.items()]
    return Sought(known, rows, by_key, steady.version)


@dataclass(frozen=True, slots=True)
class Made:
    """The ids of numbers by E.164; of those in ``own`` this very transaction made the row: nobody else knows them."""

    ids: dict[str, int]
    own: frozenset[int] = frozenset()


def make(session: Session, sought: Sought) -> Made:
    """Write the rows that were missing, but for those that somebody else has made meanwhile."""
    if not sought.missing:
        return Made(sought.known)
    ids = next_ids(session, Number, len(sought.missing))
    made = {row["key"]: number_id for row, number_id in zip(sought.missing, ids, strict=True)}
    rows = [{"id": made[row["key"]], **row} for row in sought.missing]
    written = insert_new(session, Number, rows, strange=True)
    there = made if written == len(made) else _ids(session, list(made))
    own = frozenset(number_id for key, number_id in there.items() if made[key] == number_id)
    return Made(sought.known | {sought.e164[key]: number_id for key, number_id in there.items()}, own)


_NUMBERS = Number.__table__  # type: ignore[attr-defined]
_BY_KEY = select(_NUMBERS.c.key, _NUMBERS.c.id).where(among(_NUMBERS.c.key, "keys"))


def erased_among(session: Session, number_ids: Collection[int]) -> set[int]:
    """Those of these numbers whose person's data was erased, or is being erased, and who have not come back since."""
    found: set[int] = set()
    wanted = sorted(number_ids)
    going = exists().where(col(Erasure.number_id) == col(Number.id), col(Erasure.done_at).is_(None))
    gone = or_(func.length(col(Number.data_key)) == 0, going)
    statement = select(col(Number.id)).where(among(col(Number.id), "ids"), gone)
    for start in range(0, len(wanted), CHUNK):
        asked = {"ids": wanted[start : start + CHUNK]}
        found |= {one or 0 for one in session.execute(statement, asked).scalars()}
    return found


def renew(session: Session, keys: Keyring, number_id: int, phone: Dialled, now: datetime) -> None:
    """Let somebody back in who was erased and comes by an act of their own: their row gets a data key again.

    For doors where the person acts: an inbound text, a form, a code asked for. No import, key or colleague may. The
    opt-out stays until they lift it. Callers hold the number's lock.
    """
    if number_id not in erased_among(session, [number_id]):
        return
    fresh = {name: value for name, value in _row(keys, b"", phone, now).items() if name in RENEWED}
    session.execute(update(Number).where(col(Number.id) == number_id).values(**fresh))
    going = col(Erasure.number_id) == number_id, col(Erasure.done_at).is_(None)
    session.execute(update(Erasure).where(*going).values(done_at=now))


def _ids(session: Session, number_keys: list[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for start in range(0, len(number_keys), CHUNK):
        found.update(run_below(session, _BY_KEY, {"keys": number_keys[start : start + CHUNK]}).all())
    return found


def _row(keys: Keyring, key: bytes, phone: Dialled, now: datetime) -> dict[str, Any]:
    plain = secrets.token_bytes(LENGTH)
    north_american = phone.e164.startswith("+1") and len(phone.e164) == 12
    return {
        "key": key,
        "key_version": keys.version,
        "cipher": seal(plain, phone.e164.encode()),
        "data_key": keys.wrap(plain),
        "country": phone.region,
        "area_code": phone.e164[2:5] if north_american else None,
        "line_type": phone.line_type,
        "state": "ok",
        "state_reason": "",
        "created_at": now,
    }
