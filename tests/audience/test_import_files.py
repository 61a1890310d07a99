"""Files as they come: encodings, delimiters, headers, line numbers, and refusals before anything is written."""

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.audience.importing.columns import field_of, understand
from sender.audience.importing.options import FileRefused
from sender.audience.importing.reading import rows, scan, sniff


def lines_of(data: bytes, delimiter: str = ",") -> list[tuple[int, int, list[str] | None]]:
    """First line, last line and cells of each record."""
    return [(row.line, row.last, row.cells) for row in rows(io.BytesIO(data), delimiter)]


def test_rows_know_the_line_they_stand_on() -> None:
    """Quoted line breaks and blank lines count as lines, whatever ends them."""
    data = b'a,b\r\n"x\r\ny",1\r\n\r\n , \nz,2\nlast,3'
    assert lines_of(data) == [
        (1, 1, ["a", "b"]),
        (2, 3, ["x\r\ny", "1"]),
        (6, 6, ["z", "2"]),
        (7, 7, ["last", "3"]),
    ]


def test_a_byte_order_mark_is_not_part_of_the_first_name() -> None:
    """Files from spreadsheets begin with one."""
    assert lines_of(b"\xef\xbb\xbfphone\n") == [(1, 1, ["phone"])]


def test_an_unclosed_quote_costs_no_more_than_its_rows() -> None:
    """The record is marked unreadable at its first line and reading goes on behind it."""
    found = lines_of(b'a,b\n"x" y,1\nz,2\n"open,3\nw,4\n')
    assert found == [(1, 1, ["a", "b"]), (2, 2, None), (3, 3, ["z", "2"]), (4, 5, None)]


def test_a_quote_may_not_swallow_the_file() -> None:
    """After a thousand lines inside one quote the record is given up, so memory stays flat."""
    found = lines_of(b'"open\n' + b"x,1\n" * 2500)
    assert found[0] == (1, 1000, None)
    assert found[-1] == (2501, 2501, ["x", "1"])


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1),
       min_size=2, max_size=3), min_size=1, max_size=6))  # fmt: skip
def test_what_was_quoted_is_read_as_it_was(table: list[list[str]]) -> None:
    """Any text between quotes comes back, and each record ends where the next begins."""
    written = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in table)
    found = list(rows(io.BytesIO(written.encode()), ","))
    assert [row.cells for row in found] == [row for row in table if any(cell.strip() for cell in row)]
    assert written.startswith("\ufeff") or all(row.text in written for row in found)
    assert all(before.last < after.line for before, after in pairwise(found))


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("phone,city", ","), ("phone;city", ";"), ("phone\tcity", "\t"), ("phone", ","), ('"a,b";c;d', ";")],
)
def test_the_delimiter_is_found_in_the_header(header: str, delimiter: str) -> None:
    """The one that makes most columns, quotes considered."""
    assert sniff(io.BytesIO(f"{header}\nx\n".encode())) == delimiter


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"),
        (b"phone\n+1\nAnn\xe9\n", r"line 3 has the byte 0xE9 \(byte 13 of the file\)"),
        ("phone\n".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04\xff\n", "spreadsheet"),
        (b"x" * (1 << 21), "Line 1 is longer"),
    ],
)
def test_what_is_not_utf8_text_is_refused_with_its_place(data: bytes, words: str) -> None:
    """One sentence names the line and byte, so that the person can look."""
    with pytest.raises(FileRefused, match=words):
        scan(io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Mobile_Number", "number"),
        (" PHONE ", "number"),
        ("tel", "number"),
        ("ZIP Code", "postal_code"),
        ("State/Region", "region"),
        ("Time Zone", "zone"),
        ("SMS Opt-In", "consent"),
        ("Consent Date", "consent_at"),
        ("Unsubscribed", "opted_out"),
        ("First  Name", "attributes.first_name"),
        ("firstName", "attributes.first_name"),
        ("Loyalty-Points (2026)", "attributes.loyalty_points_2026"),
        ("Città", "attributes.citta"),
    ],
)
def test_columns_are_known_by_their_names(name: str, field: str) -> None:
    """Case, spaces, dashes and underscores do not matter; what is no field is an attribute."""
    assert field_of(name) == field


@pytest.mark.parametrize(
    ("header", "mapping", "words"),
    [
        (["name", "city"], {}, r"No column is named phone, mobile or number \(found: name, city\)"),
        (["+14155550123", "Ann"], {}, "The first line looks like data"),
        (["phone", "mobile"], {"phone": "number", "mobile": "number"}, "'phone' and 'mobile' both mean number"),
        (["phone", "City", "city"], {}, "both mean city"),
        (["phone", "город"], {}, "needs a name of Latin letters"),
        (["phone"], {"town": "city"}, "'town', which the file does not have"),
        (["phone", "a"], {"a": "shoe"}, "is mapped to 'shoe'; use"),
        (["phone", "a"], {"a": "attributes.Big"}, "is mapped to"),
        (["phone"] * 201, {}, "201 columns"),
    ],
)
def test_a_header_that_cannot_be_understood_is_refused(header: list[str], mapping: dict[str, str], words: str) -> None:
    """Missing, doubled and nameless columns are named before any row is read."""
    with pytest.raises(FileRefused, match=words):
        understand(header, mapping)


def test_a_person_may_say_what_a_column_is() -> None:
    """A mapping comes before the names, and skip leaves a column out."""
    columns = understand(["Phone", "Mobile", "Ort", "Note"], {"phone": "skip", "ORT": "attributes.city"})
    assert columns.fields == {"number": 1}
    assert columns.attributes == ((2, "city"), (3, "note"))
