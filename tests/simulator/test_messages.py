"""Twilio's own client creates, reads, lists, changes and deletes messages, and is refused as by Twilio."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from sender.simulator.messages import Message, Store
from sender.simulator.server import Running

SHOP, SHORT, NAME, POOLED = "+12025550100", "55512", "SHOP", "+12025550111"
ANN, BOB = "+12125550101", "+12125550102"
SERVICE = "MG" + "0" * 31 + "1"


def refused(client: Client, **fields: object) -> TwilioRestException:
    """The error a create ends in."""
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(**fields)
    return caught.value


def test_a_create_from_a_number_is_queued_and_counted(simulator: Running, client: Client) -> None:
    """With From, the answer is 201 queued with the sender and the number of parts."""
    message = client.messages.create(to=ANN, from_=SHOP, body="x" * 161)
    assert (message.status, message.from_, message.num_segments, message.body) == ("queued", SHOP, "2", "x" * 161)
    assert message.direction == "outbound-api"
    assert simulator.wait_for("handset")[0]["body"] == "x" * 161


def test_a_create_through_a_service_is_accepted_without_sender(simulator: Running, client: Client) -> None:
    """With a service, the answer is accepted, from is null and num_segments 0 until a sender is chosen."""
    message = client.messages.create(to=ANN, messaging_service_sid=SERVICE, body="Hello")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    simulator.wait_for("status", status="delivered")
    later = client.messages(str(message.sid)).fetch()
    assert (later.status, later.from_, later.num_segments, later.price) == ("delivered", POOLED, "1", "-0.00790")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"to": "", "from_": SHOP, "body": "x"}, 400, 21604),
        ({"to": ANN, "body": "x"}, 400, 21603),
        ({"to": ANN, "from_": SHOP}, 400, 21602),
        ({"to": ANN, "from_": SHOP, "body": "x" * 1601}, 400, 21617),
        ({"to": "12125550101", "from_": SHOP, "body": "x"}, 400, 21211),
        ({"to": "+1212555010", "from_": SHOP, "body": "x"}, 400, 21211),
        ({"to": SHORT, "from_": SHOP, "body": "x"}, 400, 21265),
        ({"to": SHOP, "from_": SHOP, "body": "x"}, 400, 21266),
        ({"to": ANN, "from_": NAME, "body": "x"}, 400, 21612),
        ({"to": ANN, "from_": "+12025550199", "body": "x"}, 400, 21606),
        ({"to": ANN, "from_": "+", "body": "x"}, 400, 21212),
        ({"to": ANN, "from_": SHOP, "body": "x", "status_callback": "ftp://x"}, 400, 21609),
        ({"to": ANN, "from_": SHOP, "body": "x", "validity_period": 36001}, 400, 21624),
        ({"to": ANN, "messaging_service_sid": "MG1", "body": "x"}, 400, 21705),
        ({"to": ANN, "messaging_service_sid": "MG" + "f" * 32, "body": "x"}, 404, 21701),
        ({"to": ANN, "from_": SHOP, "body": "x", "schedule_type": "fixed"}, 400, 35118),
    ],
)
def test_a_bad_create_is_refused_with_twilios_code(
    client: Client, simulator: Running, fields: dict[str, object], status: int, code: int
) -> None:
    """Each required field and each sender or recipient fault has its own code, and nothing is accepted."""
    error = refused(client, **fields)
    assert (error.status, error.code) == (status, code)
    assert simulator.seen("accepted") == []


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        ({"outcome": "refused", "error_code": 21610}, 21610),
        ({"outcome": "refused", "error_code": 21408}, 21408),
        ({"outcome": "landline"}, 21635),
    ],
)
def test_a_recipients_refusal_comes_at_once_or_later(
    start: Callable[..., Running], connect: Callable[..., Client], phone: dict[str, object], code: int
) -> None:
    """The same refusal is an HTTP error with From and a failed message with a service."""
    paris = "+33612345678"
    simulator = start(phones={"known": {paris: phone}})
    client = connect(simulator)
    assert refused(client, to=paris, from_=SHOP, body="x").code == code
    sid = client.messages.create(to=paris, messaging_service_sid=SERVICE, body="x").sid
    simulator.wait_for("status", sid=sid, status="failed")
    assert client.messages(str(sid)).fetch().error_code == code
    assert simulator.seen("handset") == []


def test_an_american_landline_is_tried_and_undelivered(
    start: Callable[..., Running], connect: Callable[..., Client]
) -> None:
    """In the US a landline is not refused; it ends in 30006."""
    simulator = start(phones={"landline_share": 1.0})
    connect(simulator).messages.create(to=ANN, from_=SHOP, body="x")
    simulator.wait_for("status", status="undelivered", error_code=30006)


def test_credentials_and_paths(
    simulator: Running, start: Callable[..., Running], connect: Callable[..., Client]
) -> None:
    """A wrong token is 401/20003, another account's path 404/20404, a key with its secret is welcome."""
    key = "SK" + "1" * 32
    keyed = start(api_keys={key: "secret"})
    connect(keyed, key, "secret").messages.create(to=ANN, from_=SHOP, body="x")
    wrong = refused(connect(simulator, secret="wrong"), to=ANN, from_=SHOP, body="x")
    assert (wrong.status, wrong.code) == (401, 20003)
    for account in ("AC" + "9" * 32, "AC9"):
        strange = refused(connect(simulator, account=account), to=ANN, from_=SHOP, body="x")
        assert (strange.status, strange.code) == (404, 20404)


