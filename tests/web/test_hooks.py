"""What Twilio brings is stored before it is answered, once, and only when Twilio has signed it."""

from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlmodel import SQLModel, func, select

from sender.models import ConsentEvent, Receipt, Reply
from sender.runtime import Runtime
from tests.web.conftest import ACCOUNT, AUTH_TOKEN, post, signed
from web.signature import signature

SID = "SM" + "b" * 32
STATUS = {"MessageSid": SID, "MessageStatus": "delivered", "AccountSid": ACCOUNT, "To": "+12125550123"}
INBOUND = {
    "MessageSid": SID,
    "AccountSid": ACCOUNT,
    "From": "+12125550123",
    "To": "+12125550199",
    "Body": "STOP",
    "NumMedia": "0",
}


@pytest.fixture(params=["sqlite_url", "pg_url"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both databases: what is promised here is about them."""
    return str(request.getfixturevalue(request.param))


def status_path(runtime: Runtime, query: str = "") -> str:
    """The address of a receipt for the attempt "t1"."""
    return f"/hooks/twilio/status/t1.{runtime.keys.sign('receipt', 't1')}{query}"


def count(runtime: Runtime, table: type[SQLModel]) -> int:
    """Rows of a table."""
    with runtime.db.read() as session:
        return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_receipt_is_stored_once(client: FlaskClient, runtime: Runtime) -> None:
    """The same receipt three times is 204 each time and one row."""
    request = signed(status_path(runtime), {**STATUS, "ErrorCode": "30005", "MessageStatus": "undelivered"})
    assert [post(client, request).status_code for _ in range(3)] == [204] * 3
    with runtime.db.read() as session:
        row = session.execute(select(Receipt)).scalar_one()
    assert (row.token, row.sid, row.status, row.error_code) == ("t1", SID, "undelivered", 30005)


def test_the_query_counts_as_it_was_written(client: FlaskClient, runtime: Runtime) -> None:
    """The signature covers escapes and order as they came on the wire, not as a library reads them."""
    query = "?b=%7e%C3%A9%2f&a=1+2"
    assert post(client, signed(status_path(runtime, query), STATUS)).status_code == 204


def test_the_host_header_plays_no_part(client: FlaskClient, runtime: Runtime) -> None:
    """The address of the settings is what was signed, whatever a proxy or an attacker makes of the host."""
    request = signed(status_path(runtime), STATUS)
    request["headers"]["Host"] = "evil.example.com"
    request["headers"]["X-Forwarded-Host"] = "evil.example.com"
    assert post(client, request).status_code == 204


@pytest.mark.parametrize("spoil", ["signature", "no signature", "parameter", "path", "account", "token", "twice"])
def test_what_is_not_signed_leaves_no_trace(client: FlaskClient, runtime: Runtime, spoil: str) -> None:
    """One thing wrong: 403 and nothing stored, for receipts and for texts."""
    for path, parameters in ((status_path(runtime), STATUS), ("/hooks/twilio/inbound", INBOUND)):
        answer = post(client, spoilt(spoil, path, parameters))
        assert answer.status_code == 403, path
        assert answer.text == "Forbidden\n"
    assert count(runtime, Receipt) == count(runtime, Reply) == 0


def spoilt(how: str, path: str, parameters: dict[str, str]) -> dict[str, Any]:
    """A request with one thing wrong in it."""
    if how == "account":
        return signed(path, {**parameters, "AccountSid": "AC" + "9" * 32})
    if how == "token":
        return signed(path, parameters, token="d" * 32)
    request = signed(path, dict(parameters))
    if how == "signature":
        request["headers"]["X-Twilio-Signature"] = "x" * 28
    elif how == "no signature":
        request["headers"] = {}
    elif how == "parameter":
        request["data"]["To"] = "+12125550124"
    elif how == "path":
        request["path"] = path + "?x=1"
    else:
        request["data"] = {name: [value, value] for name, value in parameters.items()}
    return request


def test_the_old_auth_token_counts_while_rotating(client: FlaskClient, runtime: Runtime) -> None:
    """What was signed with the token that is on its way out is taken too."""
    assert post(client, signed(status_path(runtime), STATUS, token="e" * 32)).status_code == 204


@pytest.mark.parametrize(
    ("name", "value"),
    [("MessageSid", "nonsense"), ("MessageSid", ""), ("MessageStatus", "x\x00y"), ("ErrorCode", "-1")],
)
def test_a_signed_receipt_of_another_shape_is_refused(
    client: FlaskClient, runtime: Runtime, name: str, value: str
) -> None:
    """What no receipt looks like is a 400 and cannot spoil the batch of others."""
    assert post(client, signed(status_path(runtime), {**STATUS, name: value})).status_code == 400
    assert count(runtime, Receipt) == 0


def test_a_receipt_is_not_answered_when_it_cannot_be_stored(client: FlaskClient, runtime: Runtime) -> None:
    """Without its table the database refuses, and Twilio hears 503."""
    with runtime.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE receipt RENAME TO gone")
    assert post(client, signed(status_path(runtime), STATUS)).status_code == 503


def test_a_stop_is_committed_before_it_is_answered(client: FlaskClient, runtime: Runtime) -> None:
    """The answer is empty TwiML, and the opt-out is in the ledger; a replay adds nothing."""
    for _ in range(2):
        answer = post(client, signed("/hooks/twilio/inbound", INBOUND))
        assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/xml", "<Response/>")
    assert count(runtime, Reply) == 1
    assert count(runtime, ConsentEvent) == 1


def test_a_text_is_not_answered_when_it_cannot_be_kept(
    client: FlaskClient, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """503, and the log says what kind of error without the person's words or number."""
    with runtime.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE reply RENAME TO gone")
    answer = post(client, signed("/hooks/twilio/inbound", {**INBOUND, "Body": "stop it, says Ana"}))
    assert answer.status_code == 503
    assert "Error" in caplog.text
    assert "Ana" not in caplog.text
    assert "2125550123" not in caplog.text


def test_a_text_without_a_sender_is_refused(client: FlaskClient, runtime: Runtime) -> None:
    """Signed, but not an inbound text: 400 and nothing kept."""
    parameters = {name: value for name, value in INBOUND.items() if name != "From"}
    assert post(client, signed("/hooks/twilio/inbound", parameters)).status_code == 400
    assert count(runtime, Reply) == 0


def test_only_forms_are_read(client: FlaskClient) -> None:
    """JSON is refused without being looked at, and so is looking with GET."""
    assert client.post("/hooks/twilio/inbound", json={"Body": "STOP"}).status_code == 403
    assert client.get("/hooks/twilio/inbound").status_code == 405


def test_a_stop_with_bytes_that_are_no_utf_8_is_heard(client: FlaskClient, runtime: Runtime) -> None:
    """A broken byte in the words does not lose the STOP: it is signed over its bytes and read without it."""
    form = {**INBOUND, "Body": "STOP \udcff"}
    header = signature(AUTH_TOKEN, "https://sms.example.org/hooks/twilio/inbound", form).decode()
    headers = {"X-Twilio-Signature": header, "Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode(form, errors="surrogateescape")
    assert "%FF" in body
    answer = client.post("/hooks/twilio/inbound", data=body, headers=headers)
    assert answer.status_code == 200
    with runtime.db.read() as session:
        assert session.execute(select(Reply)).scalar_one().intent == "opt_out"
