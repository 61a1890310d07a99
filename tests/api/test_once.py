"""One effect per Idempotency-Key: repeated, at once, after a kill, on both databases."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sender.audience.retention import forget_some
from sender.models import ApiAnswer, Message
from tests.api.conftest import Caller, allow_every_purpose, caller, make_key
from tests.installation import Installation, install
from web.app import create_app

TEXT = {"to": "+12125550123", "program": "acme", "purpose": "transactional", "body": "Your parcel left."}


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


def count(installation: Installation, table: type = Message) -> int:
    """How many rows there are."""
    with installation.runtime.db.read() as session:
        return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def test_the_first_answer_is_given_again(installation: Installation) -> None:
    """For 24 hours and to the letter, with a header that says so; then the key is a new one."""
    shop = caller(installation)
    first, again = shop.post("/messages", TEXT, once="a"), shop.post("/messages", TEXT, once="a")
    assert (first.data, first.status_code) == (again.data, again.status_code)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    other = caller(installation, name="other")
    assert other.post("/messages", TEXT, once="a").json["id"] != first.json["id"]
    installation.clock.move(timedelta(hours=24))
    late = Caller(shop.client, make_key(installation, name="late"))
    late.post("/messages", TEXT, once="b")
    assert (forget_some(installation.runtime, "api_answers")[0], count(installation, ApiAnswer)) == (
        2,
        1,
    )


def test_another_body_under_the_same_key_is_refused(installation: Installation) -> None:
    """Nothing is sent for it, and the first answer stays; a broken key is named."""
    shop = caller(installation)
    shop.post("/messages", TEXT, once="a")
    other = shop.post("/messages", {**TEXT, "body": "Another."}, once="a")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert shop.post("/messages", TEXT, once="é").json["code"] == "invalid_idempotency_key"
    assert count(installation) == 1


def test_a_request_that_came_to_nothing_may_be_mended(installation: Installation) -> None:
    """A problem is no effect: the same key serves the request once it is right."""
    shop = caller(installation)
    assert shop.post("/messages", {**TEXT, "program": "acne"}, once="a").status_code == 422
    assert shop.post("/messages", TEXT, once="a").status_code == 201


@pytest.mark.parametrize("processes", [1, 2])
def test_many_at_once_have_one_effect(installation: Installation, processes: int) -> None:
    """Whether they meet in one process or in two: one text, each answer the first or a conflict that says wait."""
    key = make_key(installation)
    apps = [create_app(installation.runtime) for _ in range(processes)]
    answers: list[tuple[int, str]] = []
    gate = threading.Barrier(6)

    def ask(place: int) -> None:
        shop = Caller(apps[place % processes].test_client(), key)
        gate.wait()
        for turn in range(5):
            answer = shop.post("/messages", {**TEXT, "body": f"Parcel {turn} left."}, once=f"key-{turn}")
            answers.append((answer.status_code, (answer.json or {}).get("code", "")))

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {(201, ""), (409, "in_flight")}
    assert (len(answers), count(installation), count(installation, ApiAnswer)) == (30, 5, 5)


def test_effect_and_answer_are_there_together_or_not_at_all(installation: Installation) -> None:
    """A process that dies before its commit leaves neither: the repeated request then does the work."""
    shop = caller(installation)
    with installation.runtime.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE api_answer RENAME TO away")
    assert shop.post("/messages", TEXT, once="a").status_code == 500
    assert count(installation) == 0
    with installation.runtime.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO api_answer")
    assert shop.post("/messages", TEXT, once="a").status_code == 201
    assert count(installation) == 1
