"""Links that go into texts: short, signed, and naming nobody.

The token of an opt-out link, for from_numbers that cannot receive a STOP, is 22 characters: number and program id (8
bytes) and 8 bytes of HMAC-SHA256, URL-safe base64. That of a person's own page is 24: number id and the day on which
it ends (6 bytes), and 12 bytes of HMAC for a purpose of its own.
"""

import base64
import binascii
import hmac
import struct
from datetime import UTC, datetime

from sender.crypto import Keyring

_IDS = struct.Struct(">II")
TOKEN_LENGTH = 22
_UNTIL = struct.Struct(">IH")
OWN_PAGE_LENGTH = 24
OWN_PAGE_DAYS = 30
PLACEHOLDER = "{preferences}"
"""What stands in a program's fixed words for the link to the person's own page."""


def opt_out_token(keys: Keyring, number_id: int, program_id: int) -> str:
    """The token that lets its holder stop this program's texts to this number."""
    ids = _IDS.pack(number_id, program_id)
    return base64.urlsafe_b64encode(ids + _macs(keys, ids)[0]).rstrip(b"=").decode()


def read_opt_out_token(keys: Keyring, token: str) -> tuple[int, int] | None:
    """Number and program id, or None where the token is not ours."""
    try:
        raw = base64.urlsafe_b64decode(token + "==")
    except (binascii.Error, ValueError):
        return None
    ids, mac = raw[: _IDS.size], raw[_IDS.size :]
    if len(token) != TOKEN_LENGTH or not any(hmac.compare_digest(mac, one) for one in _macs(keys, ids)):
        return None
    number_id, program_id = _IDS.unpack(ids)
    return number_id, program_id


def own_page_link(keys: Keyring, address: str, number_id: int, now: datetime) -> str:
    """The link to a person's own page, good for some 30 days; ``number_id`` 0 gives one that leads nowhere."""
    return f"{address}/p/{own_page_token(keys, number_id, now)}"


def own_page_token(keys: Keyring, number_id: int, now: datetime) -> str:
    """The token that opens a person's own page until the end of the day (UTC) in 30 days."""
    ids = _UNTIL.pack(number_id, _day(now) + OWN_PAGE_DAYS)
    return base64.urlsafe_b64encode(ids + _own_page_macs(keys, ids)[0]).decode()


def read_own_page_token(keys: Keyring, token: str, now: datetime) -> int | None:
    """The number's id, or None where the token is not ours or its days are over."""
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    ids, mac = raw[: _UNTIL.size], raw[_UNTIL.size :]
    if len(token) != OWN_PAGE_LENGTH or not any(hmac.compare_digest(mac, one) for one in _own_page_macs(keys, ids)):
        return None
    number_id, until = _UNTIL.unpack(ids)
    return number_id if _day(now) <= until else None


def _day(now: datetime) -> int:
    return int(now.astimezone(UTC).timestamp()) // 86_400


def _own_page_macs(keys: Keyring, ids: bytes) -> list[bytes]:
    return [digest[:12] for digest in keys.digests(b"own page\0" + ids)]


def _macs(keys: Keyring, ids: bytes) -> list[bytes]:
    """Newest first: a link from before a rotation goes on working for as long as its text lies in a phone."""
    return [digest[:8] for digest in keys.digests(b"opt-out\0" + ids)]
