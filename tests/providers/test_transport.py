"""The transport over real sockets: no request leaves twice, whatever becomes of its connection."""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twilio.http.response import Response

from sender.providers.transport import AnswerLost, Hear, NotSent, PooledTransport
from tests.servers import free_port
from tests.waiting import eventually

ANSWER = b"HTTP/1.1 201 CREATED\r\nDate: Tue, 10 Mar 2026 15:00:00 GMT\r\nContent-Length: 2\r\n\r\n{}"
RESET = struct.pack("ii", 1, 0)

Reply = Callable[[socket.socket, int], bool]
"""What a server does after it has read one whole request, the n-th of all; False: the connection is over."""


@dataclass
class Server:
    """Reads whole requests, keeps their bodies in the order they came, and does as told after each."""

    reply: Reply
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)

    def serve(self, listening: socket.socket, context: ssl.SSLContext | None) -> None:
        """Take connections until the listening socket is closed."""
        while True:
            try:
                line, _ = listening.accept()
                line = context.wrap_socket(line, server_side=True) if context else line
            except ssl.SSLError:
                continue
            except OSError:
                return
            threading.Thread(target=self._read, args=(line,), daemon=True).start()

    def _read(self, line: socket.socket) -> None:
        held = b""
        while some := line.recv(65536):
            held += some
            head, end, body = held.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if end and len(body) >= length:
                self.bodies.append(body)
                self.lines.append(head.partition(b"\r\n")[0])
                held = b""
                if not self.reply(line, len(self.bodies)):
                    break
        line.close()


def answer(line: socket.socket, number: int) -> bool:
    """Answer, and keep the connection."""
    line.sendall(ANSWER)
    return True


