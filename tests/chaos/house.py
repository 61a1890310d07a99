"""The installation that faults are tried on: a database, a simulator, and people who said yes.

Judged from outside: the simulator's log (``requests``, ``accepted``) and the database when all has come to rest.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlmodel import Session, col

from guards.base import Kind, Purpose
from sender.audience.ledger import Act, record
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.cli.common import build
from sender.clock import Clock
from sender.crypto import make_keys, seal, text_hash
from sender.db import Database
from sender.halt import found
from sender.models import Attempt, Campaign, Contact, Message, Number, Program
from sender.runtime import Runtime
from sender.settings import Settings
from sender.simulator.clock import Clock as SimulatorClock
from sender.simulator.config import SimulatorConfig
from sender.simulator.server import Running, serve
from sender.states import Status
from tests.approving import approve
from tests.installation import FOOTER, TUESDAY, WORDING, Believing, line, make_program
from tests.servers import free_port
from tests.tables import give_tables

ACCOUNT = "AC" + "0" * 32
TOKEN = "chaos-token"
LINE = "+12125550100"
TEXT = f"Acme: Sale today. {FOOTER}"
AREAS = (212, 646, 917, 718, 347, 516, 914, 607, 315, 585)
RESTING = frozenset({"sent", "delivered", "undelivered", "failed", "blocked", "cancelled", "expired", "unproven"})


@dataclass(frozen=True, slots=True)
class AheadClock(Clock):
    """The installation's clock, wrong by so much: ``ahead`` on the campaign's hand, ``later`` on the machine's."""

    ahead: timedelta = timedelta()
    later: timedelta = timedelta()

    def now(self) -> datetime:
        """The campaign clock, ahead."""
        return self.anchor_now + timedelta(seconds=time.time() - self.anchor_real) + self.ahead

    def real(self) -> datetime:
        """The machine's clock, later."""
        return datetime.now(UTC) + self.later


@dataclass
class House:
    """One installation beside its simulator; ``next_number`` counts the people there are."""

    settings: Settings
    simulator: Running
    database: Database
    program_id: int = 0
    line_id: int = 0
    next_number: int = 0
    numbers: dict[int, str] = field(default_factory=dict)

    @contextmanager
    def runtime(self, ahead: timedelta = timedelta(), later: timedelta = timedelta()) -> Iterator[Runtime]:
        """A fresh runtime of one's own, its clock wrong by so much."""
        made = runtime_of(self.settings, ahead, later)
        try:
            yield made
        finally:
            made.db.close()

    def people(self, count: int) -> list[int]:
        """So many more New Yorkers who said yes; the ids of their numbers."""
        start, self.next_number = self.next_number, self.next_number + count
        with self.runtime() as runtime, runtime.db.write() as session:
            made = _people(session, runtime, self.program_id, self.spread(start, count))
        self.numbers |= made
        return list(made)

    def campaign(self, status: str = "running") -> int:
        """A campaign in this state, with no messages yet."""
        with self.runtime() as runtime, runtime.db.write() as session:
            now = runtime.clock.now()
            row = Campaign(program_id=self.program_id, name=f"c{time.monotonic_ns()}", status=status, created_at=now)
            row.planned_at = now
            session.add(row)
            session.flush()
            approve(session, row.id or 0)
            return row.id or 0

    def messages(self, numbers: Sequence[int], campaign_id: int | None = None, status: str = "queued") -> list[int]:
        """One message to each of these numbers; their ids."""
        with self.runtime() as runtime, runtime.db.write() as session:
            keys = {}
            for start in range(0, len(numbers), 500):
                some = select(col(Number.id), col(Number.data_key)).where(
                    col(Number.id).in_(numbers[start : start + 500])
                )
                keys |= dict(session.execute(some).all())
            rows = [_message(runtime, self, number, keys[number], campaign_id, status) for number in numbers]
            made = insert(Message).returning(col(Message.id), sort_by_parameter_order=True)
            return [message_id or 0 for message_id in session.execute(made, rows).scalars()]

    def statuses(self, ids: Sequence[int] | None = None) -> Counter[str]:
        """How many of these messages (or of all) are in which state."""
        with self.database.read() as session:
            if ids is None:
                counted = select(col(Message.status), func.count()).group_by(col(Message.status))
                return Counter(dict(session.execute(counted).all()))
            rows = session.execute(select(col(Message.id), col(Message.status))).all()
        wanted = set(ids)
        return Counter(status for message_id, status in rows if message_id in wanted)

    def arrived(self) -> int:
        """How many texts the simulator has taken."""
        return self.simulator.world.log.counts["accepted"]

    def requests(self) -> list[dict[str, Any]]:
        """Every create that has reached the simulator."""
        return [dict(entry) for entry in self.simulator.seen("request") if entry["method"] == "POST"]

    def accepted(self) -> list[dict[str, Any]]:
        """Every text that the simulator took."""
        return [dict(entry) for entry in self.simulator.seen("accepted")]

    def spread(self, start: int, count: int) -> list[str]:
        """The numbers of these people to be."""
        return list(islice(_spread(), start, start + count))

    def taken(self, ids: Sequence[int]) -> int:
        """How many texts of these messages the simulator took, each as often as it did."""
        of = self.messages_of_tokens()
        wanted = set(ids)
        return sum(of.get(token_of(entry)) in wanted for entry in self.accepted())

    def messages_of_tokens(self) -> dict[str, int]:
        """The message of every attempt, by the attempt's token."""
        with self.database.read() as session:
            return dict(session.execute(select(col(Attempt.token), col(Attempt.message_id))).all())

    def set_cap(self, limit: int) -> None:
        """The program's cap in 24 hours."""
        with self.runtime() as runtime, runtime.db.write() as session:
            caps = [{"limit": limit, "hours": 24, "scope": "program"}]
            session.execute(update(Program).where(col(Program.id) == self.program_id).values(caps=caps))


