"""Status callbacks: their fields, their normal course, and the ways in which they misbehave."""

import asyncio
import random

from sender.simulator.clock import Clock
from sender.simulator.config import Callbacks
from sender.simulator.log import Log
from sender.simulator.messages import Message
from sender.simulator.webhooks import Answer, Fields, Hook, Signing, Webhooks

EARLY_WAIT = 10.0


class StatusCallbacks:
    """Tells the application of every status but the first; ``course`` may be exchanged while running."""

    def __init__(
        self, course: Callbacks, account_sid: str, seed: int, clock: Clock, log: Log, webhooks: Webhooks
    ) -> None:
        self.course = course
        self._account = account_sid
        self._dice = random.Random(f"{seed}:callbacks")
        self._clock = clock
        self._log = log
        self._webhooks = webhooks
        self._held: dict[str, list[Fields]] = {}
        self._awaited: dict[str, asyncio.Future[Answer]] = {}

    def mode(self) -> str:
        """How the next message will fare: plain, reversed, early or forever_sent."""
        roll = self._dice.random()
        for name in ("reversed", "early", "forever_sent"):
            share: float = getattr(self.course, name)
            if roll < share:
                return name
            roll -= share
        return "plain"

    def notify(self, message: Message) -> None:
        """The message has a new status; tell the application, now or when the mode says so."""
        if not message.callback_url or not self.course.enabled:
            return
        fields = self._fields(message)
        if message.mode != "reversed":
            self._tell(message, message.callback_url, fields)
            return
        self._held.setdefault(message.sid, []).append(fields)
        if message.final:
            for held in reversed(self._held.pop(message.sid)):
                self._tell(message, message.callback_url, held)

    def expect_early(self, message: Message) -> None:
        """Remember that the first callback of this message is waited for."""
        if message.callback_url and self.course.enabled:
            self._awaited[message.sid] = asyncio.get_running_loop().create_future()

    async def early(self, message: Message) -> None:
        """Return when the first callback has been answered (or given up)."""
        if awaited := self._awaited.get(message.sid):
            await asyncio.wait([awaited], timeout=EARLY_WAIT)
            self._awaited.pop(message.sid, None)

    def _tell(self, message: Message, url: str, fields: Fields) -> None:
        about: dict[str, object] = {"sid": message.sid, "status": dict(fields)["MessageStatus"], "to": message.to}
        if self._dice.random() < self.course.lost:
            self._log.write("callback_lost", **about)
            return
        hook = Hook("callback", url, fields, about, self._signing(), self._awaited.get(message.sid))
        self._webhooks.post(hook)
        if self._dice.random() < self.course.duplicated:
            self._webhooks.post(hook)

    def _signing(self) -> Signing:
        roll = self._dice.random()
        if roll < self.course.unsigned:
            return "unsigned"
        return "forged" if roll < self.course.unsigned + self.course.forged else "signed"

    def _fields(self, message: Message) -> Fields:
        error = [("ErrorCode", str(message.error_code))] if message.error_code else []
        delivered = message.status in ("delivered", "undelivered")
        done = [("RawDlrDoneDate", self._clock.now().strftime("%y%m%d%H%M"))] if delivered else []
        service = [("MessagingServiceSid", message.service)] if message.service else []
        return [
            *error,
            *done,
            ("SmsSid", message.sid),
            ("SmsStatus", message.status),
            ("MessageStatus", message.status),
            ("To", message.to),
            *service,
            ("MessageSid", message.sid),
            ("AccountSid", self._account),
            ("From", message.from_number or ""),
            ("ApiVersion", "2010-04-01"),
        ]
