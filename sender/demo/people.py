"""Ten thousand invented people and the file a shop would have of them, the same from the same seed.

The file has the mess of real ones: one person in several rows and spellings, landlines, garbage, missing names, people
who never said yes, who said it without proof, or who said stop before.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

import phonenumbers

from sender.demo.places import CITIES, LEAST, MOST, SHARES, City, filled
from sender.demo.spelling import GARBAGE, spell, with_code

COLUMNS = (
    "phone",
    "first_name",
    "last_name",
    "country",
    "state",
    "postal_code",
    "city",
    "language",
    "tier",
    "consent",
    "consent_at",
    "consent_wording",
    "unsubscribed",
)
WORDING = (
    "Yes, text me offers from Harbour Coffee, at most two a day. Message and data rates may apply. Reply STOP to end."
)
FIRST_CONSENT = date(2025, 5, 12)
CONSENT_DAYS = 700

STANDINGS = {"in": 0.905, "none": 0.045, "weak": 0.015, "out": 0.03, "both": 0.005}
"""Shares of people who said yes, never did, did without wording or date, said stop, or stand in the file with both."""

LANDLINES, MOVED, GARBAGE_ROWS, DOUBLED, NAMELESS = 0.05, 0.03, 0.012, 0.03, 0.04
TIERS = ("gold",) * 3 + ("silver",) * 9 + ("",) * 8
YES = ("yes", "Yes", "TRUE", "1", "opted in", "y")
NO = ("no", "", "N", "false")
OUT = ("yes", "TRUE", "1", "unsubscribed")
COUNTRY_NAMES = {
    "US": ("US", "USA", "United States", "u.s.", "us"),
    "CA": ("CA", "Canada", "CAN"),
    "GB": ("GB", "UK", "United Kingdom", "uk"),
    "FR": ("FR", "France"),
    "DE": ("DE", "Germany"),
    "IN": ("IN", "India"),
    "AU": ("AU", "Australia"),
    "BR": ("BR", "Brazil"),
}
STATE_NAMES = {"NY": "New York", "CA": "California", "TX": "Texas", "FL": "Florida", "WA": "Washington"}
LANGUAGES = {"US": ("en",) * 7 + ("es",), "FR": ("fr",), "DE": ("de",), "BR": ("pt",)}
SPELLED_LANGUAGES = {"en": ("en", "EN", "en_US", ""), "es": ("es", "es-MX", "ES_us"), "fr": ("fr", "fr-FR", "FR")}
NAMES = {
    "en": (
        "Ada|Ben|Chloe|Dan|Ella|Finn|Grace|Hugo|Ivy|Jack|Kate|Leo|Mia|Noah|Olive|Paul|Ruth|Sam|Tess|Will",
        "Adams|Baker|Clark|Dixon|Evans|Ford|Green|Hall|Irwin|King|Lee|Moore|Nash|O'Brien|Price|Reed|Smith, Jr.",
    ),
    "es": ("Ana|Bruno|Carmen|Diego|Elena|José|Lucía|Marta|Pablo|Sofía", "García|López|Núñez|Pérez|Ruiz|de la Cruz"),
    "fr": ("Aline|Bruno|Chloé|Denis|Élise|Hugo|Inès|Luc|Manon|Rémi", "Bernard|Dubois|Girard|Lefèvre|Moreau|Petit"),
    "de": ("Anke|Bernd|Clara|Dirk|Eva|Jörg|Lena|Max|Uwe|Zoë", "Becker|Fischer|Groß|Müller|Schmidt|Weber"),
    "pt": ("Ana|Beatriz|Caio|Davi|João|Luana|Rafael|Sofia", "Almeida|Costa|Gonçalves|Lima|Rocha|Souza"),
}


class CrowdError(ValueError):
    """There cannot be so many or so few people; one sentence."""


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person. ``standing`` is a key of STANDINGS; ``landline`` numbers cannot be texted."""

    number: str
    city: City
    first_name: str
    last_name: str
    language: str
    tier: str
    standing: str
    landline: bool

    @property
    def may_be_texted(self) -> bool:
        """Whether a lawful campaign reaches this person."""
        return self.standing == "in" and not self.landline


@dataclass(frozen=True)
class Crowd:
    """Everybody, the rows of their file, and how much mess there is in it."""

    people: tuple[Person, ...]
    rows: tuple[tuple[str, ...], ...]
    counts: Counter[str] = field(default_factory=Counter)


Progress = Callable[[int, int], object]


def invent(count: int, seed: int) -> Crowd:
    """Invent ``count`` people and the rows of their file; CrowdError below 1,000 and beyond 11,000."""
    if not LEAST <= count <= MOST:
        raise CrowdError(
            f"Ask for {LEAST:,} to {MOST:,} people: with fewer the day is empty, for more numbers run out."
        )
    rng = Random(seed)  # a demo is to be the same each time
    people = tuple(person for country in SHARES for person in _people(country, round(count * SHARES[country]), rng))
    rows = [row for person in people for row in _rows_of(person, rng)]
    garbage = round(count * GARBAGE_ROWS)
    # German landlines may be so short that some of the garbage would be a number there.
    americans = [person for person in people if person.city.country == "US"]
    rows += [_row(rng.choice(americans), rng, phone=rng.choice(GARBAGE)) for _ in range(garbage)]
    rng.shuffle(rows)
    return Crowd(people, tuple(rows), _counts(people, rows, garbage))


