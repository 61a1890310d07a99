"""Texts from people: filtered for STOP, kept, and posted to the application's inbound webhook."""

import asyncio
import xml.etree.ElementTree as Xml

from sender.simulator.clock import Clock
from sender.simulator.config import Kind
from sender.simulator.log import Log
from sender.simulator.messages import Message, Store, fresh_sid, whole_second
from sender.simulator.network import Network
from sender.simulator.optout import OptOuts
from sender.simulator.parts import count_parts
from sender.simulator.senders import Senders, calling_code
from sender.simulator.webhooks import Answer, Fields, Hook, Webhooks

COUNTRIES = {"1": "US", "33": "FR", "34": "ES", "44": "GB", "49": "DE", "52": "MX", "61": "AU"}


class Inbound:
    """Receives what people write: first the block list, then Twilio's own reply, then the webhook."""

    def __init__(
        self, *, account_sid: str, clock: Clock, log: Log, store: Store, senders: Senders, optouts: OptOuts,
        network: Network, webhooks: Webhooks,
    ) -> None:  # fmt: skip
        self._account = account_sid
        self._clock = clock
        self._log = log
        self._store = store
        self._senders = senders
        self._optouts = optouts
        self._network = network
        self._webhooks = webhooks

    def can_receive(self, sender: str) -> bool:
        """False for alphanumeric senders, which nobody can answer."""
        number = self._senders.number(sender)
        return number is not None and number.kind is not Kind.ALPHANUMERIC

    def receive(self, person: str, sender: str, body: str) -> None:
        """A person texts a sender of the account."""
        if hook := self.hear(person, sender, body):
            self._webhooks.post(hook)

    def hear(self, person: str, sender: str, body: str, sid: str | None = None) -> Hook | None:
        """Filter and keep a text; returns the webhook still to be posted, None where no URL is set.

        A SID heard before is the same text again: only its webhook is repeated.
        """
        sid = sid or fresh_sid("SM")
        word = self._optouts.word(sender, body)
        service = self._senders.service_of(sender)
        about: dict[str, object] = {"sid": sid, "from": person, "to": sender, "body": body}
        if sid not in self._store:
            self._log.write("heard", **about, word=word)
            self._keep(sid, person, sender, body, service.sid if service else None)
            self._filter(person, sender, word)
        url = self._url(sender)
        if not url:
            self._log.write("inbound", **about, attempt=0, http=None, error="no_url", sent_at=None, answered_at=None)
            return None
        opt_out_type = word if service and service.advanced_opt_out is not None else None
        fields = self._fields(sid, person, sender, body, service.sid if service else None, opt_out_type)
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        done.add_done_callback(lambda future: self._obey(sender, person, future))
        return Hook("inbound", url, fields, about, done=done)

    def _filter(self, person: str, sender: str, word: str | None) -> None:
        if word and (reply := self._optouts.hear(sender, person, word)):
            self._log.write("provider_reply", to=person, **{"from": sender}, body=reply, word=word)

    def _keep(self, sid: str, person: str, sender: str, body: str, service: str | None) -> None:
        now = whole_second(self._clock.now())
        message = Message(
            sid, sender, person, service, body, "received", "inbound", count_parts(body), now, now, sent=now
        )
        self._store.add(message)

    def _url(self, sender: str) -> str | None:
        number, service = self._senders.number(sender), self._senders.service_of(sender)
        own = number.inbound_url if number else None
        if service is None or service.use_inbound_webhook_on_number:
            return own
        return service.inbound_url

    def _obey(self, sender: str, person: str, future: asyncio.Future[Answer]) -> None:
        if future.cancelled() or future.result().trouble:
            return
        for text in twiml_messages(future.result().body):
            self._network.answer(sender, person, text)

    def _fields(
        self, sid: str, person: str, sender: str, body: str, service: str | None, opt_out_type: str | None
    ) -> Fields:
        return [
            ("ToCountry", COUNTRIES.get(calling_code(sender), "")),
            ("ToState", ""),
            ("SmsMessageSid", sid),
            ("NumMedia", "0"),
            ("ToCity", ""),
            ("FromZip", ""),
            ("SmsSid", sid),
            ("FromState", ""),
            ("SmsStatus", "received"),
            ("FromCity", ""),
            ("Body", body),
            ("FromCountry", COUNTRIES.get(calling_code(person), "")),
            ("To", sender),
            *([("MessagingServiceSid", service)] if service else []),
            ("ToZip", ""),
            ("NumSegments", str(count_parts(body))),
            *([("OptOutType", opt_out_type)] if opt_out_type else []),
            ("MessageSid", sid),
            ("AccountSid", self._account),
            ("From", person),
            ("ApiVersion", "2010-04-01"),
        ]


def twiml_messages(body: str) -> list[str]:
    """The texts a TwiML answer asks to be sent; none for an empty or unreadable one."""
    if not body.lstrip().startswith("<"):
        return []
    try:
        root = Xml.fromstring(body)  # noqa: S314  the answer comes from the application under test, on loopback
    except Xml.ParseError:
        return []
    return ["".join(node.itertext()).strip() for node in root.iter("Message")]
