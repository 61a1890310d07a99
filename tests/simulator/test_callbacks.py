"""Status callbacks: signed, in order, and disorderly on demand."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from sender.simulator.server import Running
from sender.simulator.webhooks import Overrides, signature

SHOP, POOLED, ANN = "+12025550100", "+12025550111", "+12125550101"
TOKEN, SERVICE = "token-of-the-account", "MG" + "0" * 31 + "1"


def statuses(application: Any) -> list[str]:
    """The statuses told so far, in the order of their arrival."""
    return [received["MessageStatus"] for received in application.received]


def test_a_signature_is_the_one_of_twilios_documentation() -> None:
    """The test vector Twilio publishes comes out."""
    fields = [("CallSid", "CA1234567890ABCDE"), ("Caller", "+12349013030"), ("Digits", "1234"),
              ("From", "+12349013030"), ("To", "+18005551212")]  # fmt: skip
    assert signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", fields) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=8), st.text(max_size=30))
def test_signatures_agree_with_twilios_validator(fields: dict[str, str], path: str) -> None:
    """Whatever names, values and URL, our signature is the one Twilio's library computes."""
    url = f"https://example.com/{path}"
    expected = RequestValidator(TOKEN).compute_signature(url, fields)
    assert signature(TOKEN, url, list(fields.items())) == expected


def test_callbacks_are_signed_over_the_url_without_fragment(
    simulator: Running, client: Client, application: Any
) -> None:
    """Twilio's validator accepts each callback at the URL as given, escapes and all, less its fragment."""
    target = "/status/a%2Fb%7E?attempt=%C3%A9+x"
    client.messages.create(to=ANN, from_=SHOP, body="x", status_callback=f"{application.url}{target}#rc=2&rp=all")
    for received in application.wait_for(2):
        assert received.target == target
        validator, given_signature = RequestValidator(TOKEN), received.headers["X-Twilio-Signature"]
        assert validator.validate(application.url + target, dict(received.fields), given_signature)


def test_a_number_tells_sent_and_delivered(simulator: Running, client: Client, application: Any) -> None:
    """The initial status is not told; sent and delivered are, with the fields Twilio sends."""
    message = client.messages.create(to=ANN, from_=SHOP, body="x", status_callback=f"{application.url}/s")
    received = application.wait_for(2)
    assert sorted(statuses(application)) == ["delivered", "sent"]
    for callback in received:
        assert callback["MessageSid"] == callback["SmsSid"] == message.sid
        assert (callback["To"], callback["From"], callback["ApiVersion"]) == (ANN, SHOP, "2010-04-01")
    tokens = {str(UUID(callback.headers["I-Twilio-Idempotency-Token"])) for callback in received}
    assert tokens == {entry["token"] for entry in simulator.wait_for("callback", count=2, sid=message.sid, http=200)}
    assert len(tokens) == 2


def test_a_service_tells_queued_first_and_its_own_callback_is_the_default(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any
) -> None:
    """Through a service, queued is told too; without a StatusCallback of its own a message uses the service's."""
    url = f"{application.url}/service"
    simulator = start(services=[{"sid": SERVICE, "senders": [POOLED], "status_callback": url}])
    connect(simulator).messages.create(to=ANN, messaging_service_sid=SERVICE, body="x")
    received = application.wait_for(3)
    assert sorted(statuses(application)) == ["delivered", "queued", "sent"]
    assert {callback["MessagingServiceSid"] for callback in received} == {SERVICE}


def test_an_undelivered_message_tells_its_error_code(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any
) -> None:
    """undelivered carries ErrorCode and the carrier's time."""
    phones = {"known": {ANN: {"outcome": "undelivered", "error_code": 30003}}}
    client = connect(start(phones=phones))
    client.messages.create(to=ANN, from_=SHOP, body="x", status_callback=f"{application.url}/s")
    last = next(callback for callback in application.wait_for(2) if callback["MessageStatus"] == "undelivered")
    assert last["ErrorCode"] == "30003"
    assert len(last["RawDlrDoneDate"]) == 10


@pytest.mark.parametrize(
    ("fragment", "attempts"), [("", 1), ("#rc=2&rp=5xx", 3), ("#rc=1&rp=all", 2), ("#rc=3&rp=4xx", 1), ("#rc=0", 1)]
)
def test_retries_are_as_the_fragment_says(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any, fragment: str, attempts: int
) -> None:
    """A 500 is retried only where rp names it, rc times, with one idempotency token for all attempts."""
    simulator = start(phones={"known": {ANN: {"outcome": "failed", "error_code": 30007}}})
    application.statuses = [500] * 9
    url = f"{application.url}/s{fragment}"
    connect(simulator).messages.create(to=ANN, from_=SHOP, body="x", status_callback=url)
    tried = simulator.wait_for("callback", count=attempts)
    assert [entry["attempt"] for entry in tried] == list(range(1, attempts + 1))
    assert len({entry["token"] for entry in tried}) == 1
    assert len({callback.headers["I-Twilio-Idempotency-Token"] for callback in application.received}) == 1


