"""A simulator in a thread, Twilio's own client pointed at it, and an application that records the webhooks it gets."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.rest import Client

from sender.simulator.config import SimulatorConfig
from sender.simulator.server import Running, serve

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "token-of-the-account"
SERVICE = "MG" + "0" * 31 + "1"
SHOP, TOLL_FREE, SHORT, NAME, POOLED = "+12025550100", "+18885550100", "55512", "SHOP", "+12025550111"
ANN = "+12125550101"
AT_ONCE = (0.0, 0.0)
QUICK = {"choosing_delay": AT_ONCE, "sent_delay": AT_ONCE, "delivery_delay": AT_ONCE, "reply_delay": AT_ONCE}


@dataclass(frozen=True)
class Received:
    """One webhook as it arrived."""

    target: str
    headers: dict[str, str]
    fields: list[tuple[str, str]]

    def __getitem__(self, name: str) -> str:
        return dict(self.fields)[name]


class Application:
    """Records webhooks and answers them with the scripted statuses, then with 200 and ``body``."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        self.body = b""
        self.gate = threading.Event()
        self.gate.set()
        self._news = threading.Condition()
        application = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                application._hear(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def wait_for(self, count: int = 1, timeout: float = 10.0) -> list[Received]:
        """Wait for so many webhooks."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.received) >= count, timeout), f"only {self.received}"
            return list(self.received)

    def _hear(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        fields = parse_qsl(body, keep_blank_values=True)
        with self._news:
            self.received.append(Received(handler.path, dict(handler.headers), fields))
            status = self.statuses.pop(0) if self.statuses else 200
            self._news.notify_all()
        self.gate.wait(10)
        with suppress(ConnectionError):  # the simulator hangs up on those it timed out
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(self.body)))
            handler.end_headers()
            handler.wfile.write(self.body)


@pytest.fixture
def application() -> Iterator[Application]:
    """The application under Twilio's webhooks."""
    app = Application()
    thread = threading.Thread(target=app.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield app
    app.gate.set()
    app.server.shutdown()
    app.server.server_close()
    thread.join()


@pytest.fixture
def configure(application: Application) -> Callable[..., SimulatorConfig]:
    """Makes a configuration with one sender of each kind; keywords replace its parts, ``phones`` adds to quick ones."""

    def make(phones: dict[str, Any] | None = None, **parts: Any) -> SimulatorConfig:
        inbound = f"{application.url}/inbound"
        data: dict[str, Any] = {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "numbers": [
                {"number": SHOP, "rate": 100000, "inbound_url": inbound},
                {"number": TOLL_FREE, "kind": "toll_free", "rate": 100000, "inbound_url": inbound},
                {"number": SHORT, "kind": "short_code", "rate": 100000, "inbound_url": inbound},
                {"number": NAME, "kind": "alphanumeric", "rate": 100000},
                {"number": POOLED, "rate": 100000},
            ],
            "services": [{"sid": SERVICE, "senders": [POOLED], "inbound_url": inbound}],
            "phones": {**QUICK, **(phones or {})},
        }
        return SimulatorConfig.model_validate({**data, **parts})

    return make


@pytest.fixture
def start(configure: Callable[..., SimulatorConfig]) -> Iterator[Callable[..., Running]]:
    """Starts a simulator with the given parts of configuration; ``clock`` and ``log_path`` go to the server."""
    with ExitStack() as stack:

        def begin(*, clock: Any = None, log_path: Any = None, **parts: Any) -> Running:
            return stack.enter_context(serve(configure(**parts), clock=clock, log_path=log_path))

        yield begin


@pytest.fixture
def simulator(start: Callable[..., Running]) -> Running:
    """A simulator in which everything happens at once and nothing goes wrong."""
    return start()


def client_for(running: Running, name: str = ACCOUNT, secret: str = TOKEN, account: str = ACCOUNT) -> Client:
    """Twilio's own client, pointed at a simulator."""
    client = Client(name, secret, account)
    client.http_client.timeout = (3, 10)
    client.api.base_url = running.url
    client.messaging.base_url = running.url
    return client


@pytest.fixture
def connect() -> Callable[..., Client]:
    """Makes clients for a simulator, with other credentials if given."""
    return client_for


@pytest.fixture
def client(simulator: Running) -> Client:
    """A client of the plain simulator."""
    return client_for(simulator)


@pytest.fixture
def ask() -> Callable[..., dict[str, Any]]:
    """Speaks to the control endpoints: a body makes it a POST; gives the JSON answer."""

    def call(running: Running, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{running.url}/_sim/{path}", data)
        with urllib.request.urlopen(request, timeout=15) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    return call
