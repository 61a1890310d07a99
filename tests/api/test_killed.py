"""Keyed requests while the web process is killed again and again: one effect each, and one answer for all who ask."""

import os
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from tactful_client import Problem, Tactful

from sender.models import ApiAnswer, Message
from sender.processes.supervisor import Process
from sender.processes.up import build_processes, child_environment
from tests.api.conftest import allow_every_purpose, make_key
from tests.installation import Installation, install
from tests.servers import free_port
from tests.waiting import eventually

AT_ONCE = 60
"""Requests on their way: ten or so that are asked for together, each by several."""


@dataclass
class Mortal:
    """A web process that is killed and started again."""

    process: Process
    environment: dict[str, str]
    log: Path

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as output:
            environment = {**os.environ, **self.environment, **self.process.env}
            self.running = subprocess.Popen(
                list(self.process.command), env=environment, stdout=output, stderr=output, process_group=0
            )
        eventually(self.process.ready or (lambda: True), 60)

    def kill(self) -> None:
        """kill -9."""
        os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[tuple[Installation, Mortal]]:
    """An installation on each database in turn, and its web process."""
    more = {"twilio_base_url": "http://127.0.0.1:1", "port": free_port(), "api_rate": 1_000_000}
    made = install(tmp_path / "home", database_url, twilio_auth_token="t", **more)
    allow_every_purpose(made)
    environment = {**child_environment(made.runtime.settings), "TACTFUL_API_RATE": "1000000"}
    (web,) = (one for one in build_processes(made.runtime.settings, environment) if one.name == "web")
    mortal = Mortal(web, environment, tmp_path / "web.log")
    mortal.start()
    yield made, mortal
    mortal.kill()
    made.runtime.db.close()


def ask_all(url: str, key: str, requests: int) -> dict[int, set[str]]:
    """Ask each request two to ten times at once, until every one of them has its answer; the ids by request."""
    told: list[tuple[int, str]] = []
    with Tactful(url, key) as tactful, ThreadPoolExecutor(AT_ONCE) as pool:

        def ask(place: int) -> None:
            words = {"to": f"+121255501{place % 100:02}", "body": f"Acme: parcel {place} left."}
            while True:
                try:
                    answer = tactful.send(**words, program="acme", purpose="transactional", once=f"key-{place}")
                except (Problem, httpx.HTTPError):
                    continue
                told.append((place, answer["id"]))
                return

        list(pool.map(ask, (place for place in range(requests) for _ in range(2 + place % 9))))
    answers: dict[int, set[str]] = defaultdict(set)
    for place, message in told:
        answers[place].add(message)
    return answers


def try_with_kills(house: tuple[Installation, Mortal], requests: int, every: float) -> int:
    """Ask, kill each so many seconds, and judge by the database; returns how often it was killed."""
    made, mortal = house
    done, kills = threading.Event(), 0
    answers: dict[int, set[str]] = {}
    key = make_key(made)

    def work() -> None:
        answers.update(ask_all(made.runtime.settings.address, key, requests))
        done.set()

    asking = threading.Thread(target=work)
    asking.start()
    while not done.wait(every):
        mortal.kill()
        mortal.start()
        kills += 1
    asking.join()
    with made.runtime.db.read() as session:
        texts = session.execute(select(func.count()).select_from(Message)).scalar_one()
        kept = session.execute(select(func.count()).select_from(ApiAnswer)).scalar_one()
    assert (texts, kept, len(answers)) == (requests, requests, requests)
    assert {len(ids) for ids in answers.values()} == {1}
    return kills


@pytest.mark.nightly
def test_ten_thousand_keyed_requests_have_one_effect_each(house: tuple[Installation, Mortal]) -> None:
    """Two to ten at once each, with a kill every 15 seconds: ten thousand texts, ten thousand answers."""
    assert try_with_kills(house, 10_000, 15.0) >= 10
