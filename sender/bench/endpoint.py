"""``python -m sender.bench.endpoint``: takes texts as Twilio does and does nothing else, so that it is not the limit.

The simulator plays phones, rates and faults, which costs half a millisecond a text; here a request is cut at its
length, noted, and answered. It writes the same two lines into its log, and reports when it is told how to sign.
"""

import argparse
import asyncio
import json
import random
import secrets
import signal
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qs

from sender.bench.reporting import Reporter

LATE_LINES = 256 * 1024
ANSWER = b"HTTP/1.1 %b\r\nDate: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
CREATED, FINE = b"201 CREATED", b"200 OK"


class Endpoint:
    """What all connections share: how long an answer takes, how far its clock is ahead (seconds), log and reports."""

    def __init__(self, mean: float, spread: float, ahead: float, log: TextIO, reporter: Reporter | None) -> None:
        self._shortest, self._longest, self._ahead, self._log = mean - spread, mean + spread, ahead, log
        self._reporter = reporter
        self._series, self._taken = secrets.token_hex(8), 0

    def take(self, form: bytes) -> bytes:
        """Note a text and return the answer to it."""
        self._taken += 1
        words = parse_qs(form.decode())
        to = words["To"][0]
        sid = f"SM{self._series}{self._taken:016x}"
        self._note(event="request", arrived=time.time(), to=to)
        self._note(event="accepted", to=to, sid=sid)
        if self._reporter and "StatusCallback" in words:
            about = {"MessageSid": sid, "SmsSid": sid, "To": to, "From": words["From"][0]}
            self._reporter.follow(words["StatusCallback"][0], about)
        return b'{"sid": "%b", "status": "queued", "to": "%b"}' % (sid.encode(), to.encode())

    def wait(self) -> float:
        """How long the next answer takes, in seconds."""
        return random.uniform(self._shortest, self._longest)

    def date(self) -> bytes:
        """What the Date header says: workers send by no clock that differs from it."""
        return formatdate(time.time() + self._ahead, usegmt=True).encode()

    def _note(self, **entry: Any) -> None:
        self._log.write(json.dumps(entry, separators=(",", ":")) + "\n")


class Line(asyncio.Protocol):
    """One connection, with one request on it at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint, self._held = endpoint, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the whole of a request is there."""
        self._held += data
        head, end, rest = self._held.partition(b"\r\n\r\n")
        length = _length(head)
        if not end or len(rest) < length:
            return
        self._held = rest[length:]
        if head.startswith(b"GET"):
            self._answer(FINE, b"{}")
            return
        body = self._endpoint.take(rest[:length])
        wait = self._endpoint.wait()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._answer, CREATED, body)
        else:
            self._answer(CREATED, body)

    def _answer(self, status: bytes, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER % (status, self._endpoint.date(), len(body), body))


def _length(head: bytes) -> int:
    """What the request says of its body; nothing said is nothing there."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def serve(port: int, log: Path, mean: float, spread: float, ahead: float, reporter: Reporter | None) -> None:
    """Serve on loopback until SIGTERM; the log is whole then."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    with log.open("w", buffering=LATE_LINES, encoding="utf-8") as lines:
        endpoint = Endpoint(mean, spread, ahead, lines, reporter)
        server = await asyncio.get_running_loop().create_server(lambda: Line(endpoint), "127.0.0.1", port, backlog=1024)
        async with server:
            await told.wait()


def main() -> None:
    """Read the words and serve."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("--log", type=Path, required=True)
    asked.add_argument("--mean", type=float, default=0.0)
    asked.add_argument("--spread", type=float, default=0.0)
    asked.add_argument("--ahead", type=float, default=0.0)
    asked.add_argument("--account", default="")
    asked.add_argument("--token", default="")
    given = asked.parse_args()
    reporter = Reporter(given.account, given.token) if given.token else None
    asyncio.run(serve(given.port, given.log, given.mean, given.spread, given.ahead, reporter))


if __name__ == "__main__":
    main()