@contextmanager
def serving(reply: Reply = answer, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        scheme = "https" if context else "http"
        server = Server(reply, f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/")
        threading.Thread(target=server.serve, args=(listening, context), daemon=True).start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)


def post(url: str, *texts: str, within: float = 10.0, hear: Hear = lambda *_: None) -> list[Response | BaseException]:
    """Post these one after the other over one transport; what came of each."""

    async def go() -> list[Response | BaseException]:
        transport = PooledTransport(10, within, hear)
        found: list[Response | BaseException] = []
        for text in texts:
            asked = transport.request("POST", url, data={"Body": text}, auth=("AC", "secret"))
            found += await asyncio.gather(asked, return_exceptions=True)
        await transport.close()
        return found

    return asyncio.run(go())


def cut(line: socket.socket, number: int) -> bool:
    """Answer the first request; read the second whole and end the connection without a word."""
    return answer(line, number) if number != 2 else False


def reset(line: socket.socket, number: int) -> bool:
    """The same with a reset."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return cut(line, number)


@pytest.mark.parametrize("ending", [cut, reset])
def test_a_kept_connection_that_dies_sends_nothing_again(ending: Reply) -> None:
    """libcurl by itself posts the second text twice here; ours calls its answer lost, and the next text goes on."""
    with serving(ending) as server:
        first, second, third = post(server.url, "one", "two", "three")
    assert server.bodies == [b"Body=one", b"Body=two", b"Body=three"]
    assert isinstance(first, Response)
    assert isinstance(second, AnswerLost)
    assert isinstance(third, Response)


def test_half_an_answer_and_silence_are_lost_answers() -> None:
    """A body that ends early, and one that never comes within the limit, prove nothing; neither is asked for again."""

    def half(line: socket.socket, number: int) -> bool:
        line.sendall(ANSWER[:-1])
        return number == 2

    with serving(half) as server:
        found = post(server.url, "one", "two", within=0.5)
        assert [type(one) for one in found] == [AnswerLost, AnswerLost]
        assert server.bodies == [b"Body=one", b"Body=two"]


def test_what_found_no_connection_was_surely_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port, and a certificate nobody vouches for; the same server with its certificate trusted is texted."""
    (closed,) = post(f"http://127.0.0.1:{free_port()}/", "one")
    assert isinstance(closed, NotSent)
    context = certified(tmp_path)
    with serving(context=context) as server:
        (stranger,) = post(server.url, "one")
        assert isinstance(stranger, NotSent)
        assert server.bodies == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        (known,) = post(server.url, "one")
        assert isinstance(known, Response)


def certified(folder: Path) -> ssl.SSLContext:
    """A server's side with a certificate of its own making for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody")]), datetime.now(UTC)
    local = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).add_extension(local, critical=False)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    file, secret = folder / "cert.pem", folder / "key.pem"
    file.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context


def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What some shell has set must not see texts; the date of the answer is heard."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    heard: list[datetime] = []
    with serving() as server:
        (found,) = post(server.url, "one", hear=lambda date, *_: heard.append(parsedate_to_datetime(date)))
    assert isinstance(found, Response)
    assert (found.status_code, found.text) == (201, "{}")
    assert heard == [datetime(2026, 3, 10, 15, 0, tzinfo=UTC)]


def test_who_waits_for_a_connection_in_vain_was_not_sent() -> None:
    """With one connection and a server that is silent, the second text never begins and may be tried again."""

    async def both(url: str) -> list[Response | BaseException]:
        transport = PooledTransport(1, 3.0, lambda *_: None)
        first = asyncio.create_task(transport.request("POST", url, data={"Body": "one"}))
        await asyncio.to_thread(eventually, lambda: server.bodies)
        transport._read_seconds = 0.5  # the second gives up first, however late a busy machine looks at the clock
        second = asyncio.create_task(transport.request("POST", url, data={"Body": "two"}))
        found = await asyncio.gather(first, second, return_exceptions=True)
        await transport.close()
        return found

    with serving(lambda line, number: True) as server:
        found = asyncio.run(both(server.url))
        assert server.bodies == [b"Body=one"]
    assert [type(one) for one in found] == [AnswerLost, NotSent]


def test_one_handle_asks_and_posts_in_turn() -> None:
    """What fetched something is used to post next, and to fetch again: each goes out as what it is."""

    async def turns(url: str) -> None:
        transport = PooledTransport(1, 10.0, lambda *_: None)
        await transport.request("GET", url, params={"To": "+12125550123"})
        await transport.request("POST", url, data={"Body": "one"})
        await transport.request("GET", url)
        await transport.close()

    with serving() as server:
        asyncio.run(turns(server.url))
    methods = [line.removesuffix(b" HTTP/1.1") for line in server.lines]
    assert methods == [b"GET /?To=%2B12125550123", b"POST /", b"GET /"]
    assert server.bodies == [b"", b"Body=one", b""]


def test_every_character_of_a_form_arrives_as_it_was_given() -> None:
    """What has a meaning in a form, in a query or in percent signs is text here, and a list is its values in order."""
    words = ["", "a+b & c=d; 20 % %41 #rc=5&rp=all", "Élodie ✓ 🎉\r\n\t\x00", "".join(map(chr, range(1, 0x250)))]
    fields = {"Body": words, "To": "+12125550123", "ValidityPeriod": 36_000}

    async def both(url: str) -> None:
        transport = PooledTransport(1, 10.0, lambda *_: None)
        await transport.request("POST", url, data=fields)
        await transport.request("GET", url, params=fields)
        await transport.close()

    with serving() as server:
        asyncio.run(both(server.url))
    query = server.lines[1].removesuffix(b" HTTP/1.1").partition(b"?")[2]
    expected = [*(("Body", word) for word in words), ("To", "+12125550123"), ("ValidityPeriod", "36000")]
    for form in (server.bodies[0], query):
        assert parse_qsl(form.decode("ascii"), keep_blank_values=True, strict_parsing=True) == expected


def test_a_redirect_is_an_answer_and_nobody_is_asked_on_its_word() -> None:
    """Texts and credentials go to the address they were meant for alone."""

    def lead_on(line: socket.socket, number: int) -> bool:
        line.sendall(b"HTTP/1.1 307 GO\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        return True

    with serving(lead_on) as server:
        (found,) = post(server.url, "one")
    assert isinstance(found, Response)
    assert (found.status_code, server.bodies) == (307, [b"Body=one"])
