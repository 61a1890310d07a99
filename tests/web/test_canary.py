"""The test STOP through the real route: over HTTP, signed, to the process that takes Twilio's requests."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlmodel import col
from werkzeug.serving import make_server

from sender.delivery.canary import fly, fly_if_due
from sender.models import Canary, Conversation, FromNumber, Installation, Program, Reply
from sender.runtime import Runtime
from sender.watching import notices
from sender.watching.doctor import examine
from sender.watching.measures import figures
from tests.web.conftest import START, TestClock
from web.app import create_app

CANARIES = {f"tactful_canary_{one}" for one in ("age_seconds", "every_seconds", "failed", "seconds")}


@pytest.fixture
def flying(runtime: Runtime) -> Iterator[Runtime]:
    """A runtime whose hooks are served on a port of this machine."""
    with runtime.db.write() as session:
        session.add(Installation(epoch="one", created_at=START))
        program = Program(slug="acme", brand="Acme", help_contact="x", created_at=START)
        program.countries, program.purposes = ["US"], ["marketing"]
        session.add(program)
        session.flush()
        session.add(FromNumber(program_id=program.id or 0, country="*", address="+12125550100", kind="long_code"))
    holder: list[Flask] = []
    server = make_server("127.0.0.1", 0, lambda environ, start: holder[0](environ, start), threaded=True)
    settings = runtime.settings.model_copy(update={"hooks_url": f"http://127.0.0.1:{server.server_port}"})
    made = replace(runtime, settings=settings)
    holder.append(create_app(made))
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield made
    server.shutdown()
    serving.join()
    server.server_close()


def standing(runtime: Runtime) -> list[str]:
    """What people are told."""
    with runtime.db.read() as session:
        return [one.sentence for one in notices.standing(session)]


def test_a_canary_that_blocks_says_nothing(flying: Runtime) -> None:
    """The STOP is heard and blocks; it is in nobody's inbox, and the next one is heard too."""
    for _ in range(2):
        flown = fly(flying)
        assert flown
        assert flown.why == ""
        assert flown.seconds is not None
    assert standing(flying) == []
    with flying.db.read() as session:
        assert session.execute(select(func.count()).select_from(Reply)).scalar() == 2
        assert session.execute(select(func.count()).select_from(Conversation)).scalar() == 0


def test_a_route_that_refuses_raises_the_alarm_and_its_repair_ends_it(flying: Runtime) -> None:
    """A wrong token between Twilio and us is named on every page and by the doctor, until a canary blocks again."""
    wrong = flying.settings.model_copy(update={"twilio_account_sid": "AC" + "b" * 32})
    flown = fly(replace(flying, settings=wrong))
    assert flown
    assert "403" in flown.why
    (sentence,) = standing(flying)
    assert "was not heard" in sentence
    fly(flying)
    assert standing(flying) == []


def test_a_route_that_is_gone_raises_the_alarm(flying: Runtime) -> None:
    """Where nobody listens the sentence says so."""
    gone = flying.settings.model_copy(update={"hooks_url": "http://127.0.0.1:1"})
    flown = fly(replace(flying, settings=gone))
    assert flown
    assert "could not be reached" in flown.why


def test_it_flies_every_hour_and_never_where_it_is_switched_off(flying: Runtime, clock: TestClock) -> None:
    """Not on a young installation, once when due; with 0 minutes never, and no notice or alert of before is left."""
    assert fly_if_due(flying) == 0
    clock.move(timedelta(minutes=60))
    assert [fly_if_due(flying), fly_if_due(flying)] == [1, 0]
    clock.move(timedelta(minutes=60))
    gone = flying.settings.model_copy(update={"hooks_url": "http://127.0.0.1:1"})
    fly(replace(flying, settings=gone))
    assert {one for one in shown(flying) if "canary" in one} == CANARIES
    off = replace(flying, settings=flying.settings.model_copy(update={"canary_minutes": 0}))
    assert (len(standing(flying)), fly_if_due(off), standing(flying)) == (1, 0, [])
    assert {one for one in shown(off) if "canary" in one} == set()
    with flying.db.read() as session:
        assert session.execute(select(func.count(col(Canary.id)))).scalar() == 2


def shown(runtime: Runtime) -> set[str]:
    """The figures that Prometheus is shown: an alert on one that is missing is silent."""
    return {one.name for one in figures(runtime)}


def test_the_doctor_says_what_became_of_the_last_canary(flying: Runtime) -> None:
    """None yet, one that blocks with its time, and none at all where it is switched off."""

    def told(**settings: object) -> list[tuple[bool, str]]:
        looked_at = examine(flying.settings.model_copy(update={"public_url": "http://127.0.0.1", **settings}))
        return [(one.ok, one.sentence) for one in looked_at if one.what == "canary"]

    (before,) = told()
    fly(flying)
    (after,) = told()
    assert (before[0], "No test STOP was sent yet" in before[1]) == (True, True)
    assert (after[0], "blocks" in after[1]) == (True, True)
    assert told(canary_minutes=0)[0][0] is False
