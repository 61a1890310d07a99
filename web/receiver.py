"""The process that takes Twilio's requests: receipts in batches, each inbound text in a transaction of its own.

An asyncio server, because a receipt costs a tenth there of what it costs in Flask. What gets a 2xx is durable (promise
11); what cannot be stored now gets 503, and Twilio brings it again.
"""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from sender.audience import intent
from sender.db import Pace
from sender.delivery import receipts, replies
from sender.delivery.receipts import ReceiptIn
from sender.group_commit import GroupCommit
from sender.processes.collector import spare_what_lasts
from sender.runtime import Runtime
from web.inbox import RefusedError, inbound_text, receipt_of, signed_parameters
from web.policy import headers_for

log = logging.getLogger("tactful.web.hooks")

WAITING_AT_MOST = 2_000
TEXTS_AT_ONCE = 4
LARGEST_BODY = 64 * 1024
ANSWER = "<Response/>"


@dataclass
class Receiver:
    """One server over one runtime: receipts wait in ``receipts`` for the next commit."""

    runtime: Runtime
    receipts: GroupCommit[ReceiptIn]
    texts: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(TEXTS_AT_ONCE, "texts"))
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    inbound_seconds: Histogram = field(init=False)

    def __post_init__(self) -> None:
        """Give this process its one clock."""
        self.inbound_seconds = Histogram(
            "tactful_inbound_seconds",
            "From an inbound text's request to its commit: a STOP blocks from then on.",
            registry=self.registry,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15),
        )

    async def status(self, request: web.Request) -> web.Response:
        """One delivery receipt: 204 once it is committed, 503 when that cannot be done now."""
        receipt = receipt_of(request.match_info["token"], await self._parameters(request))
        try:
            if self.receipts.waiting >= WAITING_AT_MOST:
                raise asyncio.QueueFull
            await asyncio.wrap_future(self.receipts.put(receipt))
        except Exception as error:
            log.warning("A receipt was not taken: %s", type(error).__name__)
            return web.Response(status=503)
        return web.Response(status=204)

    async def inbound(self, request: web.Request) -> web.Response:
        """One text from a person: a STOP is committed before this answers."""
        began = time.monotonic()
        text = inbound_text(await self._parameters(request))
        try:
            await asyncio.get_running_loop().run_in_executor(self.texts, replies.receive, self.runtime, text)
        except Exception as error:
            # The kind of error only: its words may hold what the person wrote.
            log.error("An inbound text was not taken: %s", type(error).__name__)
            return web.Response(status=503)
        self.inbound_seconds.observe(time.monotonic() - began)
        return web.Response(text=ANSWER, content_type="text/xml")

    async def metrics(self, request: web.Request) -> web.Response:
        """What this process has timed, in Prometheus' format, for this machine only."""
        passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        if passed_on or request.remote not in ("127.0.0.1", "::1"):
            return web.Response(status=403)
        return web.Response(body=generate_latest(self.registry), content_type="text/plain", charset="utf-8")

    async def alive(self, _: web.Request) -> web.Response:
        """The process answers."""
        return web.Response(text="ok\n")

    async def _parameters(self, request: web.Request) -> dict[str, str]:
        kind = request.headers.get("Content-Type", "")
        signature = request.headers.get("X-Twilio-Signature", "")
        body = await request.read()
        return signed_parameters(self.runtime.settings, kind, request.raw_path, body, signature)


@web.middleware
async def refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What is not taken gets its bare status."""
    try:
        return await handler(request)
    except RefusedError as refused:
        return web.Response(status=refused.status)


def create_receiver(runtime: Runtime) -> web.Application:
    """The application over one runtime."""
    committed = GroupCommit[ReceiptIn](
        runtime.db, lambda session, some: receipts.keep(runtime, session, some), pace=Pace.BULK
    )
    receiver = Receiver(runtime, committed)
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[refusals])
    app.router.add_post("/hooks/twilio/status/{token}", receiver.status)
    app.router.add_post("/hooks/twilio/inbound", receiver.inbound)
    app.router.add_get("/healthz", receiver.alive)
    app.router.add_get("/metrics", receiver.metrics)

    async def committing(_: web.Application) -> AsyncIterator[None]:
        yield
        committed.close()

    app.cleanup_ctx.append(committing)
    said = {**headers_for(runtime.settings), "Cache-Control": "no-store"}

    async def say(_: web.Request, response: web.StreamResponse) -> None:
        """As the pages' answers do; and not which program in which version answers."""
        response.headers.update(said)
        response.headers.pop("Server", None)

    app.on_response_prepare.append(say)
    return app


async def serve(runtime: Runtime) -> None:
    """Serve on the hooks' port until SIGTERM or SIGINT; OSError when the port cannot be had."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    runner = web.AppRunner(create_receiver(runtime), access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, runtime.settings.host, runtime.settings.hooks_port, backlog=1024).start()
        # Receipts and bare keywords need none of these words, so the door is open before they are loaded.
        await asyncio.to_thread(intent.load)
        spare_what_lasts()
        await told.wait()
    finally:
        await runner.cleanup()