def token_of(entry: dict[str, Any]) -> str:
    """The attempt's token in the callback address of a logged create."""
    return str(entry["status_callback"]).split("#")[0].rsplit("/", 1)[-1].rsplit(".", 1)[0]


def runtime_of(
    settings: Settings, ahead: timedelta = timedelta(), later: timedelta = timedelta(), clock: Clock | None = None
) -> Runtime:
    """What one process works with: its clock wrong by so much and believed, or another clock, compared with others."""
    if clock is not None:
        return replace(build(settings), clock=clock)
    wrong = AheadClock(settings.clock_real or 0.0, settings.clock_virtual or TUESDAY, 1.0, ahead, later)
    return replace(build(settings), clock=wrong, watch=Believing())


@contextmanager
def house(
    folder: Path,
    database_url: str,
    *,
    at: datetime = TUESDAY,
    latency: float = 0.0,
    settings: dict[str, Any] | None = None,
    **simulator: Any,
) -> Iterator[House]:
    """An installation in ``folder`` that opens at 11:00 in New York; ``simulator`` overrides its configuration."""
    home, began = folder / "home", time.time()
    home.mkdir(mode=0o700)
    config = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "numbers": [{"number": LINE, "kind": "long_code", "rate": 100_000}],
        "latency": {"mean": latency, "spread": latency / 3},
        "callbacks": {"enabled": False},
        **simulator,
    }
    clock = SimulatorClock(began, at, 1.0)
    with serve(SimulatorConfig.model_validate(config), clock=clock) as running:
        chosen = Settings(
            _env_file=None,  # type: ignore[call-arg]
            home=home,
            database_url=database_url,
            port=free_port(),
            hooks_port=free_port(),
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=TOKEN,  # type: ignore[arg-type]
            twilio_base_url=running.url,
            clock_real=began,
            clock_virtual=at,
            read_seconds=4,
            sweep_seconds=6,
            **(settings or {}),
        )
        make_keys(home)
        made = House(chosen, running, Database(database_url))
        _found(made)
        yield made
        made.database.close()


def _found(made: House) -> None:
    give_tables(made.database)
    with made.database.write() as session:
        found(session)
        made.program_id = make_program(session, made.settings.clock_virtual or TUESDAY)
        made.line_id = line(session, made.program_id, rate=100_000.0)
    made.set_cap(100_000)


def _spread() -> Iterator[str]:
    """Numbers of New York State, 100,000 of them."""
    return (f"+1{area}{exchange}{n:04}" for exchange in range(220, 320) for area in AREAS for n in range(100))


def _people(session: Session, runtime: Runtime, program_id: int, e164s: Sequence[str]) -> dict[int, str]:
    now = runtime.clock.now()
    when = now - timedelta(days=30)
    phones = [parse(e164, None) for e164 in e164s]
    ids = find_or_make(session, runtime.keys, phones, now)
    contacts = [{"number_id": ids[e164], "created_at": now, "changed_at": now, "attributes": {}} for e164 in e164s]
    session.execute(insert(Contact), contacts)
    yes = [
        Act(ids[e164], program_id, "opt_in", Purpose.MARKETING, when, "form", None, "express_written", WORDING)
        for e164 in e164s
    ]
    record(session, yes, now)
    return {ids[e164]: e164 for e164 in e164s}


def _message(
    runtime: Runtime, made: House, number: int, data_key: bytes, campaign_id: int | None, status: str
) -> dict[str, Any]:
    now, real = runtime.clock.now(), runtime.clock.real()
    return {
        "campaign_id": campaign_id,
        "program_id": made.program_id,
        "number_id": number,
        "from_number_id": made.line_id,
        "kind": Kind.CAMPAIGN.value,
        "purpose": Purpose.MARKETING.value,
        "status": Status(status).value,
        "text_cipher": seal(runtime.keys.unwrap(data_key), TEXT.encode()),
        "text_hash": text_hash(TEXT),
        "parts": 1,
        "send_after": now,
        "created_at": now,
        "changed_at": now,
        "touched_at": real,
    }