def test_answers_name_the_request_and_the_concurrency(client: Client, simulator: Running) -> None:
    """The headers carry the request id found in the log, and how many requests were open."""
    answer = client.messages.create_with_http_info(to=ANN, from_=SHOP, body="x")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert simulator.seen("request", request_id=headers["twilio-request-id"])
    assert headers["twilio-concurrent-requests"] == "1"


def test_lists_are_paged_and_filtered(client: Client, simulator: Running) -> None:
    """Small pages give every message once, newest first; To and DateSent narrow the list."""
    sids = [client.messages.create(to=to, from_=SHOP, body=str(n)).sid for n, to in enumerate([ANN, BOB] * 4)]
    simulator.wait_for("status", count=8, status="delivered")
    now = datetime.now(UTC)
    assert [message.sid for message in client.messages.list(page_size=3)] == sids[::-1]
    assert [message.sid for message in client.messages.list(to=BOB, page_size=1)] == sids[1::2][::-1]
    assert len(client.messages.list(from_=SHOP)) == 8
    assert len(client.messages.list(date_sent_after=now - timedelta(hours=1), date_sent_before=now)) == 8
    assert client.messages.list(date_sent_after=now + timedelta(hours=1)) == []
    assert client.messages.list(date_sent=now - timedelta(days=2)) == []


def test_a_page_holds_its_place_while_messages_arrive(client: Client) -> None:
    """A message created between two pages neither repeats nor hides one."""
    sids = [client.messages.create(to=ANN, from_=SHOP, body="x").sid for _ in range(4)]
    first = client.messages.page(page_size=2)
    client.messages.create(to=ANN, from_=SHOP, body="late")
    second = client.messages.get_page(first.next_page_url)
    assert [message.sid for page in (first, second) for message in page] == sids[::-1]


@given(st.integers(0, 30), st.integers(1, 12))
def test_pages_of_any_size_cover_everything_once(count: int, size: int) -> None:
    """Following next_page_uri shows each message exactly once, whatever the page size."""
    store, now = Store("AC" + "0" * 32, "USD"), datetime(2027, 3, 1, tzinfo=UTC)
    for n in range(count):
        store.add(Message(f"SM{n}", ANN, SHOP, None, "x", "sent", "outbound-api", 1, now, now))
    shown, query = [], {"PageSize": str(size)}
    while True:
        page = store.page("/Messages.json", query)
        messages = page["messages"]
        assert isinstance(messages, list)
        shown += [message["sid"] for message in messages]
        if page["next_page_uri"] is None:
            break
        query = dict(pair.split("=") for pair in str(page["next_page_uri"]).partition("?")[2].split("&"))
    assert shown == [f"SM{n}" for n in reversed(range(count))]


