"""The two clients: `Tactful` for plain code, `AsyncTactful` for code that awaits. Each keeps a pool of connections."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, Self, cast

import httpx

from tactful_client import calls
from tactful_client.calling import Call, pause, told
from tactful_client.operations import operation
from tactful_client.shapes import (
    Automation,
    BatchItem,
    Campaign,
    Change,
    Check,
    Consent,
    Contact,
    Dimension,
    Event,
    Message,
    Purpose,
    Reply,
    ReportLine,
    Wanted,
)

TIMEOUT = httpx.Timeout(30.0, connect=5.0)


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Accept": "application/json", "User-Agent": "tactful-client/0.1"}


class Tactful:
    """Ask an installation at ``url`` with ``key``. Problem says what cannot be done; httpx.HTTPError, no answer."""

    def __init__(self, url: str, key: str, *, client: httpx.Client | None = None) -> None:
        self._client = client or httpx.Client(timeout=TIMEOUT)
        self._client.base_url = url.rstrip("/")
        self._client.headers.update(_headers(key))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def send(self, *, once: str = "", **wanted: Any) -> Message:
        """Ask for one text; the fields are those of :class:`Wanted`."""
        return cast(Message, self._do(calls.send(once, wanted)))

    def send_batch(self, messages: Sequence[Wanted], *, once: str = "") -> list[BatchItem]:
        """Ask for up to 1,000 texts."""
        return cast(list[BatchItem], self._do(calls.send_batch(messages, once))["data"])

    def message(self, message_id: str) -> Message:
        """One text and what became of it."""
        return cast(Message, self._do(calls.message(message_id)))

    def messages(self, cursor: str | None = None, **query: Any) -> tuple[list[Message], str | None]:
        """A page of texts, newest first, and the cursor of the next."""
        page = self._do(calls.messages(cursor, query))
        return page["data"], page["next_cursor"]

    def cancel(self, message_id: str) -> Message:
        """Take a text back while it waits."""
        return cast(Message, self._do(calls.cancel(message_id)))

    def check(
        self, numbers: Sequence[str], program: str, purpose: Purpose = "marketing", at: str | None = None
    ) -> list[Check]:
        """What the gate would say."""
        return cast(list[Check], self._do(calls.check(numbers, program, purpose, at))["data"])

    def keep_contact(self, number: str, **said: Any) -> Contact:
        """Make or change a person's record."""
        return cast(Contact, self._do(calls.keep_contact(number, said)))

    def consent(self, *, once: str = "", **said: Any) -> Consent:
        """Record a yes or no with its proof."""
        return cast(Consent, self._do(calls.consent(said, once)))

    def changes(self, cursor: str | None = None) -> tuple[list[Change], str]:
        """What changed in the ledger behind the cursor, and where to go on."""
        page = self._do(calls.changes(cursor))
        return page["data"], page["next_cursor"]

    def replies(self, cursor: str | None = None) -> tuple[list[Reply], str | None]:
        """What people wrote, newest first, and the cursor of the next page."""
        page = self._do(calls.replies(cursor))
        return page["data"], page["next_cursor"]

    def tell(self, *, once: str = "", **event: Any) -> Event:
        """Tell of something that happened: id, type, program, to, data."""
        return cast(Event, self._do(calls.tell(event, once)))

    def automations(self) -> list[Automation]:
        """Every automation of the key's programs."""
        return cast(list[Automation], self._do(calls.automations())["data"])

    def campaigns(self, cursor: str | None = None, status: str | None = None) -> tuple[list[Campaign], str | None]:
        """A page of campaigns, newest first, and the cursor of the next."""
        page = self._do(calls.campaigns(cursor, status))
        return page["data"], page["next_cursor"]

    def steer(self, campaign_id: str, act: Literal["pause", "resume", "cancel"]) -> Campaign:
        """Stop a campaign, or let it go on."""
        return cast(Campaign, self._do(calls.steer(campaign_id, act)))

    def report(self, by: Dimension = "campaign", **query: Any) -> list[ReportLine]:
        """What texts came to; ``since``, ``until`` and ``campaign`` narrow it."""
        return cast(list[ReportLine], self._do(calls.report(by, query))["data"])

    def ask(self, name: str, body: Any = None, /, *, once: str = "", **parts: Any) -> Any:
        """Any operation of the API by its name in the document, such as ``ask("show_import", import_id="imp_1")``.

        ``body`` is its JSON, or a file as bytes; ``parts`` are of its address and its query. The answer is as it comes.
        """
        return self._do(operation(name, body, once, parts))

    def everything(self, name: str, /, **parts: Any) -> Iterator[Any]:
        """Every row of a list, page by page: ``for contact in tactful.everything("list_contacts")``."""
        while True:
            page = self.ask(name, **parts)
            yield from page["data"]
            if not page["data"] or page.get("next_cursor") in (None, parts.get("cursor")):
                return
            parts["cursor"] = page["next_cursor"]

    def _do(self, call: Call) -> Any:
        tried = 0
        while True:
            tried += 1
            answer: httpx.Response | None = None
            try:
                answer = self._client.send(call.request(self._client))
            except httpx.TransportError:
                if pause(tried, None) is None:
                    raise
            wait = pause(tried, answer)
            if answer is not None and wait is None:
                return told(answer)
            time.sleep(wait or 0.0)


