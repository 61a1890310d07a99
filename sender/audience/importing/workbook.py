"""An XLSX workbook as CSV: streamed, with flat memory, and refused where it is made to hurt.

ECMA-376 part 1: a zip of XML parts. Only the first sheet is read; formulas count as the value they last had. No XML
may bring a document type, nothing unpacks to far more than any table would, and no row has endless cells.
"""

import csv
import re
import tempfile
import zipfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from posixpath import join, normpath
from typing import IO, Any, BinaryIO
from xml.parsers import expat

from sender.audience.importing.columns import MOST_COLUMNS
from sender.audience.importing.options import FileRefused

CHUNK = 1 << 16
MOST_PARTS = 2000
MOST_BYTES = 2 << 30
SUSPECT_BYTES = 10 << 20
MOST_RATIO = 150
"""A sheet of people packs 10 to 40 times smaller; a bomb a thousand times."""
LONGEST_CELL = 32_767
MOST_ROWS = 1_048_576
NOT_XLSX = "The file is a zip archive but no Excel workbook; unpack it, or save the table as “CSV UTF-8”."
BOMB = "The workbook unpacks to far more than a table of people; save the sheet as “CSV UTF-8” and try again."

_DATE_FORMATS = frozenset({*range(14, 23), 45, 46, 47})
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_LETTERS = re.compile(r"[A-Z]{1,3}")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def write_csv(file: BinaryIO, out: IO[str]) -> None:
    """Write the first sheet to ``out`` as CSV, row numbers kept as line numbers; FileRefused in one sentence."""
    try:
        with zipfile.ZipFile(file) as book, _Strings() as strings:
            _check_size(book)
            path, since = _first_sheet(book)
            if "xl/sharedStrings.xml" in book.namelist():
                _parse(book, "xl/sharedStrings.xml", _StringsReader(strings.add))
            styles = _Styles()
            if "xl/styles.xml" in book.namelist():
                _parse(book, "xl/styles.xml", styles)
            _parse(book, path, _Sheet(out, strings, styles, since))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise FileRefused("The workbook is damaged or locked; save it again without a password.") from error
    except (expat.ExpatError, ValueError, KeyError, OverflowError) as error:
        raise FileRefused("The workbook's XML is damaged; save it again, or save it as “CSV UTF-8”.") from error


def _check_size(book: zipfile.ZipFile) -> None:
    """The sizes in the directory are believed because zipfile reads no byte beyond them."""
    parts = book.infolist()
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_BYTES:
        raise FileRefused(BOMB)
    for part in parts:
        if part.file_size > SUSPECT_BYTES and part.file_size > MOST_RATIO * max(part.compress_size, 1):
            raise FileRefused(BOMB)


class _Reader:
    """What one part's elements mean; names come without their namespace."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, data: str) -> None:
        """Text inside an element."""


def _parse(book: zipfile.ZipFile, path: str, reader: _Reader) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = lambda name, attributes: reader.start(name.rpartition(" ")[2], attributes)
    parser.EndElementHandler = lambda name: reader.end(name.rpartition(" ")[2])
    parser.CharacterDataHandler = reader.text
    with book.open(path) as part:
        for chunk in iter(partial(part.read, CHUNK), b""):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)


def _refuse_doctype(*_: Any) -> None:
    raise FileRefused("The workbook's XML declares a document type, which no spreadsheet does; it is not opened.")


class _Book(_Reader):
    def __init__(self) -> None:
        self.first: str | None = None
        self.since = datetime(1899, 12, 30, tzinfo=UTC)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet" and self.first is None and attributes.get("state", "visible") == "visible":
            self.first = next((value for key, value in attributes.items() if key.endswith(" id")), None)
        if name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            self.since = datetime(1904, 1, 1, tzinfo=UTC)


class _Relations(_Reader):
    def __init__(self) -> None:
        self.targets: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship":
            self.targets[attributes.get("Id", "")] = attributes.get("Target", "")


def _first_sheet(book: zipfile.ZipFile) -> tuple[str, datetime]:
    names = set(book.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        raise FileRefused(NOT_XLSX)
    found, relations = _Book(), _Relations()
    _parse(book, "xl/workbook.xml", found)
    _parse(book, "xl/_rels/workbook.xml.rels", relations)
    target = relations.targets.get(found.first or "", "")
    path = normpath(target.lstrip("/") if target.startswith("/") else join("xl", target))
    if path not in names:
        raise FileRefused("The workbook has no visible sheet with rows in it.")
    return path, found.since


class _Strings:
    """The texts that cells point at, on disk: eight bytes of memory each, however long they are."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the object
        self._ends = array("Q", [0])

    def __enter__(self) -> "_Strings":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, text: str) -> None:
        self._ends.append(self._ends[-1] + self._file.write(text.encode()))

    def __getitem__(self, place: int) -> str:
        if not 0 <= place < len(self._ends) - 1:
            raise FileRefused("The workbook is damaged: a cell points at a text that is not there.")
        self._file.seek(self._ends[place])
        return self._file.read(self._ends[place + 1] - self._ends[place]).decode()


