"""What a Twilio that is not the limit says of each text: two signed callbacks, over connections that stay open.

Source: Twilio, "Track the Message Status of Outbound Messages" (fields) and "Webhooks security" (signature).
"""

import asyncio
import base64
import hmac
import random
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

COURSE = (("sent", 0.01, 0.05), ("delivered", 0.02, 0.1))
"""Each status, with the shortest and the longest time since the one before, in seconds."""
CONNECTIONS = 64
AGAIN_SECONDS = 1.0
TAKEN = b"HTTP/1.1 204"
REQUEST = (
    "POST {path} HTTP/1.1\r\nHost: {host}\r\nX-Twilio-Signature: {signature}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
)


class Reporter:
    """Reports by up to 64 requests at once; one that is not taken comes again a second later."""

    def __init__(self, account: str, token: str) -> None:
        self._account, self._token = account, token.encode()
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._idle: list[Line] = []
        self._lines: list[asyncio.Task[None]] = []

    def follow(self, url: str, text: Mapping[str, str]) -> None:
        """Tell ``url`` of each status of a text (``MessageSid``, ``To``, ``From``) when its time has come."""
        after = 0.0
        for status, shortest, longest in COURSE:
            after += random.uniform(shortest, longest)
            form = {**text, "MessageStatus": status, "SmsStatus": status, "AccountSid": self._account}
            asyncio.get_running_loop().call_later(after, self.report, url, form)

    def report(self, url: str, form: Mapping[str, str]) -> None:
        """One callback, as soon as a connection is free."""
        url, _, _ = url.partition("#")  # what follows it is for Twilio alone: not asked for, not signed
        signed = url + "".join(name + form[name] for name in sorted(form))
        signature = base64.b64encode(hmac.digest(self._token, signed.encode(), "sha1")).decode()
        _, host, path, _, _ = urlsplit(url)
        body = urlencode(form)
        request = REQUEST.format(path=path, host=host, signature=signature, length=len(body), body=body)
        self.send(host, request.encode())

    def send(self, host: str, request: bytes) -> None:
        """Give a request to an idle connection, to a new one, or let it wait for the next that is free."""
        if self._idle:
            self._idle.pop().send(host, request)
            return
        self._waiting.append((host, request))
        if len(self._lines) < CONNECTIONS:
            self._lines.append(asyncio.get_running_loop().create_task(self._open(host)))

    def free(self, line: "Line") -> None:
        """This connection can take the next request."""
        if self._waiting:
            line.send(*self._waiting.popleft())
        else:
            self._idle.append(line)

    async def _open(self, host: str) -> None:
        name, _, port = host.partition(":")
        _, line = await asyncio.get_running_loop().create_connection(lambda: Line(self), name, int(port))
        self.free(line)


class Line(asyncio.Protocol):
    """One connection to the application, with one request on it at a time."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter, self._answer = reporter, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport: Any = transport

    def send(self, host: str, request: bytes) -> None:
        """Write one request, and keep it until it is answered."""
        self._sent = host, request
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """An answer is whole with its head: neither 204 nor 503 has a body."""
        self._answer += data
        if not self._answer.endswith(b"\r\n\r\n"):
            return
        if not self._answer.startswith(TAKEN):
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._reporter.send, *self._sent)
        self._answer = b""
        self._reporter.free(self)
