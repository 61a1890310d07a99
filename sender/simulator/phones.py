"""The people at the other end: what each phone does, the same in every run with the same seed."""

import hashlib
import random

from sender.simulator.config import Outcome, Phone, Phones
from sender.simulator.senders import calling_code

# There Twilio tries a landline and ends in 30006; elsewhere it refuses with 21635 (error page 21635).
LANDLINES_ATTEMPTED = frozenset({"1", "44"})


class PhoneBook:
    """Gives every number its phone: as set for that number, else drawn from the shares by hashing seed and number."""

    def __init__(self, phones: Phones, seed: int) -> None:
        self._phones = phones
        self._seed = seed
        self._known = dict(phones.known)
        self._met: dict[str, Phone] = {}

    def set(self, number: str, phone: Phone) -> None:
        """From now on this number behaves like that."""
        self._known[number] = phone

    def of(self, number: str) -> Phone:
        """The behaviour of a number."""
        phone = self._known.get(number) or self._met.get(number)
        if phone is None:
            phone = self._met[number] = self._drawn(number)
        return phone

    def refusal(self, number: str) -> int | None:
        """The code with which Twilio refuses this recipient outright, if it does."""
        phone = self.of(number)
        if phone.outcome is Outcome.REFUSED:
            return phone.error_code
        if phone.outcome is Outcome.LANDLINE and (code := self.landline_code(number)) != 30006:
            return code
        return None

    def landline_code(self, number: str) -> int:
        """What a text to this landline ends in: 30006 after an attempt, or a refusal."""
        return self._phones.landline_code or (30006 if calling_code(number) in LANDLINES_ATTEMPTED else 21635)

    def _drawn(self, number: str) -> Phone:
        dice = random.Random(hashlib.sha256(f"{self._seed}:{number}".encode()).digest())
        reach, mood = dice.random(), dice.random()
        shares = self._phones
        if reach < shares.landline_share:
            return Phone(outcome=Outcome.LANDLINE)
        if reach < shares.landline_share + shares.undelivered_share:
            return Phone(outcome=Outcome.UNDELIVERED, error_code=dice.choice(shares.undelivered_codes))
        if mood < shares.stop_share:
            then = dice.choice(shares.start_texts) if dice.random() < shares.start_share else None
            return Phone(reply=dice.choice(shares.stop_texts), then=then)
        if mood < shares.stop_share + shares.help_share:
            return Phone(reply=dice.choice(shares.help_texts))
        return Phone()