class _StringsReader(_Reader):
    """Texts may come in runs of different fonts; what tells their pronunciation (rPh) is not part of them."""

    def __init__(self, add: Callable[[str], None]) -> None:
        self._add = add
        self._runs: list[str] = []
        self._takes = self._spoken = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._spoken = name == "rPh" or (self._spoken and name != "si")
        self._takes = name == "t" and not self._spoken

    def end(self, name: str) -> None:
        self._takes = False
        self._spoken = self._spoken and name != "rPh"
        if name == "si":
            self._add("".join(self._runs))
            self._runs.clear()

    def text(self, data: str) -> None:
        if self._takes:
            self._runs.append(data)
            if sum(map(len, self._runs)) > LONGEST_CELL:
                raise FileRefused(BOMB)


class _Styles(_Reader):
    """Which cell styles show a number as a date."""

    def __init__(self) -> None:
        self.dates: set[int] = set()
        self._formats: dict[int, str] = {}
        self._inside = False
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            self._formats[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._inside = True
        elif name == "xf" and self._inside:
            shown = int(attributes.get("numFmtId", 0))
            code = _QUOTED.sub("", self._formats.get(shown, "")).casefold()
            if shown in _DATE_FORMATS or re.search("[dyhs]", code.replace("general", "")):
                self.dates.add(self._count)
            self._count += 1

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._inside = False


class _Sheet(_Reader):
    def __init__(self, out: IO[str], strings: _Strings, styles: _Styles, since: datetime) -> None:
        self._out, self._write = out, csv.writer(out, lineterminator="\n").writerow
        self._strings, self._styles, self._since = strings, styles, since
        self._row: list[str] = []
        self._value: list[str] = []
        self._kind, self._style, self._place, self._lines = "", 0, 0, 0
        self._takes, self._length = False, 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._begin_cell(attributes)
        elif name in ("v", "t"):
            self._takes = True
        elif name == "row":
            self._begin_row(attributes.get("r", ""))

    def _begin_row(self, number: str) -> None:
        """Rows left out because they are empty still count, so that a refusal names the row people see."""
        wanted = int(number) if number.isdecimal() else self._lines + 1
        if wanted > MOST_ROWS:
            raise FileRefused(BOMB)
        self._out.write("\n" * (wanted - self._lines - 1))
        self._lines = max(wanted, self._lines + 1)
        self._row, self._place = [], 0

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        letters = _LETTERS.match(attributes.get("r", ""))
        self._place = _place_of(letters[0]) if letters else self._place + 1
        if self._place > 10 * MOST_COLUMNS:
            raise FileRefused(f"Row {self._lines} goes on to cell {self._place:,}; {MOST_COLUMNS} columns is the most.")
        self._kind, self._value, self._length = attributes.get("t", "n"), [], 0
        self._style = int(attributes.get("s", 0))

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self._takes = False
        elif name == "c" and self._value:
            self._row += [""] * (self._place - len(self._row))
            self._row[self._place - 1] = " ".join(self._said("".join(self._value)).split("\n")).replace("\r", " ")
        elif name == "row":
            self._write(self._row)

    def text(self, data: str) -> None:
        if self._takes:
            self._value.append(data)
            self._length += len(data)
            if self._length > LONGEST_CELL:
                raise FileRefused(BOMB)

    def _said(self, value: str) -> str:
        if self._kind == "s":
            return self._strings[int(value)]
        if self._kind == "b":
            return "true" if value == "1" else "false"
        if self._kind == "n":
            return self._date(float(value)) if self._style in self._styles.dates else _number(value)
        return value

    def _date(self, days: float) -> str:
        """Excel counts days, and seconds as their fraction, on no particular clock."""
        moment = self._since + timedelta(seconds=round(days * 86_400))
        return moment.strftime("%Y-%m-%d" if days == int(days) else "%Y-%m-%dT%H:%M:%S")


def _number(text: str) -> str:
    """Whole numbers without ".0"; what is written with an exponent stays so, because its last digits may be lost."""
    return text.removesuffix(".0")


def _place_of(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - 64
    return place


@contextmanager
def spool() -> Iterator[IO[bytes]]:
    """A file without a name that is gone when it is closed, also after a kill: it holds people's data in plain."""
    with tempfile.TemporaryFile() as file:
        yield file
