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

from sender.settings import Settings
from web.server import AddressTakenError, bind

PROGRAM = """
import sys
from pathlib import Path
from sqlmodel import SQLModel
from guards import CHAIN
from sender.clock import Clock
from sender.crypto import make_keys
from sender.db import Database
from sender.runtime import Runtime
from sender.settings import Settings
from web.server import run
home = Path(sys.argv[1])
settings = Settings(_env_file=None, home=home, port=int(sys.argv[2]))
db = Database(settings.database)
import sender.accounts
SQLModel.metadata.create_all(db.engine)
run(Runtime(settings, db, make_keys(home), Clock(), CHAIN, None))
"""


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


@contextmanager
def served(home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A web process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home), str(port)], stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        yield process
    finally:
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


def test_a_real_process_serves_and_ends(tmp_path: Path) -> None:
    """It answers from its own database after the fork, and SIGTERM ends it in order."""
    port = free_port()
    with served(tmp_path, port) as process:
        assert answer(process, port, "/readyz") == (200, "ok\n")
        status, page = answer(process, port, "/login")
        assert status == 200
        assert "Sign in" in page
        assert answer(process, port, "/static/app.css")[0] == 200
    assert process.returncode == 0
