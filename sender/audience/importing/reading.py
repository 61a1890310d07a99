"""From bytes to rows that know their line: nothing here knows what a column means."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sender.audience.importing.options import FileRefused

DELIMITERS = ",;\t"
LONGEST_LINE = 1 << 20
LONGEST_RECORD = 1000


class NotUtf8(FileRefused):
    """The file has bytes that no UTF-8 text has."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file found: SHA-256 in hex and its length in bytes."""

    file_hash: str
    size: int


@dataclass(frozen=True, slots=True)
class RawRow:
    """One record: first and last line in the file (from 1), the byte it ends at, its text and its cells.

    ``cells`` is None where the quotes do not close or close in the wrong place.
    """

    line: int
    last: int
    end: int
    text: str
    cells: list[str] | None


def open_file(path: Path) -> BinaryIO:
    """Open for reading; FileRefused when it is not there, not a file or not ours to read."""
    try:
        return path.open("rb")
    except OSError as error:
        raise FileRefused(f"The file {path} cannot be read: {error.strerror}.") from error


def scan(file: BinaryIO) -> Scan:
    """Read everything once before anything is written: hash, size, and proof that it is UTF-8.

    Raises FileRefused that names the line and the byte which is something else.
    """
    digest, size, number = hashlib.sha256(), 0, 0
    file.seek(0)
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise FileRefused(f"Line {number} is longer than {LONGEST_LINE:,} bytes; this is not a table in CSV form.")
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise NotUtf8(_not_utf8(line, number, size, error)) from error
        digest.update(line)
        size += len(line)
    if not size:
        raise FileRefused("The file is empty; it needs a line of column names and rows below it.")
    return Scan(digest.hexdigest(), size)


def _not_utf8(line: bytes, number: int, before: int, error: UnicodeDecodeError) -> str:
    if number == 1 and line[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "The file is in UTF-16, not UTF-8; save it again as “CSV UTF-8”."
    if line[:4] == b"PK\x03\x04" and number == 1:
        return "The file is a spreadsheet or zip archive, not CSV; save it again as “CSV UTF-8”."
    byte, place = line[error.start], before + error.start + 1
    return (
        f"The file is not UTF-8: line {number} has the byte 0x{byte:02X} (byte {place} of the file); "
        "save it again as “CSV UTF-8”."
    )


def rows(file: BinaryIO, delimiter: str) -> Iterator[RawRow]:
    """Every record of the file that is not blank, the header first; quotes follow RFC 4180 strictly."""
    file.seek(0)
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first = lines.count + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            yield RawRow(first, lines.count, lines.bytes, lines.taken(), None)
            if lines.ended:
                return
            continue
        text = lines.taken()
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield RawRow(first, lines.count, lines.bytes, text, cells)


class _Lines:
    """The file's lines as text, remembering those handed out since they were last asked for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held: list[str] = []
        self.count = 0
        self.bytes = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._held) >= LONGEST_RECORD:
            raise csv.Error("a quote that is never closed")
        raw = self._file.readline()
        if not raw:
            self.ended = True
            raise StopIteration
        self.count += 1
        self.bytes += len(raw)
        line = raw.decode()
        line = line.removeprefix("\ufeff") if self.count == 1 else line
        self._held.append(line)
        return line

    def taken(self) -> str:
        text = "".join(self._held)
        self._held.clear()
        return text


def sniff(file: BinaryIO) -> str:
    """The delimiter that splits the header into most columns; a comma where none does."""
    best, most = ",", 1
    for delimiter in DELIMITERS:
        header = next(rows(file, delimiter), None)
        found = len(header.cells or []) if header else 0
        if found > most:
            best, most = delimiter, found
    return best
