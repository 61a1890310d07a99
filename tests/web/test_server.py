"""The process around the pages: one clear sentence where it cannot listen, and real requests over a real socket."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from sender.crypto import make_keys
from sender.db import Database
from sender.settings import Settings
from tests.tables import give_tables
from web.server import AddressTakenError, bind

COMMAND = [sys.executable, "-m", "web"]
# How a request may claim to end in two places, so that a proxy in front and this process disagree.
TWO_LENGTHS = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: +5",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_taken_port_is_said_in_one_sentence() -> None:
    """A second start names the address and the setting."""
    settings = Settings(_env_file=None, port=free_port())
    with bind(settings), pytest.raises(AddressTakenError, match=f"port {settings.port} already.*TACTFUL_PORT"):
        bind(settings)


def test_a_foreign_address_is_said_in_one_sentence() -> None:
    """An address that this machine does not have names the other setting."""
    with pytest.raises(AddressTakenError, match="TACTFUL_HOST"):
        bind(Settings(_env_file=None, host="192.0.2.1", port=free_port()))


def environment(home: Path, port: int) -> dict[str, str]:
    """The settings of an installation with a migrated database in ``home``."""
    make_keys(home)
    db = Database(f"sqlite:///{home / 'tactful.db'}")
    give_tables(db)
    db.close()
    return {
        **os.environ,
        "TACTFUL_HOME": str(home),
        "TACTFUL_PORT": str(port),
        "TACTFUL_TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
        "TACTFUL_TWILIO_AUTH_TOKEN": "f" * 32,
        "TACTFUL_TWILIO_BASE_URL": "http://127.0.0.1:9",
    }


@contextmanager
def served(home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A web process of its own, ended by SIGTERM."""
    with subprocess.Popen(COMMAND, stderr=subprocess.PIPE, text=True, env=environment(home, port)) as process:
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def answer(process: subprocess.Popen[str], port: int, path: str) -> tuple[int, str]:
    """Status and body; asks until the process listens."""
    while process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            found = connection.getresponse()
            return found.status, found.read().decode()
        except ConnectionRefusedError:
            continue
        finally:
            connection.close()
    raise AssertionError(process.stderr.read() if process.stderr else "")


def statuses(port: int, head: bytes) -> list[int]:
    """The statuses of everything that is answered to one request with this head and a second one in its body."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n")
        with line.makefile("rb") as said:
            return [int(row.split()[1]) for row in said if row.startswith(b"HTTP/1.")]


def test_a_real_process_serves_and_ends(tmp_path: Path) -> None:
    """It answers from its own database after the fork, takes no body of two lengths, and SIGTERM ends it in order."""
    port = free_port()
    with served(tmp_path, port) as process:
        assert answer(process, port, "/readyz") == (200, "ok\n")
        status, page = answer(process, port, "/login")
        assert status == 200
        assert "Sign in" in page
        assert answer(process, port, "/static/app.css")[0] == 200
        assert [statuses(port, head) for head in TWO_LENGTHS] == [[400]] * len(TWO_LENGTHS)
    assert process.returncode == 0


def test_a_second_start_says_one_sentence(tmp_path: Path) -> None:
    """Status 1, the setting's name, and no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        env = environment(tmp_path, taken.getsockname()[1])
        second = subprocess.run(COMMAND, capture_output=True, text=True, env=env, timeout=60, check=False)
    assert second.returncode == 1
    assert "TACTFUL_PORT" in second.stderr
    assert "Traceback" not in second.stderr
