"""The table of ZIPs against the package that it was written from."""

from collections import defaultdict

import zipcodes

from guards.zips import START, zips
from guards.zones import country_zones
from tests.guards.zip_table import FILE, where_of, write


def test_the_table_is_what_its_command_writes() -> None:
    """Nobody has edited it by hand, and the installed package says what it said when the table was written."""
    assert FILE.read_text(encoding="utf-8") == write()


def test_every_five_digits_have_the_place_that_the_package_gives_them() -> None:
    """A listed ZIP has its own place, another one all places of its first three digits, and a strange one none."""
    listed = {entry["zip_code"]: where_of(entry) for entry in zipcodes.list_all()}
    starts: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for code, (codes, zones) in listed.items():
        starts[code[:START]][0].update(codes)
        starts[code[:START]][1].update(zones)
    for code in (f"{number:05}" for number in range(100_000)):
        codes, zones = map(tuple, map(sorted, starts.get(code[:START], ((), ()))))
        anywhere = (("US",), country_zones("US")) if "US" in codes else (codes, zones)
        assert (zips().where(code) or ((), ())) == listed.get(code, anywhere), code


def test_an_unlisted_zip_beside_a_corrected_one_has_both_zones() -> None:
    """West Wendover keeps Mountain time amid Nevada: nobody knows on which side a new ZIP of that start lies."""
    assert zips().where("89883") == (("US-NV",), ("America/Denver",))
    assert zips().where("89899") == (("US-NV",), ("America/Denver", "America/Los_Angeles"))
