"""A small installation for tests: a real database with the real migrations, a recording provider, a clock by hand."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from guards import CHAIN
from guards.base import Kind, Purpose
from sender.audience.ledger import Act, record
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.clock import Clock
from sender.crypto import make_keys, seal, text_hash
from sender.db import Database
from sender.halt import found
from sender.models import Contact, FromNumber, Message, Number, Program, Wording
from sender.processes.drift import Watch
from sender.providers.recording import RecordingProvider
from sender.runtime import Runtime
from sender.settings import Settings
from sender.states import Status
from tests.tables import give_tables

TUESDAY = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
"""11:00 in New York, 08:00 in Los Angeles, a Tuesday without holidays."""
FOOTER = "Reply STOP to opt out"
WORDING = "Yes, text me offers. Msg & data rates may apply. Reply STOP to opt out."


@dataclass(frozen=True, slots=True)
class HandClock(Clock):
    """Stands still until a test moves it."""

    hands: dict[str, datetime | float] = field(default_factory=lambda: {"now": TUESDAY, "elapsed": 0.0})

    def now(self) -> datetime:
        """The instant the test set."""
        value = self.hands["now"]
        assert isinstance(value, datetime)
        return value

    def real(self) -> datetime:
        """The same instant: tests have one time."""
        return self.now()

    def elapsed(self) -> float:
        """Seconds the test let pass."""
        return float(self.hands["elapsed"])  # type: ignore[arg-type]

    def move(self, by: timedelta) -> None:
        """Let time pass on both clocks."""
        self.hands["now"] = self.now() + by
        self.hands["elapsed"] = self.elapsed() + by.total_seconds()


class Believing(Watch):
    """Takes the clock's word for it: where a test moves the clock, or no other clock can be heard."""

    def trouble(self, clock: Clock) -> str:
        """None."""
        return ""


@dataclass
class Installation:
    """The runtime of one test, and short words for what tests do with it."""

    runtime: Runtime
    clock: HandClock
    provider: RecordingProvider
    program_id: int = 0
    line_id: int = 0

    def consent(self, session: Session, number_id: int, at: datetime | None = None) -> None:
        """Give this number express written consent to the program's marketing."""
        when = at or self.clock.now() - timedelta(days=30)
        act = Act(
            number_id, self.program_id, "opt_in", Purpose.MARKETING, when, "form", None, "express_written", WORDING
        )
        record(session, [act], self.clock.now())

    def contact(self, e164: str, *, consent: bool = True, **columns: object) -> int:
        """A contact with this number; returns the number's id."""
        now = self.clock.now()
        with self.runtime.db.write() as session:
            phone = parse(e164, None)
            number_id = find_or_make(session, self.runtime.keys, [phone], now)[phone.e164]
            session.add(Contact(number_id=number_id, created_at=now, changed_at=now, **columns))
            if consent:
                self.consent(session, number_id)
        return number_id

    def message(self, number_id: int, text: str = f"Acme: Sale today. {FOOTER}", **columns: object) -> int:
        """A queued message to this number; returns its id."""
        now = self.clock.now()
        with self.runtime.db.write() as session:
            data_key = session.get_one(Number, number_id).data_key
            values = {
                "program_id": self.program_id,
                "number_id": number_id,
                "from_number_id": self.line_id,
                "kind": Kind.CAMPAIGN.value,
                "purpose": Purpose.MARKETING.value,
                "status": Status.QUEUED.value,
                "text_cipher": seal(self.runtime.keys.unwrap(data_key), text.encode()),
                "text_hash": text_hash(text),
                "parts": 1,
                "send_after": now,
                "created_at": now,
                "changed_at": now,
                "touched_at": now,
                **columns,
            }
            row = Message(**values)
            session.add(row)
            session.flush()
            return row.id or 0

    def status(self, message_id: int) -> str:
        """Where a message is now."""
        with self.runtime.db.read() as session:
            return session.get_one(Message, message_id).status


def install(home: Path, database_url: str, **settings: object) -> Installation:
    """A fresh installation with one program (brand Acme) and one long code for every country."""
    home.mkdir(mode=0o700, exist_ok=True)
    database = Database(database_url)
    give_tables(database)
    clock, provider = HandClock(), RecordingProvider()
    values = {"home": home, "database_url": database_url, "twilio_account_sid": "AC" + "0" * 32, **settings}
    chosen = Settings(_env_file=None, **values)  # type: ignore[arg-type]
    runtime = Runtime(chosen, database, make_keys(home), clock, CHAIN, provider, Believing())
    installation = Installation(runtime, clock, provider)
    with database.write() as session:
        found(session)
        installation.program_id = make_program(session, clock.now())
        installation.line_id = line(session, installation.program_id)
    return installation


def make_program(session: Session, now: datetime) -> int:
    """The program Acme: marketing, two texts a day, answers for the keywords; returns its id."""
    program = Program(slug="acme", brand="Acme", help_contact="help@acme.example", footer=FOOTER, created_at=now)
    program.purposes = [Purpose.MARKETING.value, Purpose.INFORMATIONAL.value]
    program.caps = [{"limit": 2, "hours": 24, "scope": "program"}]
    program.countries = ["US", "CA", "GB", "FR", "DE"]
    session.add(program)
    session.flush()
    for kind in ("stop", "start", "help"):
        words = f"Acme: this is the {kind} answer."
        program_id = program.id or 0
        session.add(
            Wording(program_id=program_id, kind=kind, version=1, text=words, hash=text_hash(words), created_at=now)
        )
    return program.id or 0


def line(session: Session, program_id: int, **columns: object) -> int:
    """A from_number of the program; a long code for every country unless said otherwise."""
    values: dict[str, object] = {"country": "*", "address": "+12125550100", "kind": "long_code", "rate": 1000.0}
    row = FromNumber(program_id=program_id, **{**values, **columns})
    session.add(row)
    session.flush()
    return row.id or 0


def with_provider(installation: Installation, provider: object) -> Runtime:
    """The same runtime over another provider."""
    return replace(installation.runtime, provider=provider)  # type: ignore[arg-type]
