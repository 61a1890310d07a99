"""Two worker hosts beside one PostgreSQL: `python -m tests.bench.two_hosts [TEXTS]` prints the share of each.

Each host is a network namespace with a wire of its own (veth) to the one that has database, bell and provider; that
takes root. Elsewhere the two are processes with homes of their own on this machine. A text that is missing or went
twice ends it with 1.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import make_url

from sender.cli.common import load_settings
from sender.processes.up import child_environment
from sender.processes.worker import run_worker
from sender.settings import Settings
from tests.chaos.crew import crew
from tests.chaos.house import House, house, runtime_of
from tests.chaos.settle import judged
from tests.chaos.sigterms import schedule
from tests.servers import Postgres, Valkey, free_port, make_base, private
from tests.waiting import eventually

TEXTS = 4_000
LATENCY = 0.15
LONGEST = 300.0
LOOPBACK = "127.0.0.1"


class Host(NamedTuple):
    """One worker host: how its commands are begun, and the address at which it reaches the others."""

    name: str
    prefix: tuple[str, ...]
    reaches: str


def main(texts: int) -> int:
    """Send so many texts through both hosts, and print what each had of them; 1 where any is missing or doubled."""
    make_base()
    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(private(Postgres)), stack.enter_context(private(Valkey))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="h-", dir="/tmp")))
        made = stack.enter_context(house(folder, postgres.create("hosts"), latency=LATENCY))
        hosts = [stack.enter_context(_host(number)) for number in (1, 2)]
        ids = made.messages(made.people(texts), made.campaign(), "pending")
        workers = {_begin(stack, made, host, valkey.url): host for host in hosts}
        with crew([(schedule, made.settings, valkey.url)]):
            eventually(lambda: made.statuses()["sent"] == texts or None, LONGEST)
        share = Counter(urlsplit(str(entry["status_callback"])).port for entry in made.accepted())
        wrong = judged(made, [] if made.taken(ids) == texts else [f"{made.taken(ids)} of {texts} texts were accepted"])
    for port, host in workers.items():
        sys.stdout.write(f"{host.name}: {share[port]:,} of {texts:,} texts ({share[port] / texts:.0%})\n")
    sys.stdout.write("".join(f"broken: {what}\n" for what in wrong[:20]) or "nothing doubled, nothing missing\n")
    return 1 if wrong else 0


def work(redis_url: str) -> None:
    """On a host: a worker as it is, with the settings of its environment."""
    run_worker(runtime_of(load_settings()), redis_url)


@contextmanager
def _host(number: int) -> Iterator[Host]:
    """A network namespace with a wire to this one; a mere process where that is not allowed."""
    name, wire, net = f"tactful-{os.getpid()}-{number}", f"tf{number}-{os.getpid() % 10**6}", f"10.99.{number}"
    if os.geteuid() != 0 or shutil.which("ip") is None or not _done("ip", "netns", "add", name):
        yield Host(f"process {number}", (), LOOPBACK)
        return
    inside = ("ip", "-n", name)
    try:
        for words in (
            ("ip", "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", name),
            ("ip", "address", "add", f"{net}.1/30", "dev", wire),
            ("ip", "link", "set", wire, "up"),
            (*inside, "address", "add", f"{net}.2/30", "dev", "eth0"),
            (*inside, "link", "set", "eth0", "up"),
            (*inside, "link", "set", "lo", "up"),
        ):
            subprocess.run(words, check=True)
        yield Host(f"namespace {number}", ("ip", "netns", "exec", name), f"{net}.1")
    finally:
        _done("ip", "netns", "del", name)


def _done(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def _begin(stack: ExitStack, made: House, host: Host, redis_url: str) -> int:
    """A worker on this host, with a home of its own; the port in its callbacks, by which its texts are known."""
    home, port = made.settings.home.parent / f"home-{free_port()}", free_port()
    shutil.copytree(made.settings.home, home)
    url, provider = make_url(made.settings.database), urlsplit(made.settings.twilio_base_url or "")
    near = url.set(host=host.reaches, port=_relay(host.reaches, url.port or 0))
    settings = made.settings.model_copy(
        update={
            "home": home,
            "hooks_port": port,
            "database_url": near.render_as_string(hide_password=False),
            "twilio_base_url": f"http://{host.reaches}:{_relay(host.reaches, provider.port or 0)}",
        }
    )
    stack.enter_context(_running(host, settings, redis_url))
    return port


@contextmanager
def _running(host: Host, settings: Settings, redis_url: str) -> Iterator[None]:
    words = [*host.prefix, sys.executable, "-m", "tests.bench.two_hosts", "--worker", redis_url]
    with (settings.home / "worker.log").open("wb") as log:
        worker = subprocess.Popen(words, env={**os.environ, **child_environment(settings)}, stdout=log, stderr=log)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait()


def _relay(address: str, port: int) -> int:
    """Pass connections to ``address`` on to this port of the loopback; the port at which it listens."""
    listening = free_port()
    threading.Thread(target=lambda: asyncio.run(_pass_on(address, listening, port)), daemon=True).start()
    return listening


async def _pass_on(address: str, listening: int, port: int) -> None:
    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while some := await source.read(1 << 16):
            target.write(some)
            await target.drain()
        target.close()

    async def meet(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        far, to = await asyncio.open_connection(LOOPBACK, port)
        await asyncio.gather(pump(source, to), pump(far, target), return_exceptions=True)

    async with await asyncio.start_server(meet, address, listening) as server:
        await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2])
    else:
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else TEXTS))
