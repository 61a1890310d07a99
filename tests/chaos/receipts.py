"""Five hundred receipts a second while texts leave: what got a 2xx is kept, also when whoever takes them is killed.

The provider's part is played as it is: each receipt comes at its moment, whatever became of the others, and is brought
again when it got no 2xx, up to five times (``#rc=5``).
"""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from random import Random

import aiohttp
from sqlalchemy import select
from sqlmodel import col
from twilio.request_validator import RequestValidator

from sender.delivery.gate import STATUS_PATH, signed_token
from sender.models import Receipt
from sender.processes.up import child_environment
from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import deliver
from tests.chaos.house import ACCOUNT, LINE, TOKEN, House, house
from tests.chaos.rounds import Place, Round
from tests.chaos.settle import judged, recover
from tests.waiting import eventually

A_SECOND = 500
TEXTS_A_SECOND = 20
KILL_EVERY = 10.0
TRIES, PAUSE = 5, 2.0
Posted = tuple[str, dict[str, str], dict[str, str]]


def play(kills: bool, place: Place, size: int, dice: Random, kill_every: float = KILL_EVERY) -> Round:
    """``size`` seconds; with ``kills`` the process that takes them is killed every so many seconds."""
    with house(place.folder, place.database_url, latency=0.1) as made:
        ids = made.messages(made.people(size * TEXTS_A_SECOND), made.campaign())
        told = CONTEXT.Event()
        hooks = Hooks(made)
        with crew([(deliver, made.settings, ids, dice.randrange(1000), 2, told)]) as children:
            times, refused = asyncio.run(_bring(made, hooks, size, kill_every if kills else float("inf")))
            told.set()
            children[0].join(30)
        hooks.kill()
        recover(made)
        lost = set(times) - _stored(made)
        result = Round(
            times={"receipt": list(times.values())}, broken=judged(made, [f"{one} was lost" for one in lost])
        )
        result.counts += Counter({"seconds": size, "receipts": len(times), "came again": refused, "kills": hooks.kills})
        return result


class Hooks:
    """The real process that takes receipts; killed with -9 and started again."""

    def __init__(self, made: House) -> None:
        self._made = made
        self.kills = 0
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "web", "hooks"]
        environment = {**os.environ, **child_environment(self._made.settings)}
        with (self._made.settings.home / "hooks.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, process_group=0)
        eventually(self._answers, 60)

    def kill(self) -> None:
        """kill -9."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        """What `tactful up` does when it finds it dead."""
        self.kill()
        self.kills += 1
        self.start()

    def _answers(self) -> bool:
        address = f"{self._made.settings.hooks_address}/healthz"
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=1) as answer:
            return bool(answer.status == 200)
        return False


async def _bring(made: House, hooks: Hooks, seconds: int, kill_every: float) -> tuple[dict[str, float], int]:
    """How long each acknowledged receipt took, by its id, and how many requests had to be brought again."""
    times: dict[str, float] = {}
    began, again, next_kill = time.monotonic(), Counter[str](), kill_every
    callbacks = _callbacks(made, seconds * A_SECOND)
    killing: set[asyncio.Future[None]] = set()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        posts = []
        for place, callback in enumerate(callbacks):
            await _pass(began + place / A_SECOND - time.monotonic())
            posts.append(asyncio.create_task(_post(session, callback, times, again)))
            if time.monotonic() - began > next_kill and all(one.done() for one in killing):
                next_kill = time.monotonic() - began + kill_every
                killing.add(asyncio.get_running_loop().run_in_executor(None, hooks.restart))
        await asyncio.gather(*posts, *killing)
    return times, again.total()


async def _post(session: aiohttp.ClientSession, callback: Posted, times: dict[str, float], again: Counter[str]) -> None:
    url, form, headers = callback
    for _ in range(TRIES):
        began = time.monotonic()
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.post(url, data=form, headers=headers, timeout=aiohttp.ClientTimeout(15)) as answer:
                if answer.status == 204:
                    times[form["MessageSid"]] = time.monotonic() - began
                    return
        again["requests"] += 1
        await _pass(PAUSE)


async def _pass(seconds: float) -> None:
    """Let so much time pass."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(max(0.0, seconds), passed.set)
    await passed.wait()


def _callbacks(made: House, count: int) -> list[Posted]:
    validator = RequestValidator(TOKEN)
    found = []
    with made.runtime() as runtime:
        for _ in range(count):
            url = f"{made.settings.hooks_address}{STATUS_PATH}{signed_token(runtime.keys, secrets.token_urlsafe(16))}"
            sid = f"SM{secrets.token_hex(16)}"
            form = {"MessageSid": sid, "MessageStatus": "delivered", "AccountSid": ACCOUNT, "To": LINE, "From": LINE}
            found.append((url, form, {"X-Twilio-Signature": validator.compute_signature(url, form)}))
    return found


def _stored(made: House) -> set[str]:
    with made.database.read() as session:
        return set(session.execute(select(col(Receipt.sid))).scalars())
