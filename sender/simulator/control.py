"""The simulator's own endpoints under ``/_sim/``: cause things, look behind the scenes, wait. No authentication."""

import asyncio
from collections import Counter
from itertools import islice

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sender.simulator.config import Callbacks, Fault, Latency, Phone, first_fault
from sender.simulator.faults import Planned
from sender.simulator.webhooks import Answer, Hook
from sender.simulator.world import World

POLL = 0.01


class _Ask(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Text(_Ask):
    """One text from a person to a sender; ``repeat`` posts its webhook so many times."""

    person: str = Field(alias="from")
    to: str
    body: str
    sid: str | None = Field(default=None, pattern=r"^(SM|MM)[0-9a-f]{32}$")
    repeat: int = Field(default=1, ge=1, le=100)


class Texts(_Ask):
    """Several texts, written in this order; ``reverse`` posts their webhooks last first."""

    messages: list[Text]
    reverse: bool = False
    wait: bool = True


class PlannedFault(_Ask):
    """A fault for the next ``count`` creates, to ``to`` only where given."""

    fault: Fault
    count: int = Field(default=1, ge=1)
    to: str | None = None


class Trouble(_Ask):
    """New faults; what is absent stays as it is."""

    shares: dict[Fault, float] | None = None
    hang_seconds: float | None = None
    next: list[PlannedFault] = Field(default_factory=list)
    callbacks: dict[str, float | bool | int] | None = None
    latency: Latency | None = None


class PhoneSetting(_Ask):
    """The behaviour of one number from now on."""

    number: str
    phone: Phone


class Control:
    """Handlers of ``/_sim/``; a request that makes no sense gets 400 and one sentence under ``error``."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add_routes(self, app: web.Application) -> None:
        """Put the endpoints under ``/_sim/``."""
        app.router.add_get("/_sim/healthz", self._healthz)
        app.router.add_get("/_sim/summary", self._summary)
        app.router.add_get("/_sim/messages", self._messages)
        app.router.add_get("/_sim/phones", self._phones_met)
        app.router.add_get("/_sim/thread", self._thread)
        app.router.add_get("/_sim/wait", self._wait)
        app.router.add_post("/_sim/inbound", self._inbound)
        app.router.add_post("/_sim/faults", self._faults)
        app.router.add_post("/_sim/stop_faults", self._stop_faults)
        app.router.add_post("/_sim/phones", self._phones)

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "now": self._world.clock.now().isoformat()})

    async def _summary(self, request: web.Request) -> web.Response:
        messages = list(self._world.store)
        return web.json_response({
            "now": self._world.clock.now().isoformat(),
            "idle": self._world.idle,
            "events": dict(self._world.log.counts),
            "statuses": dict(Counter(message.status for message in messages)),
            "faults": dict(self._world.faults.met),
            "directions": dict(Counter(message.direction for message in messages)),
        })  # fmt: skip

    async def _messages(self, request: web.Request) -> web.Response:
        to, limit = request.query.get("to"), request.query.get("limit", "1000000")
        if not limit.isdecimal():
            return _refused("limit: must be a whole number.")
        chosen = (message for message in self._world.store if to in (None, message.to))
        return web.json_response({"messages": [self._world.store.render(m) for m in islice(chosen, int(limit))]})

    async def _phones_met(self, request: web.Request) -> web.Response:
        """Every phone that was texted or wrote, the last one first, each with its newest text."""
        limit = request.query.get("limit", "50")
        if not limit.isdecimal():
            return _refused("limit: must be a whole number.")
        newest = islice(self._world.store.newest_by_phone(), int(limit))
        return web.json_response({"phones": [{"number": n, "last": self._world.store.render(m)} for n, m in newest]})

    async def _thread(self, request: web.Request) -> web.Response:
        """What one phone got and wrote, oldest first, and which senders the provider lets reach it no more."""
        phone = request.query.get("phone", "")
        texts = list(self._world.store.thread(phone))
        senders = sorted({text.other for text in texts if text.other})
        blocked = [one for one in senders if self._world.optouts.blocked(one, phone)]
        return web.json_response({"messages": [self._world.store.render(m) for m in texts], "blocked": blocked})

    async def _wait(self, request: web.Request) -> web.Response:
        """Answer once ``count`` events of a kind are logged, or all is idle; 408 after ``timeout`` seconds."""
        event, count = request.query.get("event"), request.query.get("count", "1")
        timeout = request.query.get("timeout", "10")
        if not count.isdecimal() or not timeout.replace(".", "", 1).isdecimal():
            return _refused("count and timeout must be numbers.")
        try:
            async with asyncio.timeout(float(timeout)):
                while not self._reached(event, int(count)):
                    await asyncio.sleep(POLL)
        except TimeoutError:
            return web.json_response({"error": "timeout", "events": dict(self._world.log.counts)}, status=408)
        return web.json_response({"events": dict(self._world.log.counts)})

    def _reached(self, event: str | None, count: int) -> bool:
        return self._world.log.counts[event] >= count if event else self._world.idle

    async def _inbound(self, request: web.Request) -> web.Response:
        try:
            asked = _texts(await request.json())
        except ValidationError as error:
            return _refused(first_fault(error))
        except ValueError:
            return _refused("The body must be JSON.")
        heard = [(text, self._world.inbound.hear(text.person, text.to, text.body, text.sid)) for text in asked.messages]
        if asked.reverse:
            heard.reverse()
        if not asked.wait:
            for text, hook in heard:
                self._post(hook, text.repeat)
            return web.json_response({"posted": len(heard)})
        return web.json_response({"results": [await self._posted(hook, text.repeat) for text, hook in heard]})

    def _post(self, hook: Hook | None, repeat: int) -> None:
        for _ in range(repeat):
            if hook:
                self._world.inbound_line.post(hook)

    async def _posted(self, hook: Hook | None, repeat: int) -> dict[str, object]:
        if hook is None or hook.done is None:
            return {"sid": None, "http": None, "error": "no_url"}
        self._post(hook, repeat)
        answer: Answer = await hook.done
        return {"sid": hook.about["sid"], "http": answer.http, "error": answer.trouble or None}

    async def _faults(self, request: web.Request) -> web.Response:
        world = self._world
        try:
            asked = Trouble.model_validate_json(await request.read())
            given = asked.model_dump(include={"shares", "hang_seconds"}, exclude_none=True)
            faults = type(world.faults.faults).model_validate({**world.faults.faults.model_dump(), **given})
            callbacks = Callbacks.model_validate({**world.callbacks.course.model_dump(), **(asked.callbacks or {})})
        except ValidationError as error:
            return _refused(first_fault(error))
        world.faults.faults, world.callbacks.course = faults, callbacks
        world.latency = asked.latency or world.latency
        for planned in asked.next:
            world.faults.plan(Planned(planned.fault, planned.count, planned.to))
        world.log.write("control", asked="faults", **asked.model_dump(exclude_none=True, mode="json"))
        return web.json_response({"faults": faults.model_dump(mode="json"), "callbacks": callbacks.model_dump()})

    async def _stop_faults(self, request: web.Request) -> web.Response:
        course = self._world.callbacks.course
        self._world.faults.stop()
        self._world.callbacks.course = Callbacks(enabled=course.enabled, concurrency=course.concurrency)
        self._world.log.write("control", asked="stop_faults")
        return web.json_response({"ok": True})

    async def _phones(self, request: web.Request) -> web.Response:
        try:
            asked = PhoneSetting.model_validate_json(await request.read())
        except ValidationError as error:
            return _refused(first_fault(error))
        self._world.book.set(asked.number, asked.phone)
        self._world.people.forget(asked.number)
        self._world.log.write("control", asked="phones", **asked.model_dump(mode="json"))
        return web.json_response({"ok": True})


def _texts(data: object) -> Texts:
    """Either several texts, or one text written flat."""
    if isinstance(data, dict) and "messages" not in data:
        wait = data.pop("wait", True)
        return Texts(messages=[Text.model_validate(data)], wait=wait)
    return Texts.model_validate(data)


def _refused(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=400)
