"""Twilio's calls to the application: signed form POSTs, time-outs and retries as the URL's fragment says."""

import asyncio
import base64
import hmac
import time
import uuid
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from yarl import URL

from sender.simulator.log import Log

Fields = list[tuple[str, str]]
Signing = Literal["signed", "unsigned", "forged"]
FIRST_PAUSE = 0.1


def signature(auth_token: str, url: str, fields: Fields) -> str:
    """``X-Twilio-Signature`` of a form POST: HMAC-SHA1 over URL and sorted, distinct names and values."""
    distinct = sorted(set(fields))
    text = url + "".join(name + value for name, value in distinct)
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), "sha1")).decode()


@dataclass(frozen=True, slots=True)
class Overrides:
    """Connection overrides of a URL fragment (Twilio: Webhooks, connection overrides); times in seconds."""

    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0
    retries: int = 1
    retry_on: frozenset[str] = frozenset({"ct"})

    @classmethod
    def parse(cls, fragment: str) -> "Overrides":
        """Read ``ct=…&rt=…&tt=…&rc=…&rp=…``; values out of range are clamped, unreadable ones ignored."""
        given, plain = dict(parse_qsl(fragment)), cls()
        retries = given.get("rc", "")
        return cls(
            connect=_seconds(given.get("ct", ""), plain.connect, 10_000),
            read=_seconds(given.get("rt", ""), plain.read, 15_000),
            total=_seconds(given.get("tt", ""), plain.total, 15_000),
            retries=min(int(retries), 5) if retries.isdecimal() else plain.retries,
            retry_on=frozenset(given["rp"].split(",")) if given.get("rp") else plain.retry_on,
        )

    def wants_retry(self, trouble: str) -> bool:
        """True when this kind of trouble is to be tried again."""
        return "all" in self.retry_on or trouble in self.retry_on


def _seconds(text: str, default: float, most: int) -> float:
    return min(max(int(text), 100), most) / 1000 if text.isdecimal() else default


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``trouble`` is "" for a 2xx, else "ct", "rt", "3xx", "4xx", "5xx" or "url"."""

    http: int | None
    trouble: str
    body: str
    sent_at: float
    answered_at: float


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook to deliver; ``about`` goes into each of its log lines, ``done`` gets the last answer."""

    event: str
    url: str
    fields: Fields
    about: dict[str, object]
    signing: Signing = "signed"
    done: asyncio.Future[Answer] | None = None


class Webhooks:
    """A queue of webhooks and so many workers posting them over kept-alive connections."""

    def __init__(self, auth_token: str, log: Log, concurrency: int) -> None:
        self._token = auth_token
        self._log = log
        self._concurrency = concurrency
        self._queue: asyncio.Queue[Hook] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self.open_jobs = 0

    async def start(self) -> None:
        """Open the session and the workers on the running loop."""
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, headers={"User-Agent": "TwilioProxy/1.1"})
        self._workers = [asyncio.create_task(self._work(self._session)) for _ in range(self._concurrency)]

    async def stop(self) -> None:
        """Drop what is still queued and close everything."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session:
            await self._session.close()

    def post(self, hook: Hook) -> None:
        """Queue a webhook."""
        self.open_jobs += 1
        self._queue.put_nowait(hook)

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            hook = await self._queue.get()
            try:
                answer = await self._deliver(session, hook)
            finally:
                self.open_jobs -= 1
            if hook.done and not hook.done.done():
                hook.done.set_result(answer)

    async def _deliver(self, session: aiohttp.ClientSession, hook: Hook) -> Answer:
        url, _, fragment = hook.url.partition("#")
        limits = Overrides.parse(fragment)
        deadline = time.monotonic() + limits.total
        headers = self._headers(hook, url)
        for attempt in range(1, limits.retries + 2):
            answer = await self._attempt(session, url, hook.fields, headers, limits, deadline)
            self._note(hook, url, attempt, headers, answer)
            pause = FIRST_PAUSE * 2 ** (attempt - 1)
            if not answer.trouble or not limits.wants_retry(answer.trouble) or attempt > limits.retries:
                break
            if time.monotonic() + pause >= deadline:
                break
            await asyncio.sleep(pause)
        return answer

    async def _attempt(
        self, session: aiohttp.ClientSession, url: str, fields: Fields, headers: dict[str, str], limits: Overrides,
        deadline: float,
    ) -> Answer:  # fmt: skip
        left = max(0.001, deadline - time.monotonic())
        timeout = aiohttp.ClientTimeout(total=left, sock_connect=limits.connect, sock_read=limits.read)
        sent_at = time.time()
        http, trouble, body = None, "", ""
        try:
            # encoded=True: the application checks the signature over these very bytes, so nothing may be re-quoted.
            async with session.post(URL(url, encoded=True), data=urlencode(fields).encode(), headers=headers,
                                    timeout=timeout, allow_redirects=False) as response:  # fmt: skip
                http, body = response.status, await response.text(errors="replace")
                trouble = "" if http < 300 else f"{http // 100}xx"
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError):
            trouble = "ct"
        except TimeoutError:
            trouble = "rt"
        except (aiohttp.ClientError, OSError):
            trouble = "ct"
        except ValueError:
            trouble = "url"
        return Answer(http, trouble, body, sent_at, time.time())

    def _headers(self, hook: Hook, url: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
            "Accept": "*/*",
            "X-Home-Region": "us1",
        }
        if hook.signing == "signed":
            headers["X-Twilio-Signature"] = signature(self._token, url, hook.fields)
        elif hook.signing == "forged":
            headers["X-Twilio-Signature"] = signature(f"not {self._token}", url, hook.fields)
        return headers

    def _note(self, hook: Hook, url: str, attempt: int, headers: dict[str, str], answer: Answer) -> None:
        self._log.write(
            hook.event,
            **hook.about,
            path=urlsplit(url).path,
            attempt=attempt,
            http=answer.http,
            error=answer.trouble or None,
            signing=hook.signing,
            token=headers["I-Twilio-Idempotency-Token"],
            sent_at=round(answer.sent_at, 6),
            answered_at=round(answer.answered_at, 6),
        )