class AsyncTactful:
    """The same to be awaited."""

    def __init__(self, url: str, key: str, *, client: httpx.AsyncClient | None = None) -> None:
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT)
        self._client.base_url = url.rstrip("/")
        self._client.headers.update(_headers(key))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.aclose()

    async def send(self, *, once: str = "", **wanted: Any) -> Message:
        """Ask for one text; the fields are those of :class:`Wanted`."""
        return cast(Message, await self._do(calls.send(once, wanted)))

    async def send_batch(self, messages: Sequence[Wanted], *, once: str = "") -> list[BatchItem]:
        """Ask for up to 1,000 texts."""
        return cast(list[BatchItem], (await self._do(calls.send_batch(messages, once)))["data"])

    async def message(self, message_id: str) -> Message:
        """One text and what became of it."""
        return cast(Message, await self._do(calls.message(message_id)))

    async def messages(self, cursor: str | None = None, **query: Any) -> tuple[list[Message], str | None]:
        """A page of texts, newest first, and the cursor of the next."""
        page = await self._do(calls.messages(cursor, query))
        return page["data"], page["next_cursor"]

    async def cancel(self, message_id: str) -> Message:
        """Take a text back while it waits."""
        return cast(Message, await self._do(calls.cancel(message_id)))

    async def check(
        self, numbers: Sequence[str], program: str, purpose: Purpose = "marketing", at: str | None = None
    ) -> list[Check]:
        """What the gate would say."""
        return cast(list[Check], (await self._do(calls.check(numbers, program, purpose, at)))["data"])

    async def keep_contact(self, number: str, **said: Any) -> Contact:
        """Make or change a person's record."""
        return cast(Contact, await self._do(calls.keep_contact(number, said)))

    async def consent(self, *, once: str = "", **said: Any) -> Consent:
        """Record a yes or no with its proof."""
        return cast(Consent, await self._do(calls.consent(said, once)))

    async def changes(self, cursor: str | None = None) -> tuple[list[Change], str]:
        """What changed in the ledger behind the cursor, and where to go on."""
        page = await self._do(calls.changes(cursor))
        return page["data"], page["next_cursor"]

    async def replies(self, cursor: str | None = None) -> tuple[list[Reply], str | None]:
        """What people wrote, newest first, and the cursor of the next page."""
        page = await self._do(calls.replies(cursor))
        return page["data"], page["next_cursor"]

    async def tell(self, *, once: str = "", **event: Any) -> Event:
        """Tell of something that happened: id, type, program, to, data."""
        return cast(Event, await self._do(calls.tell(event, once)))

    async def automations(self) -> list[Automation]:
        """Every automation of the key's programs."""
        return cast(list[Automation], (await self._do(calls.automations()))["data"])

    async def campaigns(
        self, cursor: str | None = None, status: str | None = None
    ) -> tuple[list[Campaign], str | None]:
        """A page of campaigns, newest first, and the cursor of the next."""
        page = await self._do(calls.campaigns(cursor, status))
        return page["data"], page["next_cursor"]

    async def steer(self, campaign_id: str, act: Literal["pause", "resume", "cancel"]) -> Campaign:
        """Stop a campaign, or let it go on."""
        return cast(Campaign, await self._do(calls.steer(campaign_id, act)))

    async def report(self, by: Dimension = "campaign", **query: Any) -> list[ReportLine]:
        """What texts came to; ``since``, ``until`` and ``campaign`` narrow it."""
        return cast(list[ReportLine], (await self._do(calls.report(by, query)))["data"])

    async def ask(self, name: str, body: Any = None, /, *, once: str = "", **parts: Any) -> Any:
        """Any operation of the API by its name in the document, as with :class:`Tactful`."""
        return await self._do(operation(name, body, once, parts))

    async def everything(self, name: str, /, **parts: Any) -> AsyncIterator[Any]:
        """Every row of a list, page by page."""
        while True:
            page = await self.ask(name, **parts)
            for row in page["data"]:
                yield row
            if not page["data"] or page.get("next_cursor") in (None, parts.get("cursor")):
                return
            parts["cursor"] = page["next_cursor"]

    async def _do(self, call: Call) -> Any:
        tried = 0
        while True:
            tried += 1
            answer: httpx.Response | None = None
            try:
                answer = await self._client.send(call.request(self._client))
            except httpx.TransportError:
                if pause(tried, None) is None:
                    raise
            wait = pause(tried, answer)
            if answer is not None and wait is None:
                return told(answer)
            await asyncio.sleep(wait or 0.0)
