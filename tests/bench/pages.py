"""``python -m tests.bench.pages URL HOME``: how long each page takes with a million contacts and ten million messages.

Fills an empty PostgreSQL database with made-up rows (minutes; HOME keeps the keys), then looks at every page as its
owner. A second run with the same words only looks. Server time is that of the application in this process, from request
to rendered answer, with the database beside it. Processor time is what this process and the database spent on it, which
a busy machine hardly stretches; what is counted aside is not in it. Receipts are left out: no page reads them.
"""

import argparse
import os
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Connection, event, func, select, text
from sqlmodel import col

from guards import CHAIN
from sender import accounts, schema
from sender.audience.links import opt_out_token
from sender.audience.opt_in_forms import FormIn, keep
from sender.clock import Clock
from sender.crypto import load_keys, make_keys, seal
from sender.db import Database
from sender.models import Campaign, Contact, ImportRun, Number, OptInForm, Role, Segment, User
from sender.runtime import Runtime
from sender.settings import Settings
from tests.bench import crowd
from tests.browser.uploaded import bring_files
from tests.browser.world import fill
from tests.web.conftest import NoProvider, browser, log_in
from tests.web.test_query_counts import FURTHER
from tests.web.walking import addresses
from web.app import create_app

EMAIL, PASSWORD = "ana@example.org", "violet tractor under snow"
GOAL_MS = 200.0


@dataclass(frozen=True, slots=True)
class Look:
    """Milliseconds of one look at a page: on the clock, and of the processor."""

    took: float
    spent: float


class Backends:
    """Seconds of the processor that the database spends on what the thread asks that made this."""

    def __init__(self, runtime: Runtime) -> None:
        self.spent = 0.0
        self._thread = threading.get_ident()
        event.listen(runtime.db.engine, "before_cursor_execute", self._begin)
        event.listen(runtime.db.engine, "after_cursor_execute", self._end)

    def _begin(self, connection: Connection, *_: object) -> None:
        if threading.get_ident() == self._thread:
            self.spent -= _seconds(connection)

    def _end(self, connection: Connection, *_: object) -> None:
        if threading.get_ident() == self._thread:
            self.spent += _seconds(connection)


