"""Keys of an installation: numbers are found by HMAC, everything personal is sealed with a data key per number.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce in front of each ciphertext. A data key is wrapped by the
master key; destroying the wrapped key erases what it sealed. Tokens are HMAC-SHA256, cut to 128 bits.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12
KEY_NAMES = ("master", "number", "token", "session")


class KeyFileError(Exception):
    """The key file is missing, unreadable or does not fit the data; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The installation's secrets (32 bytes each). ``version`` names the number key that new rows are keyed by."""

    master: bytes
    number: bytes
    token: bytes
    session: bytes
    version: int = 1

    def number_key(self, e164: str) -> bytes:
        """The 32-byte look-up key of a number in E.164."""
        return hmac.digest(self.number, e164.encode(), "sha256")

    def new_data_key(self) -> bytes:
        """A fresh data key, wrapped (60 bytes)."""
        return seal(self.master, secrets.token_bytes(32))

    def unwrap(self, wrapped: bytes) -> bytes:
        """The 32-byte data key; KeyFileError when the master key is another one."""
        try:
            return unseal(self.master, wrapped)
        except InvalidTag as error:
            raise KeyFileError(
                "The key file does not fit this database; put back the keys it was made with."
            ) from error

    def sign(self, what: str, value: str) -> str:
        """A token of 22 URL-safe characters that proves we made ``value`` for the use ``what``."""
        digest = hmac.digest(self.token, f"{what}\0{value}".encode(), "sha256")[:16]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def verifies(self, what: str, value: str, signature: str) -> bool:
        """Whether ``signature`` is ours for this use and value; takes the same time either way."""
        return hmac.compare_digest(self.sign(what, value), signature)


def seal(key: bytes, plain: bytes) -> bytes:
    """Nonce and ciphertext of ``plain``."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, None)


def unseal(key: bytes, sealed: bytes) -> bytes:
    """The plain bytes; InvalidTag when the key is wrong or a bit has changed."""
    return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], None)


def text_hash(text: str) -> bytes:
    """SHA-256 of the exact words, 32 bytes: what was approved, planned and sent must agree."""
    return hashlib.sha256(text.encode()).digest()


def key_path(home: Path) -> Path:
    """Where the keys of an installation lie."""
    return home / "keys.json"


def make_keys(home: Path) -> Keyring:
    """Write fresh keys with mode 0600 into an existing folder and return them; never overwrites."""
    fresh = {name: secrets.token_bytes(32) for name in KEY_NAMES}
    body = {name: base64.b64encode(value).decode() for name, value in fresh.items()}
    descriptor = os.open(key_path(home), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"version": 1, **body}, file)
        file.flush()
        os.fsync(file.fileno())
    return Keyring(fresh["master"], fresh["number"], fresh["token"], fresh["session"])


def load_keys(home: Path) -> Keyring:
    """Read the keys of an installation; KeyFileError names the file and the mend."""
    path = key_path(home)
    try:
        body = json.loads(path.read_text())
        master, number, token, session = (base64.b64decode(body[name]) for name in KEY_NAMES)
        return Keyring(master, number, token, session, int(body["version"]))
    except FileNotFoundError as error:
        raise KeyFileError(f"The key file {path} is missing; put back the exported copy of it.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeyFileError(f"The key file {path} is damaged; put back the exported copy of it.") from error
