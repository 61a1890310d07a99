"""The hooks' own process: the same answers as the web process gives, and nothing acknowledged that is not durable."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, select
from sqlmodel import col

from sender.models import Receipt, Reply
from sender.settings import Settings
from tests.installation import Installation, install
from web.policy import HEADERS
from web.receiver import create_receiver
from web.signature import signature

ACCOUNT = "AC" + "0" * 32
TOKEN = "receiver-token"
SID = "SM" + "a" * 32
STATUS = "/hooks/twilio/status/tok.sig"
INBOUND = "/hooks/twilio/inbound"


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation whose account signs with TOKEN."""
    made = install(tmp_path / "home", database_url, twilio_auth_token=TOKEN)
    yield made
    made.runtime.db.close()


def form(**parameters: str) -> dict[str, str]:
    """The parameters every request of our account has, and these."""
    return {"AccountSid": ACCOUNT, "MessageSid": SID, **parameters}


def signed(settings: Settings, path: str, parameters: dict[str, str]) -> dict[str, str]:
    """The header Twilio would send."""
    return {"X-Twilio-Signature": signature(TOKEN, settings.hooks_address + path, parameters).decode()}


def post(installation: Installation, *requests: tuple[str, dict[str, str], dict[str, str]]) -> list[int]:
    """Send these requests at once to a receiver; returns their statuses."""

    async def go() -> list[int]:
        async with TestClient(TestServer(create_receiver(installation.runtime))) as client:
            answers = await asyncio.gather(
                *(client.post(path, data=data, headers=headers) for path, data, headers in requests)
            )
            return [answer.status for answer in answers]

    return asyncio.run(go())


def count(installation: Installation, table: type[Receipt] | type[Reply]) -> int:
    """How many rows a table has."""
    with installation.runtime.db.read() as session:
        return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_signed_receipt_is_stored_before_it_is_answered(installation: Installation) -> None:
    """204 means that the row is there."""
    data = form(MessageStatus="delivered")
    assert post(installation, (STATUS, data, signed(installation.runtime.settings, STATUS, data))) == [204]
    assert count(installation, Receipt) == 1


def test_two_hundred_at_once_are_all_stored(installation: Installation) -> None:
    """Receipts that come together are committed together, each once."""
    requests = []
    for number in range(200):
        data = form(MessageStatus="sent") | {"MessageSid": f"SM{number:032x}"}
        requests.append((STATUS, data, signed(installation.runtime.settings, STATUS, data)))
    assert set(post(installation, *requests)) == {204}
    assert count(installation, Receipt) == 200


@pytest.mark.parametrize(
    ("headers", "changes", "status"),
    [
        ({}, {}, 403),
        ({"X-Twilio-Signature": "AAAA"}, {}, 403),
        (None, {"AccountSid": "AC" + "1" * 32}, 403),
        (None, {"MessageSid": "nonsense"}, 400),
        (None, {"MessageStatus": "DROP TABLE"}, 400),
    ],
)
def test_what_is_not_twilios_is_refused(
    installation: Installation, headers: dict[str, str] | None, changes: dict[str, str], status: int
) -> None:
    """Unsigned, forged, foreign or misshapen: refused, and nothing is stored."""
    data = form(MessageStatus="sent") | changes
    given = signed(installation.runtime.settings, STATUS, data) if headers is None else headers
    assert post(installation, (STATUS, data, given)) == [status]
    assert count(installation, Receipt) == 0


def test_a_stop_is_committed_before_it_is_answered(installation: Installation) -> None:
    """200 means that the opt-out is there; repeated, it is still one."""
    data = form(From="+12125550123", To="+12125550100", Body="STOP")
    request = (INBOUND, data, signed(installation.runtime.settings, INBOUND, data))
    assert post(installation, request) == [200]
    assert post(installation, request) == [200]
    with installation.runtime.db.read() as session:
        assert list(session.execute(select(col(Reply.intent))).scalars()) == ["opt_out"]


def test_a_database_that_is_away_is_never_a_2xx(installation: Installation) -> None:
    """When storing fails the answer is 503, so that Twilio brings it again."""
    with installation.runtime.db.write() as session:
        for name in ("receipt", "reply"):
            session.connection().exec_driver_sql(f"ALTER TABLE {name} RENAME TO gone_{name}")
    settings = installation.runtime.settings
    status, text = form(MessageStatus="sent"), form(From="+12125550123", To="+12125550100", Body="STOP")
    answers = post(
        installation,
        (STATUS, status, signed(settings, STATUS, status)),
        (INBOUND, text, signed(settings, INBOUND, text)),
    )
    assert answers == [503, 503]


def test_every_answer_says_what_it_is_and_nothing_of_the_program(installation: Installation) -> None:
    """Receipts, texts, figures, refusals and unknown addresses: the headers of the pages, and a charset with a body."""
    paths = ("/healthz", "/metrics", STATUS, INBOUND, "/nowhere")

    async def go() -> list[tuple[str, int, dict[str, str], bytes]]:
        async with TestClient(TestServer(create_receiver(installation.runtime))) as client:
            asked = [(path, await client.request(how, path)) for path in paths for how in ("GET", "POST", "TRACE")]
            return [(path, one.status, dict(one.headers), await one.read()) for path, one in asked]

    answers = asyncio.run(go())
    assert {status for _, status, _, _ in answers} >= {200, 403, 404, 405}
    for path, _, headers, body in answers:
        assert headers.items() >= {**HEADERS, "Cache-Control": "no-store"}.items(), path
        assert "Server" not in headers, path
        assert not body or headers["Content-Type"].endswith("charset=utf-8"), path


def test_a_body_of_two_lengths_is_refused(installation: Installation) -> None:
    """A request that says its length twice, or once and in chunks, ends there: nothing in it becomes a second one."""
    inside = b"POST /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    heads = (
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Content-Length: +5",
    )

    async def ask(port: int, head: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /hooks/twilio/inbound HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n0\r\n\r\n" + inside)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer

    async def go() -> list[bytes]:
        async with TestServer(create_receiver(installation.runtime)) as server:
            return [await ask(server.port or 0, head) for head in heads]

    answers = asyncio.run(go())
    assert [answer.split()[1] for answer in answers] == [b"400"] * len(heads)
    assert [answer.count(b"HTTP/1.") for answer in answers] == [1] * len(heads)
