"""``python -m tests.bench.pages URL HOME``: how long each page takes with a million contacts and ten million messages.

Fills an empty PostgreSQL database with made-up rows (minutes; HOME keeps the keys), then looks at every page as its
owner. A second run with the same words only looks. Server time is that of the application in this process, from request
to rendered answer, with the database beside it. Receipts are left out: no page reads them.
"""

import argparse
import random
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import quantiles

from flask.testing import FlaskClient
from sqlalchemy import func, select, text
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
    print("| page | first | median | p95 |\n|---|---:|---:|---:|")  # noqa: T201
    for page, times in sorted(found.items(), key=lambda one: -_p95(one[1])):
        middle = sorted(times)[len(times) // 2]
        mark = " **over**" if _p95(times) > GOAL_MS else ""
        print(f"| {page} | {times[0]:.0f} ms | {middle:.0f} ms | {_p95(times):.0f} ms{mark} |")  # noqa: T201
    runtime.db.close()


def filled(url: str, home: Path, contacts: int, messages: int) -> Runtime:
    """The installation in this database, with its crowd; made now where the database is empty."""
    runtime = _runtime(url, home)
    if not schema.has_tables(runtime.db):
        _fill(runtime, contacts, messages)
    return runtime


def look(runtime: Runtime, looks: int, only: str = "") -> dict[str, list[float]]:
    """The milliseconds of so many looks at each page, by its rule; people are others each time."""
    app = create_app(runtime)
    client = browser(app)
    assert log_in(client, EMAIL, PASSWORD).status_code == 303
    people = _people(runtime, looks)
    found: dict[str, list[float]] = {}
    for number_id in people:
        pages = {name.partition(" ")[2]: path for name, path in addresses(app, _known(runtime, number_id)).items()}
        for page, path in [*pages.items(), *((path, path) for path in FURTHER)]:
            if page.startswith(only):
                found.setdefault(page, []).append(_milliseconds(client, path))
    return found


def _milliseconds(client: FlaskClient, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code < 500, f"{path} answers {answer.status_code}"
    return took


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
