"""A receiver that has just started: receipts and STOPs before the words of free replies are loaded, those after."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from sqlalchemy import select
from sqlmodel import col

from sender.models import Receipt, Reply
from sender.processes.up import child_environment
from sender.settings import Settings
from tests.installation import Installation, install
from tests.servers import free_port
from tests.waiting import eventually
from web.signature import signature

ACCOUNT, TOKEN = "AC" + "0" * 32, "receiver-token"
FREE = ("no more texts from you please", "take me off the list", "which day do you open again?")
# The real process, whose weights open only when a line comes in; it says so each time they do.
HELD_UP = """
import runpy, sys

def hold(event, about):
    if event == "open" and str(about[0]).endswith("likeness.json"):
        print("loads", flush=True)
        sys.stdin.readline()

sys.addaudithook(hold)
sys.argv = ["web", "hooks"]
runpy.run_module("web", run_name="__main__")
"""


@contextmanager
def held_up(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A receiver that cannot load the words of free replies yet."""
    command = [sys.executable, "-c", HELD_UP]
    environment = child_environment(settings)
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            eventually(lambda: answers(settings), 60)
            yield process
        finally:
            process.terminate()


def answers(settings: Settings) -> bool:
    """Whether somebody listens."""
    with suppress(URLError), urlopen(f"{settings.hooks_address}/healthz", timeout=10) as answer:
        return bool(answer.status == 200)
    return False


def post(settings: Settings, path: str, number: int, **parameters: str) -> int:
    """Send what Twilio would; returns the status."""
    form = {"AccountSid": ACCOUNT, "MessageSid": f"SM{number:032x}", **parameters}
    url = settings.hooks_address + path
    headers = {"X-Twilio-Signature": signature(TOKEN, url, form).decode()}
    with urlopen(Request(url, urlencode(form).encode(), headers), timeout=60) as answer:
        return int(answer.status)


def says(settings: Settings, number: int, words: str) -> int:
    """An inbound text of these words."""
    return post(settings, "/hooks/twilio/inbound", number, From=f"+1212555{number:04}", To="+12125550100", Body=words)


def intents(installation: Installation) -> list[str]:
    """What the replies that are stored were read as."""
    with installation.runtime.db.read() as session:
        return sorted(session.execute(select(col(Reply.intent))).scalars())


def test_the_door_is_open_before_the_words_are_loaded(tmp_path: Path, sqlite_url: str) -> None:
    """Receipts and STOP are taken at once; free replies wait for one loading, not for one each, and are heard."""
    installation = install(tmp_path / "home", sqlite_url, twilio_auth_token=TOKEN, hooks_port=free_port())
    settings = installation.runtime.settings
    with held_up(settings) as process, ThreadPoolExecutor(len(FREE)) as phones:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "loads\n"
        waiting = [phones.submit(says, settings, 110 + place, words) for place, words in enumerate(FREE)]
        assert post(settings, "/hooks/twilio/status/tok.sig", 101, MessageStatus="delivered") == 204
        assert says(settings, 102, "STOP") == 200
        assert intents(installation) == ["opt_out"]
        print("", file=process.stdin, flush=True)
        assert [one.result(60) for one in waiting] == [200] * len(FREE)
        process.terminate()
        assert process.stdout.read().count("loads") == 0
    assert intents(installation) == ["none", "opt_out", "opt_out", "opt_out"]
    with installation.runtime.db.read() as session:
        assert session.execute(select(col(Receipt.status))).scalars().all() == ["delivered"]
    installation.runtime.db.close()
