"""Number rows: found by keyed hash, made on import and on the first inbound text, sealed with a key of their own."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlmodel import Session, col

from sender.crypto import Keyring, seal, unseal
from sender.db import insert_new
from sender.models import Number

CHUNK = 500


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


def find_or_make(session: Session, keys: Keyring, phones: Collection[Dialled], now: datetime) -> dict[str, int]:
    """The ids of the rows of these numbers, by E.164; rows that were missing are made in the open transaction."""
    by_key = {key: phone.e164 for phone in phones for key in keys.number_keys(phone.e164)}
    known = {by_key[key]: number_id for key, number_id in _ids(session, list(by_key)).items()}
    missing = {keys.number_key(phone.e164): phone for phone in phones if phone.e164 not in known}
    insert_new(session, Number, [_row(keys, key, phone, now) for key, phone in missing.items()])
    made = {by_key[key]: number_id for key, number_id in _ids(session, list(missing)).items()}
    return known | made


def _ids(session: Session, number_keys: list[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for start in range(0, len(number_keys), CHUNK):
        some = number_keys[start : start + CHUNK]
        rows = session.execute(select(col(Number.key), col(Number.id)).where(col(Number.key).in_(some)))
        found.update({key: number_id for key, number_id in rows if number_id is not None})
    return found


def _row(keys: Keyring, key: bytes, phone: Dialled, now: datetime) -> dict[str, object]:
    data_key = keys.new_data_key()
    north_american = phone.e164.startswith("+1") and len(phone.e164) == 12
    return {
        "key": key,
        "key_version": keys.version,
        "cipher": seal(keys.unwrap(data_key), phone.e164.encode()),
        "data_key": data_key,
        "country": phone.region,
        "area_code": phone.e164[2:5] if north_american else None,
        "line_type": phone.line_type,
        "state": "ok",
        "state_reason": "",
        "created_at": now,
    }
