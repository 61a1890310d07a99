"""From whatever people have to one table in UTF-8: CSV or TSV in four encodings, and XLSX.

An encoding is taken from a byte order mark, from the zero bytes of UTF-16, or from the bytes being UTF-8; what is left
is Windows-1252, and the report says so. Anything else is refused before a byte of it is written.
"""

import codecs
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from sender.audience.importing import reading, workbook
from sender.audience.importing.options import FileRefused
from sender.audience.importing.reading import NotUtf8, Scan

CHUNK = 1 << 16
LONGEST_HEADER = CHUNK
FOREIGN = {
    b"\xd0\xcf\x11\xe0": "The file is in Excel's format of before 2007; save it as XLSX or “CSV UTF-8”.",
    b"\x1f\x8b": "The file is packed with gzip; unpack it first.",
    b"%PDF": "The file is a PDF; export the table itself as CSV or XLSX.",
    b"{\\rtf": "The file is a text document; export the table itself as CSV or XLSX.",
}
UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Table:
    """A file that can be read as a table: UTF-8 bytes, the hash of the file as it came, and how it was read."""

    file: BinaryIO
    scan: Scan
    encoding: str


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """The file as one table. FileRefused, after at most one pass with flat memory, for what is none."""
    with reading.open_file(path) as file, open_bytes(file) as table:
        yield table


@contextmanager
def open_bytes(file: BinaryIO) -> Iterator[Table]:
    """The same for a file that is open."""
    head = file.read(CHUNK)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        with workbook.spool() as plain:
            yield _from_workbook(file, plain)
        return
    _refuse_foreign(head)
    encoding = _utf_16(head)
    if encoding is None:
        _check_header(head)
        try:
            yield Table(file, reading.scan(file), "utf-8")
            return
        except NotUtf8:
            encoding = "cp1252"
    with workbook.spool() as plain:
        yield _transcoded(file, plain, encoding)


def _refuse_foreign(head: bytes) -> None:
    if not head:
        raise FileRefused("The file is empty; it needs a line of column names and rows below it.")
    for magic, sentence in FOREIGN.items():
        if head.startswith(magic):
            raise FileRefused(sentence)


def _utf_16(head: bytes) -> str | None:
    """By its mark, or by every other byte of the first letters being zero."""
    if head[:2] in UTF_16:
        return UTF_16[head[:2]]
    some = head[:512]
    zeros = some[1::2].count(0), some[0::2].count(0)
    half = len(some) // 2
    if half >= 4 and max(zeros) > 0.7 * half and min(zeros) == 0:
        return "utf-16-le" if zeros[0] > zeros[1] else "utf-16-be"
    return None


def _check_header(head: bytes) -> None:
    if len(head) == CHUNK and b"\n" not in head and b"\r" not in head:
        raise FileRefused(
            f"The first line is longer than {LONGEST_HEADER:,} bytes; this is not a table with column names."
        )


def _transcoded(file: BinaryIO, plain: IO[bytes], encoding: str) -> Table:
    """The file in UTF-8, so that every later step knows one encoding only."""
    decoder, digest = codecs.getincrementaldecoder(encoding)(), hashlib.sha256()
    file.seek(0)
    for place, chunk in enumerate(iter(partial(file.read, CHUNK), b"")):
        digest.update(chunk)
        text = _decoded(decoder, chunk, encoding, place * CHUNK)
        if place == 0:
            text = text.removeprefix("\ufeff")
            _check_header(text.encode().ljust(CHUNK, b" ") if len(chunk) == CHUNK else b"")
        plain.write(text.encode())
    plain.write(_decoded(decoder, b"", encoding, 0, final=True).encode())
    return _finished(plain, digest.hexdigest(), encoding)


def _decoded(
    decoder: codecs.IncrementalDecoder, chunk: bytes, encoding: str, before: int, *, final: bool = False
) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        what = "UTF-16" if encoding.startswith("utf-16") else "UTF-8, UTF-16 or Windows-1252"
        raise FileRefused(
            f"The file is not in {what} (about byte {before + error.start + 1:,}); save it again as “CSV UTF-8”."
        ) from error


def _from_workbook(file: BinaryIO, plain: IO[bytes]) -> Table:
    digest = hashlib.sha256()
    for chunk in iter(partial(file.read, CHUNK), b""):
        digest.update(chunk)
    file.seek(0)
    text = io.TextIOWrapper(plain, encoding="utf-8", newline="", write_through=False)
    try:
        workbook.write_csv(file, text)
        text.flush()
    finally:
        text.detach()
    return _finished(plain, digest.hexdigest(), "xlsx")


def _finished(plain: IO[bytes], file_hash: str, encoding: str) -> Table:
    plain.flush()
    plain.seek(0)
    found = reading.scan(plain)  # type: ignore[arg-type]
    return Table(plain, replace(found, file_hash=file_hash), encoding)  # type: ignore[arg-type]
