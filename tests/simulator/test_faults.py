"""Creates go wrong on demand, and the log tells which of them were accepted all the same."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from sender.simulator.config import Fault, Faults
from sender.simulator.faults import FaultPlan
from sender.simulator.server import Running

SHOP, ANN, BOB = "+12025550100", "+12125550101", "+12125550102"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("429_20429", 429, 20429),
        ("429_21611", 429, 21611),
        ("429_63038", 429, 63038),
        ("500_before", 500, 20500),
        ("503", 503, 20503),
        ("502_html", 502, 502),
    ],
)
def test_a_refusing_fault_accepts_nothing(
    simulator: Running, client: Client, ask: Callable[..., Any], fault: str, status: int, code: int
) -> None:
    """These answers are errors and no message exists."""
    ask(simulator, "faults", {"next": [{"fault": fault}]})
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to=ANN, from_=SHOP, body="x")
    assert (caught.value.status, caught.value.code) == (status, code)
    assert simulator.seen("accepted") == []
    assert simulator.seen("fault", fault=fault, sid=None)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("500_after", TwilioRestException),
        ("drop_after", requests.exceptions.ConnectionError),
        ("201_broken", json.JSONDecodeError),
        ("half_reply", requests.exceptions.ChunkedEncodingError),
    ],
)
def test_an_accepting_fault_reaches_the_handset(
    simulator: Running, client: Client, ask: Callable[..., Any], fault: str, error: type[Exception]
) -> None:
    """The client sees an error, yet the message exists and is delivered."""
    ask(simulator, "faults", {"next": [{"fault": fault}]})
    with pytest.raises(error):
        client.messages.create(to=ANN, from_=SHOP, body="x")
    sid = simulator.wait_for("handset", to=ANN)[0]["sid"]
    assert [message.sid for message in client.messages.list(to=ANN)] == [sid]
    assert simulator.seen("fault", fault=fault, sid=sid)


def test_an_empty_201_is_accepted_without_a_sid(simulator: Running, client: Client, ask: Callable[..., Any]) -> None:
    """Twilio's client makes an instance without SID of an empty 201, though the message was taken."""
    ask(simulator, "faults", {"next": [{"fault": "201_empty"}]})
    assert client.messages.create(to=ANN, from_=SHOP, body="x").sid is None
    simulator.wait_for("handset", to=ANN)


def test_a_dropped_connection_may_hide_that_nothing_was_accepted(
    simulator: Running, client: Client, ask: Callable[..., Any]
) -> None:
    """drop_before looks like drop_after from outside; only the log knows better."""
    ask(simulator, "faults", {"next": [{"fault": "drop_before"}]})
    with pytest.raises(requests.exceptions.ConnectionError):
        client.messages.create(to=ANN, from_=SHOP, body="x")
    assert simulator.seen("accepted") == []
    assert simulator.wait_for("response", fault="drop_before")[0]["status"] is None


def test_a_hang_outlasts_the_client_but_was_accepted(
    simulator: Running, client: Client, ask: Callable[..., Any]
) -> None:
    """The client's read time-out passes, the message is delivered."""
    ask(simulator, "faults", {"next": [{"fault": "hang"}], "hang_seconds": 5})
    client.http_client.timeout = (3, 0.1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.messages.create(to=ANN, from_=SHOP, body="x")
    simulator.wait_for("handset", to=ANN)


def test_a_planned_fault_waits_for_its_recipient_and_its_count(
    simulator: Running, client: Client, ask: Callable[..., Any]
) -> None:
    """A fault for one number leaves others alone and ends after its count."""
    ask(simulator, "faults", {"next": [{"fault": "503", "count": 2, "to": ANN}]})
    client.messages.create(to=BOB, from_=SHOP, body="x")
    for _ in range(2):
        with pytest.raises(TwilioRestException):
            client.messages.create(to=ANN, from_=SHOP, body="x")
    client.messages.create(to=ANN, from_=SHOP, body="x")


def test_stop_faults_ends_them_all(simulator: Running, client: Client, ask: Callable[..., Any]) -> None:
    """After stop_faults every create and every callback is plain again."""
    ask(simulator, "faults", {"shares": {"500_after": 1.0}, "next": [{"fault": "503"}], "callbacks": {"lost": 1.0}})
    ask(simulator, "stop_faults", {})
    client.messages.create(to=ANN, from_=SHOP, body="x")
    assert simulator.world.callbacks.course.lost == 0
    assert ask(simulator, "summary")["faults"] == {}


def test_shares_are_kept_and_repeat_with_the_seed() -> None:
    """A share of faults comes out as a share, the same ones for the same seed."""
    faults = Faults.model_validate({"shares": {"503": 0.1, "500_after": 0.2}})
    first, second = FaultPlan(faults, 7), FaultPlan(faults, 7)
    drawn = [first.draw(ANN) for _ in range(5000)]
    assert drawn == [second.draw(ANN) for _ in range(5000)]
    assert 400 < drawn.count(Fault.UNAVAILABLE) < 600
    assert 900 < drawn.count(Fault.ERROR_AFTER) < 1100


def test_latency_is_mean_and_spread(simulator: Running, client: Client, ask: Callable[..., Any]) -> None:
    """An answer takes at least mean less spread."""
    ask(simulator, "faults", {"latency": {"mean": 0.2, "spread": 0.05}})
    client.messages.create(to=ANN, from_=SHOP, body="x")
    took = simulator.wait_for("response")[0]["took"]
    assert isinstance(took, float)
    assert took >= 0.15
