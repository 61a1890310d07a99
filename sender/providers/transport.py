"""The HTTP transport under the SDK's own client: libcurl on the event loop, pooled and bounded on all sides.

The SDK's transports keep ten to a hundred connections and wait for ever. libcurl sends a request again by itself when a
kept connection turns out to be dead, a POST as well, and has no option against it (curl/curl#18417). But it asks before
each sending (CURLOPT_PREREQFUNCTION, since 7.80), and here the answer to a second asking is no. The same question tells
whether anything can have left at all: what failed before it was never sent.
Source: Twilio support puts its own server-side limit at about 26 s, hence 30 s for a whole request.
"""

import logging
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pycurl
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

CONNECT_SECONDS = 3.0
IDLE_SECONDS = 5
LEAST_STATUS = 200

Hear = Callable[[str, float, float], None]
"""Is told each answer's Date header, and the monotonic seconds between which the provider wrote it."""

# At INFO the SDK logs addresses whose query holds phone numbers.
logging.getLogger("twilio.http_client").setLevel(logging.WARNING)


class NotSent(Exception):
    """No byte of the request has left: no connection, no TLS, no name, no free place in time."""


class AnswerLost(Exception):
    """The request has begun to leave, and what became of it nobody knows."""


class PooledTransport(AsyncHttpClient):  # type: ignore[misc]
    """An HTTP client for the SDK with at most ``connections`` requests on the wire.

    A request has ``read_seconds`` from its start to the last byte of its answer.
    """

    def __init__(self, connections: int, read_seconds: float, hear: Hear) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), True, None)
        self._connections = connections
        self._read_seconds = read_seconds
        self._hear = hear
        self._multi: Any = None
        self._idle: list[Exchange] = []

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One request, without retries and without following redirects; NotSent or AnswerLost when it fails."""
        exchange = self._idle.pop() if self._idle else Exchange(self._read_seconds)
        exchange.prepare(method, uri, params, data, headers or {}, auth)
        sent = time.monotonic()
        try:
            await self._opened().add_handle(exchange.curl)
        except pycurl.error as error:
            raise exchange.failure(error) from error
        answer = exchange.answer()
        self._hear(answer.headers.get("date", ""), sent, time.monotonic())
        self._idle.append(exchange)
        return answer

    def _opened(self) -> Any:
        if self._multi is None:
            self._multi = pycurl.AsyncCurlMulti()
            self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, self._connections)
            self._multi.setopt(pycurl.M_MAXCONNECTS, self._connections)
        return self._multi

    async def close(self) -> None:
        """Give back the connections; what is still on the wire is cut."""
        if self._multi is not None:
            await self._multi.aclose()
            self._multi = None
        self._idle.clear()


class Exchange:
    """One handle of libcurl, used for one request after the other: what it sends, and what came back."""

    def __init__(self, read_seconds: float) -> None:
        self.curl = pycurl.Curl()
        self._sendings = 0
        self._lines: list[bytes] = []
        self._body: list[bytes] = []
        self._known: tuple[dict[str, str], tuple[str, str] | None] | None = None
        for option, value in (
            (pycurl.PREREQFUNCTION, self._may_send),
            (pycurl.HEADERFUNCTION, self._lines.append),
            (pycurl.WRITEFUNCTION, self._body.append),
            (pycurl.CONNECTTIMEOUT_MS, int(CONNECT_SECONDS * 1000)),
            (pycurl.TIMEOUT_MS, int(read_seconds * 1000)),
            (pycurl.MAXAGE_CONN, IDLE_SECONDS),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
            (pycurl.NOSIGNAL, 1),
            # The environment's proxies would be taken silently; none is asked.
            (pycurl.PROXY, ""),
            *_authorities(),
        ):
            self.curl.setopt(option, value)

    def prepare(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None,
        data: dict[str, Any] | None,
        headers: dict[str, str],
        auth: tuple[str, str] | None,
    ) -> None:
        """Make ready for a request; nothing is left of the one before."""
        self._sendings = 0
        self._lines.clear()
        self._body.clear()
        self.curl.setopt(pycurl.URL, f"{uri}?{_form(params)}" if params else uri)
        if data is None:
            self.curl.setopt(pycurl.HTTPGET, 1)
        else:
            self.curl.setopt(pycurl.POSTFIELDS, _form(data))
        # Said each time: a handle keeps the method of its last request.
        self.curl.setopt(pycurl.CUSTOMREQUEST, method.upper())
        if self._known != (headers, auth):
            self.curl.setopt(pycurl.HTTPHEADER, _header_lines(headers, auth))
            self._known = (headers, auth)

    def answer(self) -> Response:
        """What came back, as the SDK takes it; headers by their names in small letters."""
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        if status < LEAST_STATUS:
            raise AnswerLost(f"no whole answer came (status {status})")
        pairs = (line.decode("latin-1").partition(":") for line in self._lines)
        headers = {name.lower(): value.strip() for name, colon, value in pairs if colon}
        return Response(status, b"".join(self._body).decode("utf-8", "replace"), headers)

    def failure(self, error: pycurl.error) -> NotSent | AnswerLost:
        """What a failure proves."""
        why = f"curl error {error.args[0]}"
        return AnswerLost(why) if self._sendings else NotSent(why)

    def _may_send(self, *_addresses: object) -> int:
        """Asked by libcurl when a connection is ready and nothing has been written to it: once, and never again."""
        self._sendings += 1
        return int(pycurl.PREREQFUNC_OK if self._sendings == 1 else pycurl.PREREQFUNC_ABORT)


def _form(fields: dict[str, Any]) -> str:
    """Fields as a form or a query carries them; urllib goes letter by letter and takes five times as long."""
    return URL.build(query=fields).raw_query_string


def _header_lines(headers: dict[str, str], auth: tuple[str, str] | None) -> list[str]:
    known = {"Expect": "", **headers}
    if auth:
        known["Authorization"] = f"Basic {b64encode(':'.join(auth).encode()).decode()}"
    return [f"{name}: {value}" for name, value in known.items()]


def _authorities() -> list[tuple[int, str]]:
    """Where this machine keeps the certificates it trusts: those of Python, not those libcurl was built beside."""
    paths = ssl.get_default_verify_paths()
    known = ((pycurl.CAINFO, paths.cafile), (pycurl.CAPATH, paths.capath))
    return [(option, path) for option, path in known if path]
