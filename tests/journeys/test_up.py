"""`tactful up` as a user meets it: it starts, is found again, refuses clearly, and leaves nothing running."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sender.crypto import make_keys
from sender.simulator.config import Number, SimulatorConfig
from sender.simulator.server import serve
from tests.servers import free_port
from tests.waiting import eventually

ACCOUNT = "AC" + "0" * 32
TOKEN = "up-token"
OURS, THEIRS = "+12125550100", "+12125550199"


@dataclass
class Terminal:
    """A terminal with an environment of its own, in which `tactful` commands are run."""

    folder: Path
    environment: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "sender.cli", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def words(self, *words: str) -> tuple[int, str]:
        """The status of a command and all it said, as one line."""
        ended = self.run(*words)
        return ended.returncode, " ".join((ended.stdout + ended.stderr).split())

    def up(self) -> "subprocess.Popen[bytes]":
        """Start `tactful up`, its output going to a file."""
        with (self.folder / "up.log").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "sender.cli", "up"], env=self.environment, stdout=output, stderr=output
            )

    def log(self) -> str:
        """What `up` has printed so far, as one line."""
        return " ".join((self.folder / "up.log").read_text().split())

    def answers(self) -> bool:
        """Whether the web process and the scheduler are ready."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.environment['TACTFUL_PORT']}/healthz", timeout=1):
                return "scheduler ready" in self.log()
        except OSError:
            return False


@pytest.fixture
def terminal(short_folder: Path) -> Iterator[Terminal]:
    """A terminal whose Twilio is a simulator."""
    config = SimulatorConfig(account_sid=ACCOUNT, auth_token=TOKEN, numbers=(Number(number=OURS),))
    with serve(config) as simulator:
        yield Terminal(
            short_folder,
            {
                **{name: value for name, value in os.environ.items() if not name.startswith("TACTFUL_")},
                "TACTFUL_HOME": str(short_folder / "home"),
                "TACTFUL_PORT": str(free_port()),
                "TACTFUL_HOOKS_PORT": str(free_port()),
                "TACTFUL_TWILIO_ACCOUNT_SID": ACCOUNT,
                "TACTFUL_TWILIO_AUTH_TOKEN": TOKEN,
                "TACTFUL_TWILIO_BASE_URL": simulator.url,
            },
        )


