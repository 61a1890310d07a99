"""Two copies of one installation run side by side: 0 texts twice, 0 lost, and the copy sends nothing by itself."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import select, update
from sqlmodel import col

from sender.backup import copies
from sender.backup.place import check_in, hold_if_elsewhere, place
from sender.db import Database
from sender.models import Installation, Receipt
from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import deliver
from tests.chaos.house import House, house
from tests.chaos.restores import release_copy
from tests.chaos.settle import recover
from tests.installation import TUESDAY
from tests.waiting import eventually
from web.receiver import create_receiver

TEXTS = 48


@contextmanager
def at_the_public_address(made: House) -> Iterator[None]:
    """This copy's hooks listen where Twilio posts to."""
    loop, up = asyncio.new_event_loop(), threading.Event()
    runners: list[web.AppRunner] = []

    async def begin(app: web.Application) -> None:
        runners.append(web.AppRunner(app, access_log=None))
        await runners[0].setup()
        await web.TCPSite(runners[0], "127.0.0.1", made.settings.hooks_port).start()
        up.set()

    with made.runtime() as runtime:
        app = create_receiver(runtime)
        loop.create_task(begin(app))
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            assert up.wait(10)
            yield
            asyncio.run_coroutine_threadsafe(runners[0].cleanup(), loop).result(10)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.nightly)])
def first(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An installation with a public address."""
    url = str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "pg_url"))
    with house(tmp_path, url, latency=0.02, settings={"connections": 8, "workers": 2}) as made:
        public = f"http://127.0.0.1:{made.settings.hooks_port}"
        made.settings = made.settings.model_copy(update={"public_url": public})
        yield made


@pytest.fixture
def second_url(first: House, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database for the copy, of the same kind."""
    if first.database.is_sqlite:
        return f"sqlite:///{tmp_path / 'second.db'}"
    return str(request.getfixturevalue("pg_url")).rpartition("/")[0] + "/" + _another(request)


def _another(request: pytest.FixtureRequest) -> str:
    name = next(request.getfixturevalue("database_names"))
    request.getfixturevalue("postgres").create(name)
    request.addfinalizer(lambda: request.getfixturevalue("postgres").drop(name))
    return str(name)


def copied(first: House, url: str, *, machine: bool) -> House:
    """The same rows in another database; ``machine``: nothing in it tells that it lies elsewhere, as in a clone."""
    home = first.settings.home.with_name("clone")
    home.mkdir(mode=0o700)
    settings = first.settings.model_copy(update={"home": home, "database_url": url})
    made = replace(first, settings=settings, database=Database(url))
    copies.copy(first.database, made.database, TUESDAY)
    for name in ("keys.json", "epoch.json"):
        (home / name).write_bytes((first.settings.home / name).read_bytes())
    with first.database.read() as session:
        row = session.get_one(Installation, 1).model_dump(exclude={"id"})
    with made.runtime() as runtime, runtime.db.write() as session:
        row |= {"place": place(runtime, session)} if machine else {}
        session.execute(update(Installation).values(**row))
    return made


def start(made: House) -> str:
    """What a worker does before its first gate: why this copy is held, if it is."""
    with made.runtime() as runtime:
        return check_in(runtime)


@contextmanager
def at_work(*copies_of_it: tuple[House, list[int]]) -> Iterator[None]:
    """A worker for each copy; at the end they are told to stop and finish what is on the wire."""
    told = CONTEXT.Event()
    with crew([(deliver, made.settings, ids, 7, 2, told) for made, ids in copies_of_it]) as children:
        yield
        told.set()
        for child in children:
            child.join(20)


@pytest.mark.parametrize(
    "machine", [pytest.param(False, id="database", marks=pytest.mark.nightly), pytest.param(True, id="machine")]
)
def test_a_copy_beside_the_first_sends_nothing(first: House, second_url: str, machine: bool) -> None:
    """A copied database, and a clone that nothing on it tells apart: held from the start, while the first sends all."""
    with at_the_public_address(first):
        assert start(first) == ""
        ids = first.messages(first.people(TEXTS), first.campaign())
        second = copied(first, second_url, machine=machine)
        assert ("another copy" if machine else "it is a copy") in start(second)
        assert start(first) == ""
        with at_work((first, ids), (second, ids)):
            eventually(lambda: first.arrived() >= TEXTS // 2)
        recover(first)
    assert Counter(entry["to"] for entry in first.accepted()) == dict.fromkeys(first.numbers.values(), 1)
    assert second.statuses() == {"pending": TEXTS}
    second.database.close()


@pytest.mark.nightly
def test_the_public_address_moves_to_the_clone(first: House, second_url: str) -> None:
    """Then the first is held within a minute, and the clone, once released, sends only what had not left."""
    with at_the_public_address(first):
        assert start(first) == ""
        campaign = first.campaign()
        ids = first.messages(first.people(TEXTS), campaign)
        second = copied(first, second_url, machine=True)
        assert "another copy" in start(second)
        with at_work((first, ids[: TEXTS // 2])):
            eventually(lambda: first.arrived() >= TEXTS // 4)
    with at_the_public_address(second):
        with first.runtime() as runtime:
            assert (hold_if_elsewhere(runtime), hold_if_elsewhere(runtime)) == (1, 0)
        assert release_copy(second, campaign) == first.arrived() >= TEXTS // 4
        with second.runtime() as runtime:
            assert hold_if_elsewhere(runtime) == 0
        recover(first)
        recover(second)
    assert Counter(entry["to"] for entry in first.accepted()) == dict.fromkeys(first.numbers.values(), 1)
    with second.database.read() as session:
        left = session.execute(select(col(Receipt.id))).all()
    assert len(left) == 1, "its own questions are taken back; the other's one stays, and fits no attempt"
    second.database.close()


def test_an_address_that_nobody_answers_holds_nobody(first: House) -> None:
    """Whether a clone is running cannot be told then, and an installation without its proxy must not stop for that."""
    assert start(first) == ""
    with first.runtime() as runtime:
        assert hold_if_elsewhere(runtime) == 0