def write_file(path: Path, rows: Sequence[tuple[str, ...]], progress: Progress = lambda done, total: None) -> None:
    """Write the rows as a spreadsheet program would: with a byte order mark and CRLF."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for start in range(0, len(rows), 500):
            writer.writerows(rows[start : start + 500])
            progress(min(start + 500, len(rows)), len(rows))


def _people(country: str, count: int, rng: Random) -> Iterator[Person]:
    cities = [city for city in CITIES if city.country == country]
    mobiles = [(city, number) for city in cities for block in city.blocks for number in filled(block)]
    landlines = [(city, number) for city in cities if city.landlines for number in filled(city.landlines)]
    fixed = round(count * LANDLINES) if landlines else 0
    for place, (city, number) in enumerate([*rng.sample(landlines, fixed), *rng.sample(mobiles, count - fixed)]):
        if not phonenumbers.is_valid_number(phonenumbers.parse(number)):
            raise AssertionError(f"The demo's block of {number[:6]} is not valid any more; choose another.")
        moved = country == "US" and rng.random() < MOVED
        yield _person(number, rng.choice(cities) if moved else city, rng, landline=place < fixed)


def _person(number: str, city: City, rng: Random, *, landline: bool) -> Person:
    language = "fr" if city.state == "QC" else rng.choice(LANGUAGES.get(city.country, ("en",)))
    first, last = NAMES[language]
    return Person(
        number=number,
        city=city,
        first_name="" if rng.random() < NAMELESS else rng.choice(first.split("|")),
        last_name=rng.choice(last.split("|")),
        language=language,
        tier=rng.choice(TIERS),
        standing=rng.choices(list(STANDINGS), weights=list(STANDINGS.values()))[0],
        landline=landline,
    )


def _rows_of(person: Person, rng: Random) -> Iterator[tuple[str, ...]]:
    """One row, or two: the same person again in another spelling, or once with a yes and once with a stop."""
    if person.standing == "both":
        yield _row(replace(person, standing="in"), rng)
        yield _row(replace(person, standing="out"), rng)
        return
    yield _row(person, rng)
    if rng.random() < DOUBLED:
        yield _row(replace(person, first_name=person.first_name.upper()), rng)


def _row(person: Person, rng: Random, phone: str = "") -> tuple[str, ...]:
    """The cells of one row, in the order of COLUMNS; ``phone`` takes the place of the person's own number."""
    city, country = person.city, person.city.country
    named = rng.random() > 0.02
    number = spell(person.number, country, rng) if named else with_code(person.number, country, rng)
    state = STATE_NAMES.get(city.state, city.state) if city.country == "US" and rng.random() < 0.2 else city.state
    # Who moved is only protected by the address they declared, so theirs is never left out.
    at_home = person.number[:5] in {block[:5] for block in city.blocks}
    return (
        phone or number,
        person.first_name,
        person.last_name,
        rng.choice(COUNTRY_NAMES[country]) if named else "",
        "" if at_home and rng.random() < 0.05 else state,
        "" if at_home and rng.random() < 0.3 else city.postal_code,
        city.name,
        rng.choice(SPELLED_LANGUAGES.get(person.language, (person.language,))),
        person.tier,
        *_consent(person.standing, rng),
    )


def _consent(standing: str, rng: Random) -> tuple[str, str, str, str]:
    """The cells consent, consent_at, consent_wording and unsubscribed."""
    day = (FIRST_CONSENT + timedelta(days=rng.randrange(CONSENT_DAYS))).isoformat()
    at = rng.choice((day, day, f"{day}T09:30:00Z"))
    match standing:
        case "none":
            return rng.choice(NO), "", "", ""
        case "weak":
            return rng.choice(YES), *rng.choice(((at, ""), ("", WORDING))), ""
        case "out":
            return rng.choice((*YES, "no")), at, WORDING, rng.choice(OUT)
        case _:
            return rng.choice(YES), at, WORDING, rng.choice(("", "no"))


def _counts(people: Sequence[Person], rows: Sequence[tuple[str, ...]], garbage: int) -> Counter[str]:
    return Counter(
        {
            "rows": len(rows),
            "people": len(people),
            "garbage": garbage,
            "doubled": len(rows) - len(people) - garbage,
            "nameless": sum(not person.first_name for person in people),
            "landlines": sum(person.landline for person in people),
            "no consent": sum(person.standing == "none" for person in people),
            "consent without proof": sum(person.standing == "weak" for person in people),
            "opted out before": sum(person.standing in ("out", "both") for person in people),
            "countries": len({person.city.country for person in people}),
            "US states": len({person.city.state for person in people if person.city.country == "US"}),
        }
    )