def _seconds(connection: Connection) -> float:
    """What the backend of a connection has run for so far, by the kernel's own count; PostgreSQL on this machine."""
    driver: Any = connection.connection.dbapi_connection
    return int(Path(f"/proc/{driver.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9


def main() -> None:
    """Fill where it is empty, look, print a table; the slowest page first."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("url")
    asked.add_argument("home", type=Path)
    asked.add_argument("--contacts", type=int, default=1_000_000)
    asked.add_argument("--messages", type=int, default=10_000_000)
    asked.add_argument("--looks", type=int, default=20)
    asked.add_argument("--only", default="", help="pages whose address begins so")
    options = asked.parse_args()
    runtime = filled(options.url, options.home, options.contacts, options.messages)
    found = look(runtime, options.looks, options.only)
    print("| page | first | median | p95 | processor, p95 |\n|---|---:|---:|---:|---:|")  # noqa: T201
    for page, looks in sorted(found.items(), key=lambda one: -_p95([look.spent for look in one[1]])):
        print(_line(page, looks))  # noqa: T201
    print(f"\nLoad {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")  # noqa: T201
    runtime.db.close()


def filled(url: str, home: Path, contacts: int, messages: int) -> Runtime:
    """The installation in this database, with its crowd; made now where the database is empty."""
    runtime = _runtime(url, home)
    if not schema.has_tables(runtime.db):
        _fill(runtime, contacts, messages)
    return runtime


def _line(page: str, looks: list[Look]) -> str:
    times, spent = [look.took for look in looks], _p95([look.spent for look in looks])
    mark = " **over**" if spent > GOAL_MS else ""
    middle = sorted(times)[len(times) // 2]
    return f"| {page} | {times[0]:.0f} ms | {middle:.0f} ms | {_p95(times):.0f} ms | {spent:.0f} ms{mark} |"


def look(runtime: Runtime, looks: int, only: str = "") -> dict[str, list[Look]]:
    """So many looks at each page, by its rule; people are others each time."""
    app = create_app(runtime)
    client = browser(app)
    assert log_in(client, EMAIL, PASSWORD).status_code == 303
    people = _people(runtime, looks)
    found: dict[str, list[Look]] = {}
    backends = Backends(runtime)
    for number_id in people:
        pages = {name.partition(" ")[2]: path for name, path in addresses(app, _known(runtime, number_id)).items()}
        for page, path in [*pages.items(), *((path, path) for path in FURTHER)]:
            if page.startswith(only):
                found.setdefault(page, []).append(_look(client, path, backends))
    return found


def _look(client: FlaskClient, path: str, backends: Backends) -> Look:
    backends.spent = 0.0
    began, spent = time.perf_counter(), time.thread_time()
    answer = client.get(path)
    took, spent = time.perf_counter() - began, time.thread_time() - spent
    assert answer.status_code < 500, f"{path} answers {answer.status_code}"
    return Look(took * 1000, (spent + backends.spent) * 1000)


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]


def _runtime(url: str, home: Path) -> Runtime:
    home.mkdir(exist_ok=True)
    keys = load_keys(home) if (home / "keys.json").exists() else make_keys(home)
    settings = Settings(_env_file=None, home=home, database_url=url, public_url="https://sms.example.org/")
    return Runtime(settings, Database(url), keys, Clock(), CHAIN, NoProvider())


def _fill(runtime: Runtime, contacts: int, messages: int) -> None:
    """The small world of the browser's tests, an owner, and the crowd around it."""
    schema.upgrade(runtime.db)
    with runtime.db.write() as session:
        fill(session, runtime)
        known = accounts.new_password_hash(PASSWORD, EMAIL)
        user = User(email=EMAIL, password_hash=known, created_at=runtime.clock.real())
        session.add(user)
        session.flush()
        session.add(Role(user_id=user.id or 0, program_id=0, name="owner"))
    bring_files(runtime, 1)
    keep(runtime, FormIn("spring", 1, "Be the first to know", "offers", countries=("US",)), "ana")
    data_key = runtime.keys.new_data_key()
    key = runtime.keys.unwrap(data_key)
    sealed = {"data_key": data_key, "cipher": seal(key, b"+12125550199"), "words": seal(key, b"Lumen & Co: Hello.")}
    engine = runtime.db.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, crowd.in_bulk(connection):
        for what, statement, more in crowd.statements(contacts, messages):
            began = time.perf_counter()
            connection.execute(text(statement), {**sealed, **more})
            print(f"{what}: {time.perf_counter() - began:.0f} s", flush=True)  # noqa: T201


def _people(runtime: Runtime, count: int) -> list[int]:
    with runtime.db.read() as session:
        last = session.execute(select(func.max(col(Contact.number_id)))).scalar_one()
        wanted = random.Random(7).sample(range(1, last), count)
        return [
            session.execute(select(func.min(col(Number.id))).where(col(Number.id) >= n)).scalar_one() for n in wanted
        ]


def _known(runtime: Runtime, number_id: int) -> Mapping[str, object]:
    with runtime.db.read() as session:
        biggest = select(col(Campaign.id)).where(col(Campaign.name) == crowd.BIGGEST)
        return {
            "campaign_id": session.execute(biggest).scalar_one(),
            "segment_id": session.execute(select(func.min(col(Segment.id)))).scalar_one(),
            "import_id": session.execute(select(func.max(col(ImportRun.id)))).scalar_one(),
            "form_id": session.execute(select(func.min(col(OptInForm.id)))).scalar_one(),
            "number_id": number_id,
            "program_id": 1,
            "slug": "spring",
            "code": "US-NY",
            "switch": "close",
            "change": "loosen",
            "country": "US",
            "which": "suppressed",
            "token": opt_out_token(runtime.keys, number_id, 1),
        }


if __name__ == "__main__":
    main()
