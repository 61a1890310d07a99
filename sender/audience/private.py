"""What the evidence of a consent event says about a person, sealed: the chain holds its ciphertext, for good.

The ledger is append-only, so what must be forgotten one day goes into it only under the data key of its number.
Destroying that key makes it unreadable, and every hash of the chain still fits (design D5).

    act = Act(…, evidence=private.sealed(runtime.keys, session, number_id, {"ip": "192.0.2.1"}, page="/join/acme"))
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import select
from sqlmodel import Session, col

from sender.crypto import KeyFileError, Keyring, seal, unseal
from sender.models import Number

SEALED = "sealed"


def sealed(
    keys: Keyring, session: Session, number_id: int, personal: Mapping[str, Any], **plain: Any
) -> dict[str, Any]:
    """Evidence of an act: ``personal`` (JSON values) sealed under the number's key, ``plain`` beside it.

    Of a number whose data was erased the personal part is not kept at all.
    """
    wrapped = session.execute(select(col(Number.data_key)).where(col(Number.id) == number_id)).scalar_one()
    if not personal or not wrapped:
        return plain
    cipher = seal(keys.unwrap(wrapped), json.dumps(dict(personal), ensure_ascii=False).encode())
    return {**plain, SEALED: base64.b64encode(cipher).decode()}


def opened(data_key: bytes | None, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The same evidence to be read; what cannot be opened any more says so."""
    said = {name: value for name, value in evidence.items() if not name.endswith(SEALED)}
    for name in evidence.keys() - said.keys():
        said |= _told(name, _opened(data_key, evidence[name]))
    return said


def _told(name: str, words: str | None) -> dict[str, Any]:
    """One sealed part, read: what is named "visit_sealed" is told as "visit"."""
    if words is None:
        return {name: "erased"}
    try:
        found = json.loads(words)
    except ValueError:
        found = words
    inner = name.removesuffix(f"_{SEALED}")
    return found if name == SEALED and isinstance(found, dict) else {inner: found}


def _opened(data_key: bytes | None, sealed: str) -> str | None:
    try:
        return unseal(data_key or b"", base64.b64decode(sealed)).decode()
    except (InvalidTag, ValueError):
        return None


def data_key_of(keys: Keyring, number: Number | None) -> bytes | None:
    """The key that opens what is sealed for this number; None where it was destroyed."""
    try:
        return keys.unwrap(number.data_key) if number else None
    except (ValueError, KeyFileError):
        return None
