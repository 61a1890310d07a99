"""People who write back when a text reaches them."""

import random

from sender.simulator.agenda import Agenda
from sender.simulator.config import Phones
from sender.simulator.inbound import Inbound
from sender.simulator.messages import Message
from sender.simulator.phones import PhoneBook


class People:
    """Answers the first text a phone gets, as its behaviour says."""

    def __init__(self, phones: Phones, seed: int, agenda: Agenda, book: PhoneBook, inbound: Inbound) -> None:
        self._phones = phones
        self._dice = random.Random(f"{seed}:people")
        self._agenda = agenda
        self._book = book
        self._inbound = inbound
        self._answered: set[str] = set()

    def read(self, message: Message) -> None:
        """A text arrived on a handset."""
        phone, sender = self._book.of(message.to), message.from_number or ""
        if phone.reply is None or message.to in self._answered or not self._inbound.can_receive(sender):
            return
        self._answered.add(message.to)  # once: two machines answering each other would never end
        delay = self._dice.uniform(*self._phones.reply_delay) if phone.reply_delay is None else phone.reply_delay
        self._agenda.after(delay, self._inbound.receive, message.to, sender, phone.reply)
        if phone.then is not None:
            self._agenda.after(delay * 2, self._inbound.receive, message.to, sender, phone.then)

    def forget(self, number: str) -> None:
        """Let a number answer again, because its behaviour was set anew."""
        self._answered.discard(number)
