"""Virtual phones: texts as the simulator keeps them, and words written from a phone, posted to our hook."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from flask.testing import FlaskClient

from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.runtime import Runtime
from sender.simulator.config import SimulatorConfig
from sender.simulator.server import Running, serve
from tests.web.conftest import ACCOUNT, AUTH_TOKEN, START, browser, log_in, submit
from web.app import create_app

PHONE, OTHER, LINE = "+12125550123", "+12125550124", "+12025550100"


@pytest.fixture
def simulator() -> Iterator[Running]:
    """A simulator with one line and no hook."""
    config = {"account_sid": ACCOUNT, "auth_token": AUTH_TOKEN, "numbers": [{"number": LINE}]}
    with serve(SimulatorConfig.model_validate(config)) as running:
        yield running


@pytest.fixture
def phones(simulator: Running, runtime: Runtime, signed_in: FlaskClient) -> tuple[FlaskClient, dict[str, int]]:
    """A signed-in browser of an installation whose texts go there, and the ids of two numbers that wrote."""
    settings = runtime.settings.model_copy(update={"twilio_base_url": simulator.url})
    with runtime.db.write() as session:
        ids = find_or_make(session, runtime.keys, [parse(one, None) for one in (PHONE, OTHER)], START)
    client = browser(create_app(replace(runtime, settings=settings)))
    assert log_in(client).status_code == 303
    for number, body in ((PHONE, "hello"), (OTHER, "<b>bold</b>")):
        text = {"from": number, "to": LINE, "body": body, "wait": False}
        httpx.post(f"{simulator.url}/_sim/inbound", json=text).raise_for_status()
    return client, ids


def test_phones_are_listed_and_a_stop_is_written_from_one(
    phones: tuple[FlaskClient, dict[str, int]], simulator: Running
) -> None:
    """The last met stands first, a word goes to the simulator as the phone's own, and the block is shown."""
    client, ids = phones
    page = client.get("/phones").text
    assert page.index(OTHER) < page.index(PHONE)
    assert "&lt;b&gt;bold" in page
    here = f"/phones/{ids[PHONE]}"
    assert submit(client, here, here, word="STOP").status_code == 303
    heard = simulator.seen("heard")[-1]
    assert (heard["from"], heard["to"], heard["body"], heard["word"]) == (PHONE, LINE, "STOP", "STOP")
    assert f"lets nothing from {LINE} through" in client.get(f"{here}/live").text
    assert client.get("/phones").text.index(PHONE) < client.get("/phones").text.index(OTHER)
    assert submit(client, here, here, words=" ").status_code == 422
    assert client.get("/phones/999").status_code == 404


def test_without_the_simulator_there_are_no_phones(signed_in: FlaskClient, runtime: Runtime) -> None:
    """With Twilio neither page nor entry is there; a simulator that is down is one sentence."""
    assert signed_in.get("/phones").status_code == 404
    assert 'href="/phones"' not in signed_in.get("/").text
    settings = runtime.settings.model_copy(update={"twilio_base_url": "http://127.0.0.1:9"})
    client = browser(create_app(replace(runtime, settings=settings)))
    log_in(client)
    assert "does not answer" in client.get("/phones").text
