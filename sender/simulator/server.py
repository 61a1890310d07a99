"""Puts a world behind a port: as an aiohttp application, for ever, or beside a test."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from sender.simulator.api import Api
from sender.simulator.clock import Clock
from sender.simulator.config import SimulatorConfig
from sender.simulator.control import Control
from sender.simulator.log import Entry
from sender.simulator.world import World

WORLD = web.AppKey("world", World)
LARGEST_BODY = 1024 * 1024


def create_app(
    config: SimulatorConfig, *, clock: Clock | None = None, log_path: Path | None = None, fsync: bool = False
) -> web.Application:
    """The application; its world is ``app[WORLD]`` and lives from start-up to clean-up."""
    world = World.build(config, clock, log_path, fsync=fsync)
    app = web.Application(client_max_size=LARGEST_BODY)
    app[WORLD] = world
    Control(world).add_routes(app)
    Api(world).add_routes(app)

    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        await world.start()
        yield
        await world.stop()

    async def end(_: web.Application) -> None:
        world.ending.set()

    app.cleanup_ctx.append(lifetime)
    app.on_shutdown.append(end)
    return app


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve while the context lasts; gives the base URL (port 0 takes a free one)."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Running:
    """A simulator in a thread beside a test; ``url`` is for ``client.api.base_url``, ``entries`` is its log so far."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.url = ""
        self.entries: list[Entry] = []
        self._news = threading.Condition()
        world.log.subscribe(self._heard)

    def seen(self, event: str, **fields: object) -> list[Entry]:
        """The logged events of that name whose fields have these values."""
        with self._news:
            return [entry for entry in self.entries if _fits(entry, event, fields)]

    def wait_for(self, event: str, *, count: int = 1, timeout: float = 10.0, **fields: object) -> list[Entry]:
        """Wait until so many such events are logged and return them; TimeoutError says what was there instead."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.seen(event, **fields)) >= count, timeout):
                names = [entry["event"] for entry in self.entries]
                raise TimeoutError(f"No {count} × {event} {fields} within {timeout} s; logged so far: {names}.")
            return self.seen(event, **fields)

    def _heard(self, entry: Entry) -> None:
        with self._news:
            self.entries.append(entry)
            self._news.notify_all()


@contextmanager
def serve(
    config: SimulatorConfig, *, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None,
    log_path: Path | None = None,
) -> Iterator[Running]:  # fmt: skip
    """Run a simulator in a thread of its own while the context lasts."""
    app = create_app(config, clock=clock, log_path=log_path)
    running = Running(app[WORLD])
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    failures: list[Exception] = []

    async def live() -> None:
        try:
            async with listening(app, host, port) as running.url:
                ready.set()
                await ended.wait()
        except Exception as error:
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(live()), name="simulator", daemon=True)
    thread.start()
    ready.wait()
    try:
        if failures:
            raise failures[0]
        yield running
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def _fits(entry: Entry, event: str, fields: dict[str, object]) -> bool:
    return entry["event"] == event and all(entry.get(name) == value for name, value in fields.items())