def test_up_starts_mends_itself_is_stopped_and_finds_its_data_again(terminal: Terminal) -> None:
    """It prints an owner link, replaces a killed worker, ends whole by Ctrl-C, and finds its data at a second start."""
    first = terminal.up()
    eventually(terminal.answers, 60)
    assert re.search(r"http://\S+/welcome/\S+", terminal.log())
    victim = _child(first.pid, "worker")
    victim.kill()
    eventually(lambda: "ended by signal 9; starting it again" in terminal.log(), 20)
    replacement = eventually(lambda: _child(first.pid, "worker", other_than=victim.pid), 20)
    assert replacement.is_running()
    family = psutil.Process(first.pid).children(recursive=True)
    assert len(family) >= 5
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=40) == 0
    assert not [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    keys = (terminal.folder / "home" / "keys.json").read_bytes()
    second = terminal.up()
    eventually(terminal.answers, 60)
    second.send_signal(signal.SIGTERM)
    assert second.wait(timeout=40) == 0
    assert (terminal.folder / "home" / "keys.json").read_bytes() == keys
    assert (terminal.folder / "home").stat().st_mode & 0o077 == 0


def _child(pid: int, word: str, other_than: int = 0) -> psutil.Process:
    """A child process whose command line has this word."""
    children = psutil.Process(pid).children(recursive=True)
    return next(child for child in children if child.pid != other_than and word in child.cmdline())


def test_a_port_in_use_is_named_and_nothing_starts(terminal: Terminal) -> None:
    """`up` refuses with the port and the setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(terminal.environment["TACTFUL_PORT"])))
        taken.listen()
        refused = terminal.run("up")
    assert refused.returncode == 1
    assert "set TACTFUL_PORT to a free one" in " ".join(refused.stderr.split())


def test_wrong_credentials_are_named(terminal: Terminal) -> None:
    """`up` and `doctor` refuse with the setting to check."""
    terminal.environment["TACTFUL_TWILIO_AUTH_TOKEN"] = "another"
    for command in ("up", "doctor"):
        refused = terminal.run(command)
        assert refused.returncode == 1
        assert "TACTFUL_TWILIO_ACCOUNT_SID" in refused.stdout + refused.stderr


def test_missing_credentials_are_named(terminal: Terminal) -> None:
    """Without an account `up` says which settings to set."""
    del terminal.environment["TACTFUL_TWILIO_ACCOUNT_SID"]
    refused = terminal.run("up")
    assert refused.returncode == 1
    assert "TACTFUL_TWILIO_ACCOUNT_SID" in refused.stderr


def test_a_from_number_of_somebody_else_is_named(terminal: Terminal) -> None:
    """A program whose number the account does not hold is named by `doctor`, and `up` refuses for it."""
    assert terminal.run("db", "upgrade").returncode == 0
    for slug, address in (("ours", OURS), ("theirs", THEIRS)):
        if slug == "theirs":
            assert f"{OURS} is the account's" in terminal.words("doctor")[1]
        file = terminal.folder / f"{slug}.json"
        line = {"country": "US", "address": address}
        program = {"slug": slug, "brand": "Acme", "help_contact": "help@acme.example", "purposes": ["marketing"]}
        file.write_text(json.dumps({**program, "countries": ["US"], "from_numbers": [line]}))
        assert terminal.run("program", "create", str(file)).returncode == 0
    for command in ("doctor", "up"):
        status, said = terminal.words(command)
        assert status == 1
        assert f"{THEIRS} (long_code) is not of this Twilio account" in said


def test_a_shifted_clock_with_real_credentials_is_refused(terminal: Terminal) -> None:
    """A clock setting without the simulator would send at unlawful hours."""
    del terminal.environment["TACTFUL_TWILIO_BASE_URL"]
    terminal.environment |= {"TACTFUL_CLOCK_REAL": "0", "TACTFUL_CLOCK_VIRTUAL": "2026-03-10T13:00:00Z"}
    refused = terminal.run("up")
    assert refused.returncode == 1
    assert "TACTFUL_CLOCK" in refused.stderr


def test_no_redis_is_named(terminal: Terminal) -> None:
    """A configured Redis that does not answer is named with its setting."""
    terminal.environment["TACTFUL_REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    refused = terminal.run("up")
    assert refused.returncode == 1
    assert "TACTFUL_REDIS_URL" in refused.stderr


def test_a_missing_key_file_is_named(terminal: Terminal) -> None:
    """A database without its keys is never given new ones."""
    assert terminal.run("db", "upgrade").returncode == 0
    (terminal.folder / "home" / "keys.json").unlink()
    refused = terminal.run("up")
    assert refused.returncode == 1
    assert "keys.json is missing" in " ".join(refused.stderr.split())
    assert not (terminal.folder / "home" / "keys.json").exists()


def test_a_locked_database_is_named(terminal: Terminal) -> None:
    """Another program that holds the database locked is named before anything starts."""
    assert terminal.run("db", "upgrade").returncode == 0
    with sqlite3.connect(terminal.folder / "home" / "tactful.db", isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        refused = terminal.run("up")
        holder.execute("ROLLBACK")
    assert refused.returncode == 1
    assert "locked" in refused.stderr


def test_an_old_schema_is_named(terminal: Terminal) -> None:
    """A command on a database that was never upgraded says which command to run."""
    (terminal.folder / "home").mkdir(mode=0o700)
    make_keys(terminal.folder / "home")
    refused = terminal.run("campaign", "list")
    assert refused.returncode == 1
    assert "tactful db upgrade" in " ".join(refused.stderr.split())
