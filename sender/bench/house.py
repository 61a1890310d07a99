"""One installation to measure: its settings, its invented people, and the simulator's configuration.

Numbers are of the exchange no person has (555 in every area code of the United States); the clock stands on a Tuesday
at 16:00 in New York and 10:00 in Honolulu, an hour at which every state lets texts in.
"""

import csv
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import chain, islice
from pathlib import Path

import phonenumbers
from sqlalchemy import text
from sqlmodel import SQLModel

from guards.base import Cap, Purpose
from sender.bench import plain
from sender.campaigns.programs import FromNumberIn, ProgramIn, create_program
from sender.cli.common import build, prepare
from sender.db import Database
from sender.demo.house import environment, free_ports
from sender.schema import has_tables
from sender.settings import Settings

ACCOUNT = "AC" + "0b" * 16
TOKEN = "the-bench-talks-to-its-simulator-only"  # noqa: S105 - opens nothing but the simulator beside it
TUESDAY = datetime(2026, 3, 10, 20, 0, tzinfo=UTC)
FROM_NUMBER = "+12125550199"
RATE = 100_000.0
PROGRAM = "bench"
ACTOR = "bench"
TRIGGER_FUNCTIONS = ("refuse_ledger_change", "refuse_audit_change")
"""What migrations leave in PostgreSQL besides tables; the next round could not make them again."""
COLUMNS = ("phone", "first_name", "city", "consent", "consent_at", "consent_wording")
WORDING = "Yes, text me offers from Larkfield. Message and data rates may apply. Reply STOP to end."
NAMES = ("Ada", "Bo", "Chidi", "Dolores", "Élodie", "Farid", "Grace", "Hiro", "Ines", "Jack")
CITIES = ("Harbour", "Mill", "Station", "Orchard")


class BenchError(Exception):
    """The figures cannot be measured, or would be worth nothing; the sentence says why."""


@dataclass(frozen=True, slots=True)
class House:
    """Where one round happens. ``connections`` and ``workers`` are the product's own settings."""

    folder: Path
    settings: Settings
    people: int
    program_id: int = 0

    @property
    def contacts(self) -> Path:
        """The file of the invented people."""
        return self.folder / "contacts.csv"

    @property
    def environment(self) -> dict[str, str]:
        """The settings as every child process gets them."""
        return environment(self.settings)

    @property
    def ahead(self) -> float:
        """How many seconds the installation's clock is ahead of the machine's."""
        return TUESDAY.timestamp() - (self.settings.clock_real or 0.0)

    @property
    def simulator_port(self) -> int:
        """Where the simulator listens."""
        return int((self.settings.twilio_base_url or "").rpartition(":")[2])


def build_house(folder: Path, database_url: str | None, people: int, product: dict[str, int]) -> House:
    """A new installation in ``folder`` with a program, a file of people, and nobody imported yet."""
    settings = _settings(folder, database_url, product)
    prepare(settings)
    runtime = build(settings)
    program_id = create_program(runtime, _program(), ACTOR)
    plain.make_tables(runtime.db)
    runtime.db.close()
    house = House(folder, settings, people, program_id)
    _write_people(house)
    return house


def require_empty(database_url: str) -> None:
    """BenchError unless nobody has ever used this database: the bench empties it at the end."""
    database = Database(database_url)
    try:
        if has_tables(database):
            raise BenchError(
                "The database holds an installation: give the bench an empty one, it is emptied afterwards."
            )
    finally:
        database.close()


def tear_down(house: House) -> None:
    """Remove the tables from a database that stays after the folder is gone."""
    if house.settings.database_url is None:
        return
    database = Database(house.settings.database)
    plain.drop_tables(database)
    SQLModel.metadata.drop_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        if not database.is_sqlite:
            for name in TRIGGER_FUNCTIONS:
                connection.execute(text(f"DROP FUNCTION IF EXISTS {name}"))
    database.close()


def numbers(count: int) -> list[str]:
    """So many numbers in E.164, spread over the area codes; BenchError when there are not that many.

    All of exchange 555: first 0100 to 0198, which are kept for fiction, then the lines of directory services.
    """
    lines = chain(range(100, 199), range(100), range(200, 10_000))
    spread = list(islice((f"+1{area}555{line:04}" for line in lines for area in _area_codes()), count))
    if count > len(spread):
        raise BenchError(f"There are {len(spread):,} numbers that no person has: measure with at most as many.")
    return spread


@cache
def _area_codes() -> list[int]:
    """Area codes of the United States whose numbers may be mobiles: not those of toll-free numbers."""
    areas = [(area, phonenumbers.parse(f"+1{area}5550100")) for area in range(201, 990)]
    possible = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
    american = [(area, one) for area, one in areas if phonenumbers.region_code_for_number(one) == "US"]
    return [area for area, one in american if phonenumbers.number_type(one) == possible]


def _settings(folder: Path, database_url: str | None, product: dict[str, int]) -> Settings:
    web, hooks, simulator = free_ports(3)
    values = {
        "home": folder / "home",
        "database_url": database_url,
        "port": web,
        "hooks_port": hooks,
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_base_url": f"http://127.0.0.1:{simulator}",
        "clock_real": time.time(),
        "clock_virtual": TUESDAY,
        "log_level": "INFO",
        **product,
    }
    return Settings(**{**{name: known.default for name, known in Settings.model_fields.items()}, **values})


def _program() -> ProgramIn:
    """A program as there are many: one brand, one from_number, two caps that this day does not reach."""
    return ProgramIn(
        slug=PROGRAM,
        brand="Larkfield",
        help_contact="hello@larkfield.example",
        purposes=[Purpose.MARKETING],
        countries=["US"],
        from_numbers=[FromNumberIn("US", FROM_NUMBER, rate=RATE)],
        caps=[Cap(limit=20, hours=24), Cap(limit=60, hours=24 * 7)],
    )


def _write_people(house: House) -> None:
    with house.contacts.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for place, number in enumerate(numbers(house.people)):
            name, city = NAMES[place % len(NAMES)], CITIES[place % len(CITIES)]
            writer.writerow((number, name, city, "yes", "2025-11-03", WORDING))
