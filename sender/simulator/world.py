"""One simulated world: everything that exists once, built together and handed down."""

import asyncio
from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

from sender.simulator.acceptance import Acceptance
from sender.simulator.agenda import Agenda
from sender.simulator.callbacks import StatusCallbacks
from sender.simulator.clock import Clock
from sender.simulator.config import Service, SimulatorConfig
from sender.simulator.faults import FaultPlan
from sender.simulator.inbound import Inbound
from sender.simulator.lanes import Lanes
from sender.simulator.log import Log
from sender.simulator.messages import API, Store
from sender.simulator.network import Network
from sender.simulator.optout import OptOuts
from sender.simulator.people import People
from sender.simulator.phones import PhoneBook
from sender.simulator.senders import Senders
from sender.simulator.webhooks import Webhooks

INBOUND_CONCURRENCY = 20


class World:
    """The account, the network, the people; ``latency`` may be exchanged, ``in_flight`` counts open API requests."""

    def __init__(self, config: SimulatorConfig, clock: Clock, log: Log) -> None:
        self.config = config
        self.clock = clock
        self.log = log
        self.latency = config.latency
        self.ending = asyncio.Event()
        self.in_flight = 0
        self.agenda = Agenda()
        self.store = Store(config.account_sid, config.currency)
        self.senders = Senders(config)
        self.optouts = OptOuts(self.senders)
        self.book = PhoneBook(config.phones, config.seed)
        self.faults = FaultPlan(config.faults, config.seed)
        # Replies have their own line, so that a flood of callbacks never delays a STOP.
        self.callback_line = Webhooks(config.auth_token, log, config.callbacks.concurrency)
        self.inbound_line = Webhooks(config.auth_token, log, INBOUND_CONCURRENCY)
        self.callbacks = StatusCallbacks(
            config.callbacks, config.account_sid, config.seed, clock, log, self.callback_line
        )
        lanes = Lanes(config)
        self.network = Network(
            phones=config.phones, price=config.price, seed=config.seed, clock=clock, log=log, agenda=self.agenda,
            lanes=lanes, senders=self.senders, optouts=self.optouts, book=self.book, callbacks=self.callbacks,
            store=self.store,
        )  # fmt: skip
        self.inbound = Inbound(
            account_sid=config.account_sid, clock=clock, log=log, store=self.store, senders=self.senders,
            optouts=self.optouts, network=self.network, webhooks=self.inbound_line,
        )  # fmt: skip
        self.people = People(config.phones, config.seed, self.agenda, self.book, self.inbound)
        self.network.on_handset = self.people.read
        self.acceptance = Acceptance(clock, log, self.store, self.senders, lanes, self.network, self.callbacks)
        self._started: datetime = clock.now()

    @classmethod
    def build(
        cls, config: SimulatorConfig, clock: Clock | None = None, log_path: Path | None = None, *, fsync: bool = False
    ) -> "World":
        """A world with its clock (unshifted by default) and log (in memory listeners only, without a path)."""
        clock = clock or Clock.unshifted()
        return cls(config, clock, Log(clock, log_path, fsync=fsync))

    async def start(self) -> None:
        """Open the lines to the application."""
        await self.callback_line.start()
        await self.inbound_line.start()
        self.log.write("started", seed=self.config.seed, speed=self.clock.speed, account=self.config.account_sid)

    async def stop(self) -> None:
        """Forget what has not happened, close the lines and the log."""
        self.agenda.clear()
        await self.callback_line.stop()
        await self.inbound_line.stop()
        self.log.write("stopped", messages=sum(1 for _ in self.store))
        self.log.close()

    async def pause(self, seconds: float) -> None:
        """Let so many real seconds pass, fewer when the world ends."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.ending.wait(), seconds)

    @property
    def idle(self) -> bool:
        """True when nothing more will happen unless someone asks."""
        return not (self.in_flight or len(self.agenda) or self.callback_line.open_jobs or self.inbound_line.open_jobs)

    def account(self) -> dict[str, object]:
        """The Account object."""
        sid, started = self.config.account_sid, format_datetime(self._started)
        return {
            "sid": sid, "friendly_name": self.config.account_name, "status": "active", "type": "Full",
            "owner_account_sid": sid, "auth_token": None, "date_created": started, "date_updated": started,
            "subresource_uris": {}, "uri": f"{API}/Accounts/{sid}.json",
        }  # fmt: skip

    def describe_service(self, service: Service, origin: str) -> dict[str, object]:
        """The Service object of the Messaging API (v1), with absolute URLs."""
        started, url = self._started.isoformat(timespec="seconds"), f"{origin}/v1/Services/{service.sid}"
        return {
            "sid": service.sid, "account_sid": self.config.account_sid, "friendly_name": service.name,
            "date_created": started, "date_updated": started, "inbound_request_url": service.inbound_url,
            "inbound_method": "POST", "fallback_url": None, "fallback_method": "POST",
            "status_callback": service.status_callback, "sticky_sender": True, "mms_converter": True,
            "smart_encoding": False, "scan_message_content": "inherit", "fallback_to_long_code": True,
            "area_code_geomatch": False, "synchronous_validation": False,
            "validity_period": service.validity_period, "url": url, "links": {"phone_numbers": f"{url}/PhoneNumbers"},
            "usecase": "marketing", "us_app_to_person_registered": service.us_registered,
            "use_inbound_webhook_on_number": service.use_inbound_webhook_on_number,
        }  # fmt: skip
