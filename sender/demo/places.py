"""Where the invented people live, and blocks of numbers that are nobody's or made for examples.

Numbers: NPA-555-0100 to 0199 in North America (reserved for fiction), the regulators' fictional landlines in the United
Kingdom (Ofcom, 020 7946 0xxx), France (Arcep, 01 99 00) and Australia (ACMA, 5550), and elsewhere the blocks around
libphonenumber's own example numbers. All are valid for libphonenumber; none is ever dialled, for the simulator listens
on this machine alone.
"""

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, slots=True)
class City:
    """A city and its numbers; each ``#`` of a block stands for a digit."""

    country: str
    state: str
    name: str
    postal_code: str
    blocks: tuple[str, ...]
    landlines: str = ""


def _america(country: str, state: str, name: str, postal_code: str, *area_codes: str) -> City:
    return City(country, state, name, postal_code, tuple(f"+1{code}55501##" for code in area_codes))


CITIES: tuple[City, ...] = (
    _america("US", "NY", "New York", "10001", "212", "332", "646", "917"),
    _america("US", "NY", "Buffalo", "14202", "716"),
    _america("US", "NJ", "Newark", "07102", "201", "973"),
    _america("US", "PA", "Philadelphia", "19103", "215", "267"),
    _america("US", "PA", "Pittsburgh", "15222", "412"),
    _america("US", "MA", "Boston", "02108", "617", "857"),
    _america("US", "CT", "Hartford", "06103", "860"),
    _america("US", "MD", "Baltimore", "21201", "410", "443"),
    _america("US", "VA", "Richmond", "23219", "804"),
    _america("US", "NC", "Charlotte", "28202", "704", "980"),
    _america("US", "GA", "Atlanta", "30303", "404", "470", "678", "770"),
    _america("US", "FL", "Miami", "33130", "305", "786"),
    _america("US", "FL", "Tampa", "33602", "813"),
    _america("US", "FL", "Pensacola", "32502", "850"),
    _america("US", "OH", "Columbus", "43215", "614"),
    _america("US", "OH", "Cleveland", "44113", "216"),
    _america("US", "MI", "Detroit", "48226", "313"),
    _america("US", "IL", "Chicago", "60601", "312", "773", "872"),
    _america("US", "WI", "Milwaukee", "53202", "414"),
    _america("US", "MN", "Minneapolis", "55401", "612"),
    _america("US", "MO", "St. Louis", "63101", "314"),
    _america("US", "TN", "Nashville", "37203", "615"),
    _america("US", "AL", "Birmingham", "35203", "205"),
    _america("US", "LA", "New Orleans", "70112", "504"),
    _america("US", "TX", "Houston", "77002", "281", "713", "832"),
    _america("US", "TX", "Dallas", "75201", "214", "469", "972"),
    _america("US", "TX", "Austin", "78701", "512", "737"),
    _america("US", "TX", "El Paso", "79901", "915"),
    _america("US", "OK", "Oklahoma City", "73102", "405"),
    _america("US", "CO", "Denver", "80202", "303", "720"),
    _america("US", "UT", "Salt Lake City", "84101", "385", "801"),
    _america("US", "AZ", "Phoenix", "85004", "480", "602", "623"),
    _america("US", "NV", "Las Vegas", "89101", "702", "725"),
    _america("US", "CA", "Los Angeles", "90012", "213", "310", "323", "424", "747", "818"),
    _america("US", "CA", "San Francisco", "94103", "628", "650"),
    _america("US", "CA", "San Diego", "92101", "619", "858"),
    _america("US", "CA", "San Jose", "95113", "408", "669"),
    _america("US", "CA", "Sacramento", "95814", "916"),
    _america("US", "OR", "Portland", "97204", "503", "971"),
    _america("US", "WA", "Seattle", "98101", "206", "425"),
    _america("US", "HI", "Honolulu", "96813", "808"),
    _america("CA", "ON", "Toronto", "M5H 2N2", "416", "437", "647"),
    _america("CA", "QC", "Montreal", "H2Y 1C6", "438", "514"),
    _america("CA", "BC", "Vancouver", "V6B 1A1", "604", "778"),
    _america("CA", "AB", "Calgary", "T2P 1J9", "403", "587"),
    _america("CA", "MB", "Winnipeg", "R3C 0A5", "204"),
    City("GB", "", "London", "SW1A 2AA", ("+447400120###", "+447400121###"), "+442079460###"),
    City("GB", "", "Manchester", "M2 5DB", ("+447400122###",)),
    City("GB", "", "Glasgow", "G2 1DU", ("+447400123###",)),
    City("FR", "", "Paris", "75001", ("+3361234####",), "+3319900####"),
    City("FR", "", "Lyon", "69001", ("+3361235####",)),
    City("DE", "", "Berlin", "10115", ("+491512345####",), "+493023125###"),
    City("DE", "", "Hamburg", "20095", ("+491512346####",)),
    City("IN", "MH", "Mumbai", "400001", ("+91812345####",)),
    City("IN", "KA", "Bengaluru", "560001", ("+91812346####",)),
    City("AU", "NSW", "Sydney", "2000", ("+61412345###",), "+6125550####"),
    City("AU", "WA", "Perth", "6000", ("+61412346###",)),
    City("BR", "SP", "São Paulo", "01001-000", ("+55119612340##", "+55119612341##"), "+5511234560##"),
    City("BR", "RJ", "Rio de Janeiro", "20010-000", ("+55219612340##", "+55219612341##")),
    City("BR", "AM", "Manaus", "69005-000", ("+55929612340##",)),
)

SHARES = {"US": 0.66, "CA": 0.08, "GB": 0.08, "FR": 0.06, "DE": 0.03, "IN": 0.04, "AU": 0.03, "BR": 0.02}
"""Which part of the people lives in which country."""

LEAST, MOST = 1_000, 11_000
"""With fewer people too little happens for the checks; for more there are not enough numbers in the United States."""


def filled(block: str) -> list[str]:
    """Every number of a block."""
    digits = block.count("#")
    stem = block.removesuffix("#" * digits)
    return [stem + "".join(rest) for rest in product("0123456789", repeat=digits)]
