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
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12
LENGTH = 32
KEY_NAMES = ("master", "number", "token", "session")


class KeyFileError(Exception):
    """The key file is missing, unreadable or does not fit the data; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Generation:
    """Secrets that were made together (32 bytes each). ``version`` counts from 1."""

    master: bytes
    number: bytes
    token: bytes
    session: bytes
    version: int = 1


class Keyring:
    """The installation's secrets: the newest generation makes, every living one finds, opens and verifies.

    One that was read from a file reads it again when the file changes, so that a rotation reaches running processes.
    """

    def __init__(
        self,
        master: bytes,
        number: bytes,
        token: bytes,
        session: bytes,
        version: int = 1,
        *,
        older: tuple[Generation, ...] = (),
        path: Path | None = None,
    ) -> None:
        self._living = (Generation(master, number, token, session, version), *older)
        self._path = path
        self._stamp = _stamp(path)

    @property
    def living(self) -> tuple[Generation, ...]:
        """Every generation, newest first."""
        stamp = _stamp(self._path)
        if self._path is not None and stamp not in (self._stamp, None):
            self._living, self._stamp = _read(self._path), stamp
        return self._living

    @property
    def version(self) -> int:
        """Which number key new rows are keyed by."""
        return self.living[0].version

    @property
    def session(self) -> bytes:
        """What cookies are signed with."""
        return self.living[0].session

    @property
    def fingerprint(self) -> str:
        """Names the newest generation without giving anything of it away (16 hex digits)."""
        return fingerprint(self.living[0])

    def number_key(self, e164: str) -> bytes:
        """The 32-byte look-up key that a new row of this number in E.164 gets."""
        return self.number_keys(e164)[0]

    def number_keys(self, e164: str) -> list[bytes]:
        """Every key under which a row of this number may be found, newest first."""
        return [hmac.digest(one.number, e164.encode(), "sha256") for one in self.living]

    def as_of_now(self) -> "Keyring":
        """The generations that live now, for one batch: looking at the key file for each row costs more than sealing.

        Hold it for no longer than a transaction: a rotation lets processes finish what they have begun for seconds.
        """
        newest, *older = self.living
        return Keyring(
            newest.master, newest.number, newest.token, newest.session, newest.version, older=tuple(older), path=None
        )

    def new_data_key(self) -> bytes:
        """A fresh data key, wrapped (60 bytes)."""
        return self.wrap(secrets.token_bytes(LENGTH))

    def wrap(self, plain: bytes) -> bytes:
        """Something of the installation itself, sealed with the newest master key."""
        nonce = os.urandom(NONCE)
        return nonce + _cipher(self.living[0].master).encrypt(nonce, plain, None)

    def unwrap(self, wrapped: bytes) -> bytes:
        """What :meth:`wrap` sealed, under any living master key; KeyFileError when none of them fits."""
        for one in self.living:
            with suppress(InvalidTag):
                return _cipher(one.master).decrypt(wrapped[:NONCE], wrapped[NONCE:], None)
        raise KeyFileError("The key file does not fit this database; put back the keys it was made with.")

    def is_newest(self, wrapped: bytes) -> bool:
        """Whether this was sealed with the newest master key."""
        with suppress(InvalidTag):
            unseal(self.living[0].master, wrapped)
            return True
        return False

    def sign(self, what: str, value: str) -> str:
        """A token of 22 URL-safe characters that proves we made ``value`` for the use ``what``."""
        return _short(hmac.digest(self.living[0].token, _signed(what, value), "sha256"))

    def signatures(self, what: str, value: str) -> list[str]:
        """What :meth:`sign` answers now, and what it answered before each rotation."""
        return [_short(digest) for digest in self.digests(_signed(what, value))]

    def digests(self, data: bytes) -> list[bytes]:
        """HMAC-SHA256 of the data under the token key of each generation, newest first."""
        return [hmac.digest(one.token, data, "sha256") for one in self.living]

    def verifies(self, what: str, value: str, signature: str) -> bool:
        """Whether ``signature`` is ours for this use and value; takes the same time either way."""
        return any(hmac.compare_digest(one, signature) for one in self.signatures(what, value))


@lru_cache(maxsize=16)
def _cipher(master: bytes) -> AESGCM:
    """A master key made ready: that alone takes twice as long as opening what it sealed."""
    return AESGCM(master)


def fingerprint(one: Generation) -> str:
    """Sixteen hex digits that name a generation."""
    return hmac.digest(one.master, b"fingerprint", "sha256").hex()[:16]


def _signed(what: str, value: str) -> bytes:
    return f"{what}\0{value}".encode()


def _short(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def _stamp(path: Path | None) -> tuple[int, int] | None:
    try:
        found = os.stat(path) if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino) if found else None


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
    path = key_path(home)
    _write(path, (_fresh(1),))
    return load_keys(home)


def load_keys(home: Path) -> Keyring:
    """Read the keys of an installation; KeyFileError names the file and the mend."""
    return load_key_file(key_path(home))


def load_key_file(path: Path) -> Keyring:
    """Read the keys in this file; KeyFileError names it and the mend."""
    newest, *older = _read(path)
    keys = (newest.master, newest.number, newest.token, newest.session, newest.version)
    return Keyring(*keys, older=tuple(older), path=path)


def install_keys(source: Path, home: Path) -> Keyring:
    """Put a copy of an exported key file in its place; KeyFileError where keys lie there already or it is damaged."""
    _write(key_path(home), _read(source))
    return load_keys(home)


def add_generation(home: Path) -> Keyring:
    """Put fresh keys in front of the living ones, in one step that a crash cannot halve."""
    path = key_path(home)
    living = _read(path)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    _write(fresh, (_fresh(living[0].version + 1), *living))
    fresh.replace(path)
    return load_keys(home)


def _fresh(version: int) -> Generation:
    return Generation(**{name: secrets.token_bytes(LENGTH) for name in KEY_NAMES}, version=version)


def _write(path: Path, living: tuple[Generation, ...]) -> None:
    newest, *older = (
        {"version": one.version, **{name: base64.b64encode(getattr(one, name)).decode() for name in KEY_NAMES}}
        for one in living
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileError(f"There are keys in {path} already; they are not written over.") from error
    with os.fdopen(descriptor, "w") as file:
        json.dump({**newest, "older": older}, file)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> tuple[Generation, ...]:
    try:
        body = json.loads(path.read_text())
        return tuple(_generation(one) for one in (body, *body.get("older", ())))
    except FileNotFoundError as error:
        first = "on a first start run `tactful db upgrade` or `tactful up`, which make it"
        raise KeyFileError(f"The key file {path} is missing; put back the exported copy of it, or {first}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyFileError(f"The key file {path} is damaged; put back the exported copy of it.") from error


def _generation(body: dict[str, Any]) -> Generation:
    secret = {name: base64.b64decode(body[name]) for name in KEY_NAMES}
    if any(len(one) != LENGTH for one in secret.values()):
        raise ValueError("a key has another length")
    return Generation(**secret, version=int(body["version"]))
