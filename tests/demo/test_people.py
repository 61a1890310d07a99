"""The invented people: the same each time, valid, and as messy as announced."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.audience.importing.countries import country_code
from sender.audience.phone import PhoneError, parse
from sender.demo.checker import CALLING_CODES, dialled, read_people
from sender.demo.people import COLUMNS, Crowd, CrowdError, invent, write_file
from sender.demo.places import CITIES, LEAST, MOST, SHARES, filled
from sender.demo.spelling import GARBAGE

SEED = 4


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    """Two thousand people."""
    return invent(2000, SEED)


def test_the_same_seed_gives_the_same_file(tmp_path: Path, crowd: Crowd) -> None:
    """Two runs write the same bytes, and another seed writes others."""
    files = [tmp_path / name for name in ("a", "b", "c")]
    for file, seed in zip(files, (SEED, SEED, SEED + 1), strict=True):
        write_file(file, invent(LEAST, seed).rows)
    first, again, other = (file.read_bytes() for file in files)
    assert first == again
    assert first != other


def test_the_file_is_a_spreadsheets(tmp_path: Path, crowd: Crowd) -> None:
    """It begins with a byte order mark and the names of the columns, and every row has a cell for each."""
    write_file(tmp_path / "contacts.csv", crowd.rows)
    with (tmp_path / "contacts.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert (tmp_path / "contacts.csv").read_bytes()[:3] == b"\xef\xbb\xbf"
    assert tuple(header) == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len(rows) == len(crowd.rows) == crowd.counts["rows"]


def test_everybody_asked_for_has_a_number_of_their_own(crowd: Crowd) -> None:
    """As many people as were asked for, no number twice, in eight countries and at least twenty states."""
    assert len({person.number for person in crowd.people}) == len(crowd.people) == 2000
    assert {person.city.country for person in crowd.people} == set(SHARES)
    assert crowd.counts["US states"] >= 20


@pytest.mark.parametrize("kind", ["doubled", "garbage", "landlines", "nameless", "no consent", "opted out before"])
def test_the_announced_mess_is_there(crowd: Crowd, kind: str) -> None:
    """None of the kinds of mess that the demo speaks of is missing."""
    assert crowd.counts[kind] > 0


def test_every_block_is_valid_in_its_country() -> None:
    """The first and last number of each block parse to the city's country, landlines as such where they can be told."""
    for city in CITIES:
        for block in city.blocks:
            found = {parse(number, None).region for number in (filled(block)[0], filled(block)[-1])}
            assert found == {city.country}, block
        if city.landlines:
            assert parse(filled(city.landlines)[0], None).line_type == "fixed_line", city.landlines


def test_the_checker_reads_every_spelling_as_the_importer_does(crowd: Crowd) -> None:
    """For each row the checker's own reading and the product's give one number, or none for garbage."""
    for phone, *_, country in [(row[0], row[3]) for row in crowd.rows]:
        try:
            ours = parse(phone, country_code(country) if country else "US").e164
        except PhoneError:
            ours = None
        assert dialled(phone, country) == ours, (phone, country)


def test_the_checker_finds_the_same_people(tmp_path: Path, crowd: Crowd) -> None:
    """Read back from the file, each person may be texted or not for the reason they were invented with."""
    write_file(tmp_path / "contacts.csv", crowd.rows)
    found = read_people(tmp_path / "contacts.csv")
    reasons = {"in": "", "none": "no_consent", "weak": "consent_too_weak", "out": "opted_out", "both": "opted_out"}
    expected = {one.number: "landline" if one.landline else reasons[one.standing] for one in crowd.people}
    assert {number: person.why_not() for number, person in found.items()} == expected


@pytest.mark.parametrize("count", [LEAST - 1, MOST + 1])
def test_too_few_and_too_many_are_refused(count: int) -> None:
    """Below and above what makes a demo, one sentence says how many there may be."""
    with pytest.raises(CrowdError, match="1,000 to 11,000"):
        invent(count, SEED)


@given(text=st.sampled_from(GARBAGE), country=st.sampled_from(["US", "United States", ""]))
def test_garbage_is_nobodys_number(text: str, country: str) -> None:
    """What stands in for numbers in the file is taken for one by neither side."""
    assert dialled(text, country) is None
    with pytest.raises(PhoneError):
        parse(text, "US")


def test_the_checker_knows_the_countries_of_the_demo() -> None:
    """Its own list of countries is the one people are invented in."""
    assert {code.upper() for code in CALLING_CODES} == set(SHARES)
