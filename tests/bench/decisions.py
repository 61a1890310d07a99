"""What explaining every verdict costs in space: `python -m tests.bench.decisions [MESSAGES]`.

Each message is planned at night, so that it is put off with a decision of its own, and passes the gate in the morning
with what it was based on. Both through the real doors, on both databases, to people of all area codes (three of four)
and of four countries. Printed are bytes a message, indexes included, and gigabytes for a million messages.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from phonenumbers import is_valid_number
from phonenumbers import parse as parse_number
from sqlalchemy import select, text
from sqlmodel import col

from guards.zones import table
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.campaigns import control, planner
from sender.delivery.gate import open_gate
from sender.models import Contact, Message, Program
from tests.installation import Installation, install
from tests.servers import Postgres, make_base, private

MESSAGES = 20_000
SLICE = 48
NIGHT, MORNING = timedelta(hours=13), timedelta(hours=13)
"""From the eleventh hour in New York to midnight, and on to the afternoon: eight in the morning in Honolulu is past."""
MILLION, GIGABYTE = 1_000_000, 10**9
TABLES = ("decision", "attempt", "message")


def numbers(amount: int) -> Iterator[str]:
    """Yield so many invented numbers: of every area code, each fortieth toll-free, each fourth French or British."""
    codes = [code for code in sorted(table().area_codes) if is_valid_number(parse_number(f"+1{code}5550100"))]
    for n in range(amount):
        if n % 4 == 3:
            yield f"+447400123{n // 4:03}" if n < 4000 else f"+3361234{n // 4 % 10_000:04}"
        else:
            code = "800" if n % 40 == 0 else codes[n % len(codes)]
            yield f"+1{code}55501{n // len(codes) % 100:02}"


def people(installation: Installation, amount: int) -> None:
    """Keep so many contacts with consent."""
    some, now = sorted(set(numbers(amount))), installation.clock.now()
    for start in range(0, len(some), 500):
        with installation.runtime.db.write() as session:
            phones = [parse(one, None) for one in some[start : start + 500]]
            for number_id in find_or_make(session, installation.runtime.keys, phones, now).values():
                session.add(Contact(number_id=number_id, created_at=now, changed_at=now))
                installation.consent(session, number_id)


def send(installation: Installation) -> int:
    """Plan a campaign to everybody at night and open the gate in the morning; return how many messages there are."""
    runtime = installation.runtime
    with runtime.db.write() as session:
        session.get_one(Program, installation.program_id).countries = ["US", "CA", "GB", "FR", "DE", "AU"]
    installation.clock.move(NIGHT)
    campaign = control.create(
        runtime,
        control.CampaignIn("Sale", "acme", (control.VariantIn("all", {}, "New beans are in the shop."),)),
        "ann",
    )
    control.schedule(runtime, campaign, installation.clock.now(), "ann")
    control.start_due(runtime)
    while planner.plan_slice(runtime, campaign):
        pass
    installation.clock.move(MORNING)
    with runtime.db.write() as session:
        session.execute(text("UPDATE message SET status = 'queued' WHERE status = 'pending'"))
        ids = list(session.execute(select(col(Message.id)).order_by(col(Message.id))).scalars())
    for start in range(0, len(ids), SLICE):
        open_gate(runtime, [one for one in ids[start : start + SLICE] if one])
    return len(ids)


def sizes(installation: Installation) -> dict[str, int]:
    """Return the bytes of what is kept: tables with their indexes, the facts of attempts apart from the rest."""
    sqlite = installation.runtime.db.is_sqlite
    of_table = (
        "SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name = :name)"
        if sqlite
        else "SELECT pg_total_relation_size(cast(:name AS regclass))"
    )
    of_facts = f"SELECT coalesce(sum({'length' if sqlite else 'pg_column_size'}(facts)), 0) FROM attempt"  # noqa: S608
    with installation.runtime.db.read() as session:
        found = {name: int(session.execute(text(of_table), {"name": name}).scalar_one()) for name in TABLES}
        facts = int(session.execute(text(of_facts)).scalar_one())
    return {**found, "attempt": found["attempt"] - facts, "facts": facts}


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Lend an empty database of each kind."""
    make_base()
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder, private(Postgres) as server:
        yield {"SQLite": f"sqlite:///{folder}/tactful.db", "PostgreSQL": server.create("decisions")}


def show(name: str, installation: Installation, amount: int) -> float:
    """Print one database's figures; return the gigabytes that explaining a million messages takes.

    That is the table of deferrals and blocks, and the facts of every attempt; the rest of an attempt is what delivery
    needs to send nothing twice.
    """
    people(installation, amount)
    before = sizes(installation)
    made = send(installation)
    grown = {kept: (size - before[kept]) / made for kept, size in sizes(installation).items()}
    for kept, each in grown.items():
        print(f"{name:11} {kept:9} {each:8,.0f} bytes a message")  # noqa: T201
    decisions = (grown["decision"] + grown["facts"]) * MILLION / GIGABYTE
    told = (
        f"decisions {decisions:.2f} GB a million, {decisions + grown['message'] * MILLION / GIGABYTE:.2f} with messages"
    )
    print(f"{name:11} {made:,} messages: {told}")  # noqa: T201
    return decisions


def main(amount: int = MESSAGES) -> int:
    """Measure both; 1 where the decisions of a million messages take a gigabyte or more."""
    with databases() as urls, tempfile.TemporaryDirectory() as homes:
        took = [show(name, install(Path(homes) / name, url), amount) for name, url in urls.items()]
    return 0 if max(took) < 1 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES))
