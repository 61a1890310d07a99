"""A sealed stream: a readable first line, then compressed frames that cannot be read, changed, cut or swapped.

AES-256-GCM under a key of this file's own (HKDF-SHA256 of the master key and a random salt), so the frame's number may
be its nonce. Each frame is bound to the first line and says whether it is the last.
"""

import json
import os
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sender.crypto import Keyring, fingerprint

MAGIC = "tactful-backup-1"
FRAME = 1 << 20
LONGEST_FRAME = 1 << 28
LONGEST_LINE = 1 << 16


class BackupError(Exception):
    """This backup cannot be written, read or put back; the sentence says why and what to do."""


class SealedWriter:
    """Takes lines and seals them into ``file``; nothing counts as a backup before :meth:`close`."""

    def __init__(self, file: IO[bytes], keys: Keyring, head: dict[str, Any]) -> None:
        salt = secrets.token_bytes(32)
        body = {"format": MAGIC, "keys": keys.fingerprint, "salt": salt.hex(), **head}
        self._head = json.dumps(body, sort_keys=True).encode() + b"\n"
        self._cipher = AESGCM(_file_key(keys.living[0].master, salt))
        self._file = file
        self._count = 0
        self._lines: list[bytes] = []
        self._size = 0
        file.write(self._head)

    def write(self, line: bytes) -> None:
        """Add one line (without its end)."""
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size >= FRAME:
            self._flush(b"more")

    def close(self) -> None:
        """Seal what is left as the last frame, and have the disk hold it."""
        self._flush(b"last")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _flush(self, place: bytes) -> None:
        plain = zlib.compress(b"\n".join(self._lines), 6)
        sealed = self._cipher.encrypt(self._count.to_bytes(12, "big"), plain, self._head + place)
        self._file.write(len(sealed).to_bytes(4, "big") + sealed)
        self._count, self._lines, self._size = self._count + 1, [], 0


def read_head(path: Path) -> dict[str, Any]:
    """The readable first line: ``keys``, ``made_at``, ``schema``; BackupError when this is no backup of ours."""
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline(LONGEST_LINE))
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError:
        head = None
    if not isinstance(head, dict) or head.get("format") != MAGIC:
        raise BackupError(f"{path} is no backup that Tactful wrote.")
    return head


def read_lines(path: Path, keys: Keyring) -> Iterator[bytes]:
    """Every line of a sealed stream; BackupError at the first frame that does not hold."""
    head = read_head(path)
    master = next((one.master for one in keys.living if fingerprint(one) == head["keys"]), None)
    if master is None:
        raise BackupError(
            f"{path} was sealed with other keys ({head['keys']}); name the key file exported with it: --keys FILE."
        )
    cipher = AESGCM(_file_key(master, bytes.fromhex(head["salt"])))
    with path.open("rb") as file:
        bound, count, is_last = file.readline(LONGEST_LINE), 0, False
        while not is_last:
            frame = _frame(file, path)
            plain, is_last = _opened(cipher, count, frame, bound, path)
            count += 1
            yield from plain.split(b"\n")


def _frame(file: IO[bytes], path: Path) -> bytes:
    size = int.from_bytes(file.read(4), "big")
    frame = file.read(size) if size <= LONGEST_FRAME else b""
    if not size or len(frame) != size:
        raise BackupError(f"{path} is cut short; take another copy of it.")
    return frame


def _opened(cipher: AESGCM, count: int, frame: bytes, bound: bytes, path: Path) -> tuple[bytes, bool]:
    for place in (b"more", b"last"):
        try:
            plain = cipher.decrypt(count.to_bytes(12, "big"), frame, bound + place)
        except InvalidTag:
            continue
        return zlib.decompress(plain), place == b"last"
    raise BackupError(f"{path} was changed after it was written (part {count + 1}); take another copy of it.")


def _file_key(master: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, b"tactful backup").derive(master)
