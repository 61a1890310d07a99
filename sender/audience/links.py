"""Opt-out links for from_numbers that cannot receive a STOP: short, signed, and naming nobody.

A token is 22 characters: number and program id (8 bytes) and 8 bytes of HMAC-SHA256, URL-safe base64.
"""

import base64
import binascii
import hmac
import struct

from sender.crypto import Keyring

_IDS = struct.Struct(">II")
TOKEN_LENGTH = 22


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


def _macs(keys: Keyring, ids: bytes) -> list[bytes]:
    """Newest first: a link from before a rotation goes on working for as long as its text lies in a phone."""
    return [digest[:8] for digest in keys.digests(b"opt-out\0" + ids)]
