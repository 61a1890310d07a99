"""The account's senders and services: who may send from what, and which sender a service picks."""

import re

from sender.simulator.config import Kind, Number, Service, SimulatorConfig
from sender.simulator.errors import ApiError

E164 = re.compile(r"\+[1-9]\d{6,14}")
NORTH_AMERICAN = re.compile(r"\+1[2-9]\d{2}[2-9]\d{6}")
SHORT_CODE = re.compile(r"\d{3,8}")
ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}")
# ITU-T E.164 zones 2 to 9: the second digits that complete a code; all others go on to a third digit.
TWO_DIGIT_CODES = {"2": "07", "3": "0123469", "4": "013456789", "5": "12345678", "6": "0123456", "8": "1246",
                   "9": "0123458"}  # fmt: skip


def calling_code(number: str) -> str:
    """The country calling code of an E.164 number (ITU-T E.164 zones), ``""`` for anything else."""
    if not E164.fullmatch(number):
        return ""
    digits = number[1:]
    if digits[0] in "17":
        return digits[0]
    return digits[:2] if digits[1] in TWO_DIGIT_CODES[digits[0]] else digits[:3]


def unreachable(sender: Number, to: str) -> int | None:
    """Twilio's code when this recipient cannot be texted from this sender whatever their phone does."""
    if SHORT_CODE.fullmatch(to):
        return 21265
    if not E164.fullmatch(to) or (to.startswith("+1") and not NORTH_AMERICAN.fullmatch(to)):
        return 21211
    if to == sender.number:
        return 21266
    return 21612 if sender.kind is Kind.ALPHANUMERIC and calling_code(to) == "1" else None


class Senders:
    """Looks senders up and picks for services: sticky first, then same country, then a US number, then any."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._numbers = {number.number: number for number in config.numbers}
        self._services = {service.sid: service for service in config.services}
        self._service_of = {sender: service for service in config.services for sender in service.senders}
        self._sticky: dict[tuple[str, str], Number] = {}
        self._turn = 0

    def number(self, sender: str) -> Number | None:
        """The account's sender of that name."""
        return self._numbers.get(sender)

    def service(self, sid: str) -> Service:
        """The service; ApiError 21705 for a malformed SID, 21701 for an unknown one, 21704 without senders."""
        if not re.fullmatch(r"MG[0-9a-fA-F]{32}", sid):
            raise ApiError(21705, detail=sid)
        service = self._services.get(sid)
        if service is None:
            raise ApiError(21701, detail=sid)
        if not service.senders:
            raise ApiError(21704)
        return service

    def find_service(self, sid: str) -> Service | None:
        """The service of that SID, if the account has it."""
        return self._services.get(sid)

    def service_of(self, sender: str) -> Service | None:
        """The service whose pool a sender is in."""
        return self._service_of.get(sender)

    def scope(self, sender: str) -> str:
        """What an opt-out at this sender covers: its whole service, or the sender alone."""
        service = self._service_of.get(sender)
        return service.sid if service else sender

    def pick(self, service: Service, to: str) -> Number | None:
        """The sender a service uses for a recipient; None when it has none that reaches them."""
        key = (service.sid, to)
        if key not in self._sticky:
            choice = self._choose([self._numbers[sender] for sender in service.senders], to)
            if choice is None:
                return None
            self._sticky[key] = choice
        return self._sticky[key]

    def _choose(self, pool: list[Number], to: str) -> Number | None:
        code = calling_code(to)
        able = [number for number in pool if not (number.kind is Kind.ALPHANUMERIC and code == "1")]
        local = [number for number in able if calling_code(number.number) == code]
        from_us = [number for number in able if calling_code(number.number) == "1"]
        candidates = local or from_us or able
        if not candidates:
            return None
        self._turn += 1
        return candidates[self._turn % len(candidates)]
