"""Twilio's own STOP filter: single exact words, blocks per sender or service, and its automatic replies."""

from sender.simulator.config import Kind
from sender.simulator.senders import Senders

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})
# Toll-free numbers are filtered by their network, which knows fewer words (Twilio help: opt-out keywords, toll-free).
TOLL_FREE_STOP, TOLL_FREE_START = frozenset({"STOP"}), frozenset({"START", "UNSTOP"})

REPLIES = {
    "STOP": "You are unsubscribed and will get no more messages from this number. Reply START to come back.",
    "START": "You are subscribed again. Reply HELP for help. Reply STOP to unsubscribe. Msg&Data rates may apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data rates may apply.",
}


class OptOuts:
    """The provider's block list, which no API shows or changes."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders
        self._blocked: set[tuple[str, str]] = set()

    def blocked(self, sender: str, person: str) -> bool:
        """True when this person may not be texted from this sender."""
        return (self._senders.scope(sender), person) in self._blocked

    def word(self, sender: str, body: str) -> str | None:
        """STOP, START or HELP if Twilio acts on this text at this sender; it takes the whole text as one word."""
        number = self._senders.number(sender)
        service = self._senders.service_of(sender)
        text = body.strip().upper()
        if number is None or (number.kind is Kind.SHORT_CODE and service is None):
            return None
        for word, own in (service.advanced_opt_out or {}).items() if service else ():
            if text in {term.upper() for term in own}:
                return word
        return _default_word(number.kind, text)

    def hear(self, sender: str, person: str, word: str) -> str | None:
        """Act on a word; returns the provider's reply, or None where it keeps silent."""
        key = (self._senders.scope(sender), person)
        was_blocked = key in self._blocked
        if word == "STOP":
            self._blocked.add(key)
        elif word == "START":
            self._blocked.discard(key)
        silent = was_blocked and word in ("STOP", "HELP")
        return None if silent else REPLIES[word]


def _default_word(kind: Kind, text: str) -> str | None:
    toll_free = kind is Kind.TOLL_FREE
    if text in (TOLL_FREE_STOP if toll_free else STOP):
        return "STOP"
    if text in (TOLL_FREE_START if toll_free else START):
        return "START"
    return "HELP" if text in HELP else None