def test_a_message_is_redacted_and_deleted(client: Client, simulator: Running) -> None:
    """An empty Body clears the text, DELETE removes the record, a second look is 20404."""
    sid = str(client.messages.create(to=ANN, from_=SHOP, body="secret").sid)
    simulator.wait_for("status", status="delivered")
    assert client.messages(sid).update(body="").body == ""
    assert client.messages(sid).delete()
    with pytest.raises(TwilioRestException) as caught:
        client.messages(sid).fetch()
    assert (caught.value.status, caught.value.code) == (404, 20404)
    assert client.messages.list() == []


def test_a_scheduled_message_can_be_cancelled_and_a_sent_one_not(client: Client, simulator: Running) -> None:
    """Status=canceled works while scheduled; afterwards it is 30409."""
    later = datetime.now(UTC) + timedelta(hours=1)
    made = client.messages.create(
        to=ANN, messaging_service_sid=SERVICE, body="x", schedule_type="fixed", send_at=later
    )  # fmt: skip
    assert made.status == "scheduled"
    assert client.messages(str(made.sid)).update(status="canceled").status == "canceled"
    sent = client.messages.create(to=ANN, from_=SHOP, body="x")
    simulator.wait_for("handset")
    with pytest.raises(TwilioRestException) as caught:
        client.messages(str(sent.sid)).update(status="canceled")
    assert caught.value.code == 30409


def test_account_balance_and_service_can_be_read(client: Client) -> None:
    """The preflight reads: account, balance and messaging service."""
    assert client.api.accounts(client.account_sid).fetch().status == "active"
    assert client.balance.fetch().balance == "100.00"
    service = client.messaging.v1.services(SERVICE).fetch()
    assert (service.sid, service.validity_period) == (SERVICE, 36000)
    with pytest.raises(TwilioRestException) as caught:
        client.messaging.v1.services("MG" + "e" * 32).fetch()
    assert caught.value.code == 20404


def test_a_full_queue_is_refused_at_once_or_later(
    start: Callable[..., Running], connect: Callable[..., Client]
) -> None:
    """More than the queue holds is 429/21611 with From and a failed 30001 with a service."""
    simulator = start(
        numbers=[{"number": SHOP, "rate": 1}, {"number": POOLED, "rate": 1}],
        services=[{"sid": SERVICE, "senders": [POOLED]}],
        queue_seconds=2,
    )
    client = connect(simulator)
    client.messages.create(to=ANN, from_=SHOP, body="x" * 400)
    error = refused(client, to=ANN, from_=SHOP, body="x")
    assert (error.status, error.code) == (429, 21611)
    for _ in range(2):
        client.messages.create(to=ANN, messaging_service_sid=SERVICE, body="x" * 400)
    simulator.wait_for("status", status="failed", error_code=30001)


def test_too_many_requests_at_once_are_refused(start: Callable[..., Running], connect: Callable[..., Client]) -> None:
    """Above the concurrency limit a request is answered 429/20429 while the first is still being served."""
    simulator = start(concurrency_limit=1, faults={"shares": {"hang": 1.0}, "hang_seconds": 8})
    slow = connect(simulator)
    slow.http_client.timeout = (3, 0.2)
    with pytest.raises(Exception, match="timed out"):
        slow.messages.create(to=ANN, from_=SHOP, body="x")
    assert refused(connect(simulator), to=ANN, from_=SHOP, body="x").code == 20429
    assert len(simulator.seen("accepted")) == 1
