"""Encodings and workbooks: read as they are meant, or refused in one sentence, quickly and with flat memory."""

import hashlib
import io
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sender.audience.importing.formats import open_bytes, open_table
from sender.audience.importing.options import FileRefused
from sender.audience.importing.reading import rows, sniff
from tests.audience.workbooks import MAIN, plain_rows, sheet, workbook

TEXT = "phone,first_name\n+14155550101,Zoë\n"
NAMES = ["phone", "first_name"]


def table_of(data: bytes | io.BufferedReader) -> tuple[str, list[list[str]]]:
    """How a file was read, and its cells."""
    with open_bytes(io.BytesIO(data) if isinstance(data, bytes) else data) as table:
        return table.encoding, [row.cells or [] for row in rows(table.file, sniff(table.file))]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings_are_detected(encoding: str, told: str) -> None:
    """The same table comes out of each, with and without a byte order mark."""
    assert table_of(TEXT.encode(encoding)) == (told, [NAMES, ["+14155550101", "Zoë"]])


def test_a_utf_16_file_parted_by_tabs_is_a_table() -> None:
    """That is what Excel saves as “Unicode text”."""
    assert table_of(TEXT.replace(",", "\t").encode("utf-16"))[1] == [NAMES, ["+14155550101", "Zoë"]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "before 2007"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b"phone\n\x81\xe9\n", "Windows-1252"),
        ("phone\n".encode("utf-16") + b"\x00\xd8\x00", "UTF-16"),
        (b"PK\x03\x04nonsense", "damaged"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(data: bytes, words: str) -> None:
    """Each sentence says what the file is or where it breaks, and what to do."""
    with pytest.raises(FileRefused, match=words):
        table_of(data)


def test_cells_of_a_workbook_become_what_people_see() -> None:
    """Shared, inline and formula text, truth, whole numbers, dates by their style, and gaps between cells and rows."""
    found = workbook(
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>'
        '<row r="3"><c r="A3"><v>14155550101</v></c><c r="B3" s="1"><v>46023</v></c>'
        '<c r="C3" s="2"><v>46023.5</v></c><c r="D3" s="3"><v>1.5</v></c></row>'
        '<row r="4"><c r="A4"><v>1.4155E+10</v></c><c r="B4" t="b"><v>1</v></c>'
        '<c r="C4" t="str"><f>A1</f><v>x</v></c></row>',
        ["phone", "two\nlines"],
    )
    with open_bytes(io.BytesIO(found)) as table:
        read = [(row.line, row.cells) for row in rows(table.file, ",")]
    assert (table.encoding, len(table.scan.file_hash)) == ("xlsx", 64)
    assert read == [
        (1, ["phone", "", "two lines"]),
        (3, ["14155550101", "2026-01-01", "2026-01-01T12:00:00", "1.5"]),
        (4, ["1.4155E+10", "true", "x"]),
    ]


def test_runs_of_text_count_and_their_pronunciation_does_not() -> None:
    """A cell in two fonts is one text; Japanese reading aids are no part of it."""
    strings = f"<sst {MAIN}><si><r><t>pho</t></r><r><t>ne</t></r><rPh><t>fon</t></rPh></si></sst>"
    found = workbook('<row><c t="s"><v>0</v></c></row>', texts=strings)
    assert table_of(found)[1] == [["phone"]]


BOMB = f"<worksheet {MAIN}><sheetData>" + "<row><c><v>1</v></c></row>" * 900_000


@pytest.mark.parametrize(
    ("book", "words"),
    [
        (workbook("", sheet=BOMB), "unpacks to far more"),
        (workbook("<row>" + "<c><v>1</v></c>" * 5_000 + "</row>"), "200 columns is the most"),
        (workbook("", sheet='<!DOCTYPE x [<!ENTITY a "b">]>' + sheet("")), "document type"),
        (workbook(f'<row><c t="inlineStr"><is><t>{"x" * 40_000}</t></is></c></row>'), "unpacks to far more"),
        (workbook('<row><c t="s"><v>7</v></c></row>'), "not there"),
        (workbook('<row r="99999999"><c><v>1</v></c></row>'), "unpacks to far more"),
        (workbook("<row><c><v>1</v></row>"), "XML is damaged"),
        (workbook('<row><c t="s"><v>x</v></c></row>'), "damaged"),
        (workbook("", book="<x/>"), "no visible sheet"),
    ],
)
def test_a_workbook_made_to_hurt_is_refused_quickly(book: bytes, words: str) -> None:
    """Bombs, endless rows, entities and broken parts cost neither time nor memory."""
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(FileRefused, match=words):
        table_of(book)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - began < 5
    assert peak < 8 << 20


class Endless(io.RawIOBase):
    """A file of a gigabyte that is never on a disk: one piece again and again."""

    def __init__(self, piece: bytes, size: int = 1 << 30) -> None:
        self._piece, self._size, self._at = piece, size, 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be gone back in."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place from the beginning."""
        self._at = offset
        return offset

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer."""
        count = max(min(len(buffer), self._size - self._at), 0)
        whole = self._piece * (count // len(self._piece) + 2)
        start = self._at % len(self._piece)
        buffer[:count] = whole[start : start + count]
        self._at += count
        return count


HOSTILE = {
    "one endless line": b"x",
    "a million columns": b"a,",
    "zero bytes": b"\0",
    "UTF-16 without lines": b"\xff\xfex\0",
    "quotes": b'"',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_gigabyte_of_nonsense_is_refused_at_once(kind: str) -> None:
    """The first pieces are enough to say no, and no more than a few megabytes are ever held."""
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(FileRefused, match="longer than"):
        table_of(io.BufferedReader(Endless(HOSTILE[kind])))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - began < 2, kind
    assert peak < 8 << 20, kind


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(
            st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1),
            min_size=2,
            max_size=3,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_text_in_a_workbook_comes_back(table: list[list[str]]) -> None:
    """Whatever the cells hold, the table read is the table written."""
    cells = [[cell.strip() or "x" for cell in row] for row in table]
    with open_bytes(io.BytesIO(workbook(plain_rows(cells)))) as found:
        assert [row.cells for row in rows(found.file, ",")] == cells


def test_a_file_on_the_disk_is_hashed_as_it_came(tmp_path: Path) -> None:
    """The hash in the evidence is that of the file people have, whatever it was turned into."""
    file = tmp_path / "people.csv"
    file.write_bytes(TEXT.encode("cp1252"))
    with open_table(file) as table:
        assert table.scan.file_hash == hashlib.sha256(file.read_bytes()).hexdigest()