def test_a_refused_connection_is_tried_once_more_by_default(
    start: Callable[..., Running], connect: Callable[..., Client]
) -> None:
    """Without a fragment, only a failure to connect is retried, once."""
    simulator = start(phones={"known": {ANN: {"outcome": "failed", "error_code": 30007}}})
    connect(simulator).messages.create(to=ANN, from_=SHOP, body="x", status_callback="http://127.0.0.1:9/s")
    tried = simulator.wait_for("callback", count=2)
    assert [(entry["attempt"], entry["http"], entry["error"]) for entry in tried] == [(1, None, "ct"), (2, None, "ct")]


def test_a_slow_answer_is_a_read_timeout(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any
) -> None:
    """An application slower than rt gets the callback again where rp names rt."""
    simulator = start(phones={"known": {ANN: {"outcome": "failed", "error_code": 30007}}})
    application.gate.clear()
    url = f"{application.url}/s#rt=100&rc=1&rp=rt"
    connect(simulator).messages.create(to=ANN, from_=SHOP, body="x", status_callback=url)
    assert [entry["error"] for entry in simulator.wait_for("callback", count=2)] == ["rt", "rt"]


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ({"reversed": 1.0}, {"delivered", "sent"}),
        ({"forever_sent": 1.0}, {"sent"}),
        ({"lost": 1.0}, set()),
        ({"enabled": False}, set()),
    ],
)
def test_callbacks_misbehave_as_configured(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any, ask: Callable[..., Any],
    mode: dict[str, object], told: set[str],
) -> None:  # fmt: skip
    """Modes reverse the order, stop at sent or lose what was to be told; the handset gets the text in any case."""
    simulator = start(callbacks={**mode, "concurrency": 1})
    connect(simulator).messages.create(to=ANN, from_=SHOP, body="x", status_callback=f"{application.url}/s")
    simulator.wait_for("handset")
    ask(simulator, "wait?timeout=5")
    assert set(statuses(application)) == told
    if "reversed" in mode:
        assert statuses(application) == ["delivered", "sent"]


def test_a_duplicated_callback_comes_twice(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any, ask: Callable[..., Any]
) -> None:
    """With duplicated at 1, each status is told twice."""
    simulator = start(callbacks={"duplicated": 1.0})
    connect(simulator).messages.create(to=ANN, from_=SHOP, body="x", status_callback=f"{application.url}/s")
    application.wait_for(4)
    ask(simulator, "wait?timeout=5")
    assert sorted(statuses(application)) == ["delivered", "delivered", "sent", "sent"]


def test_an_early_callback_overtakes_the_answer(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any
) -> None:
    """In the early mode the first callback has been answered before the create is."""
    simulator = start(callbacks={"early": 1.0})
    message = connect(simulator).messages.create(
        to=ANN, from_=SHOP, body="x", status_callback=f"{application.url}/s"
    )  # fmt: skip
    assert message.status == "queued"
    told, answered = simulator.seen("callback", sid=message.sid)[0], simulator.wait_for("response")[0]
    assert int(str(told["n"])) < int(str(answered["n"]))


@pytest.mark.parametrize("mode", ["unsigned", "forged"])
def test_a_bad_signature_fails_twilios_validator(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any, mode: str
) -> None:
    """Unsigned and forged callbacks are sent on demand, and are marked in the log."""
    simulator = start(callbacks={mode: 1.0})
    url = f"{application.url}/s"
    connect(simulator).messages.create(to=ANN, from_=SHOP, body="x", status_callback=url)
    received = application.wait_for(1)[0]
    shown = received.headers.get("X-Twilio-Signature", "")
    assert not RequestValidator(TOKEN).validate(url, dict(received.fields), shown)
    assert simulator.wait_for("callback", signing=mode)


@given(st.text(max_size=40))
def test_any_fragment_gives_limits_in_range(fragment: str) -> None:
    """Nonsense in a fragment never breaks a webhook nor leaves Twilio's ranges."""
    limits = Overrides.parse(fragment)
    assert 0.1 <= limits.connect <= 10
    assert 0.1 <= limits.read <= 15
    assert 0.1 <= limits.total <= 15
    assert 0 <= limits.retries <= 5
