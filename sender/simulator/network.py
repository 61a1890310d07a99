"""What happens to a message after the provider took it: sender choice, queue, carrier, handset."""

import random
from collections.abc import Callable
from time import monotonic

from sender.simulator.agenda import Agenda
from sender.simulator.callbacks import StatusCallbacks
from sender.simulator.clock import Clock
from sender.simulator.config import Outcome, Phones
from sender.simulator.lanes import Lanes
from sender.simulator.log import Log
from sender.simulator.messages import Message, Store, fresh_sid, whole_second
from sender.simulator.optout import OptOuts
from sender.simulator.parts import count_parts
from sender.simulator.phones import PhoneBook
from sender.simulator.senders import Senders, unreachable


class Network:
    """Carries messages from acceptance to their last status."""

    def __init__(
        self, *, phones: Phones, price: str, seed: int, clock: Clock, log: Log, agenda: Agenda, lanes: Lanes,
        senders: Senders, optouts: OptOuts, book: PhoneBook, callbacks: StatusCallbacks, store: Store,
    ) -> None:  # fmt: skip
        self._phones = phones
        self._price = float(price)
        self._dice = random.Random(f"{seed}:network")
        self._clock = clock
        self._log = log
        self._agenda = agenda
        self._lanes = lanes
        self._senders = senders
        self._optouts = optouts
        self._book = book
        self._callbacks = callbacks
        self._store = store
        self.on_handset: Callable[[Message], object] = _nobody

    def launch(self, message: Message) -> None:
        """Start the course of an accepted message."""
        message.accepted_at = monotonic()
        if message.send_at:
            self._agenda.after(self._clock.real_until(message.send_at), self._choose_sender, message)
        elif message.status == "accepted":
            self._agenda.after(self._delay(message, self._phones.choosing_delay), self._choose_sender, message)
        else:
            self._enqueue(message)

    def refusal(self, sender: str, to: str) -> int | None:
        """The code with which a message from this sender to this person is refused, if it is."""
        number = self._senders.number(sender)
        if number and (code := unreachable(number, to)):
            return code
        return 21610 if self._optouts.blocked(sender, to) else self._book.refusal(to)

    def cancel(self, message: Message) -> None:
        """Call back a scheduled message."""
        self._advance(message, "canceled")

    def answer(self, sender: str, person: str, text: str) -> None:
        """Send what a webhook's TwiML asks for; to someone blocked it fails with 21610."""
        now = whole_second(self._clock.now())
        service = self._senders.service_of(sender)
        message = Message(
            fresh_sid("SM"), person, sender, service.sid if service else None, text, "queued", "outbound-reply",
            count_parts(text), now, now,
        )  # fmt: skip
        self._store.add(message)
        self._log.write("twiml_reply", sid=message.sid, to=person, **{"from": sender}, body=text)
        if code := self.refusal(sender, person):
            self._fail(message, code)
        else:
            self.launch(message)

    def _choose_sender(self, message: Message) -> None:
        if message.final:
            return
        if message.send_at:
            message.accepted_at = monotonic()
        service = self._senders.find_service(message.service or "")
        wanted = self._senders.number(message.from_number or "")
        number = wanted or (self._senders.pick(service, message.to) if service else None)
        if number is None:
            self._fail(message, 21703)
        elif code := self.refusal(number.number, message.to):
            self._fail(message, code)
        elif self._lanes.of(number.number).full():
            self._fail(message, 30001)
        else:
            message.from_number = number.number
            self._advance(message, "queued")
            self._enqueue(message)

    def _enqueue(self, message: Message) -> None:
        lane = self._lanes.of(message.from_number or "")
        wait = lane.wait()
        expiry = self._clock.real_seconds(message.validity) - (monotonic() - message.accepted_at)
        if wait > expiry:
            self._agenda.after(expiry, self._fail, message, 30036)
            return
        lane.take(message.parts)
        self._agenda.after(wait + self._delay(message, self._phones.sent_delay), self._hand_over, message)

    def _hand_over(self, message: Message) -> None:
        phone = self._book.of(message.to)
        if phone.outcome is Outcome.FAILED:
            self._fail(message, phone.error_code or 30008)
            return
        message.sent = whole_second(self._clock.now())
        self._advance(message, "sent")
        self._agenda.after(self._between(self._phones.delivery_delay), self._arrive, message)

    def _arrive(self, message: Message) -> None:
        phone = self._book.of(message.to)
        message.price = f"-{self._price * message.parts:.5f}"
        if phone.outcome is Outcome.UNDELIVERED:
            self._advance(message, "undelivered", phone.error_code)
        elif phone.outcome is Outcome.LANDLINE:
            self._advance(message, "undelivered", 30006)
        else:
            self._reach_handset(message)
            if message.mode != "forever_sent" and phone.outcome is not Outcome.SENT:
                self._advance(message, "delivered")

    def _reach_handset(self, message: Message) -> None:
        sender = message.from_number or ""
        self._log.write("handset", sid=message.sid, to=message.to, **{"from": sender}, body=message.body)
        self.on_handset(message)

    def _fail(self, message: Message, code: int) -> None:
        self._advance(message, "failed", code)

    def _advance(self, message: Message, status: str, code: int | None = None) -> None:
        message.status = status
        message.error_code = code
        message.updated = whole_second(self._clock.now())
        self._log.write("status", sid=message.sid, to=message.to, status=status, error_code=code)
        self._callbacks.notify(message)

    def _delay(self, message: Message, spread: tuple[float, float]) -> float:
        return 0.0 if message.mode == "early" else self._between(spread)

    def _between(self, spread: tuple[float, float]) -> float:
        return self._dice.uniform(*spread)


def _nobody(message: Message) -> None:
    """No one holds the phones yet."""
