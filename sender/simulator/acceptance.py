"""The front desk: judges a create request as Twilio does and makes the message, or refuses."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from sender.simulator.callbacks import StatusCallbacks
from sender.simulator.clock import Clock
from sender.simulator.config import Number
from sender.simulator.errors import ApiError
from sender.simulator.lanes import Lanes
from sender.simulator.log import Log
from sender.simulator.messages import Message, Store, fresh_sid, whole_second
from sender.simulator.network import Network
from sender.simulator.parts import count_parts, utf16_units
from sender.simulator.senders import ALPHANUMERIC, E164, SHORT_CODE, Senders

Form = dict[str, list[str]]
BODY_MOST = 1600
VALIDITY_MOST = 36000
SCHEDULE_LEAST, SCHEDULE_MOST = timedelta(seconds=300), timedelta(days=35)


def one(form: Form, name: str) -> str:
    """The last value of a parameter, ``""`` when absent."""
    return form.get(name, [""])[-1]


@dataclass(frozen=True, slots=True)
class Order:
    """A create request whose form is in order."""

    to: str
    sender: str
    service_sid: str
    body: str
    media: int
    callback_url: str
    validity: int | None
    send_at: datetime | None


class Acceptance:
    """Accepts or refuses; with a service, what concerns the recipient is refused later, by callback."""

    def __init__(
        self, clock: Clock, log: Log, store: Store, senders: Senders, lanes: Lanes, network: Network,
        callbacks: StatusCallbacks,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._log = log
        self._store = store
        self._senders = senders
        self._lanes = lanes
        self._network = network
        self._callbacks = callbacks

    def accept(self, form: Form, request_id: str) -> Message:
        """The new message, kept and on its way; raises ApiError when Twilio would refuse at once."""
        order = self._read(form)
        message = self._for_service(order) if order.service_sid else self._for_number(order)
        message.mode = self._callbacks.mode()
        self._store.add(message)
        self._log.write(
            "accepted", sid=message.sid, to=message.to, **{"from": message.from_number}, service=message.service,
            body=message.body, status=message.status, parts=message.parts, validity_period=message.validity,
            status_callback=message.callback_url, mode=message.mode, request_id=request_id,
        )  # fmt: skip
        if message.mode == "early":
            self._callbacks.expect_early(message)
        self._network.launch(message)
        return message

    def _read(self, form: Form) -> Order:
        to, sender, service = one(form, "To"), one(form, "From"), one(form, "MessagingServiceSid")
        body, media = one(form, "Body"), len(form.get("MediaUrl", []))
        if not to:
            raise ApiError(21604)
        if not (sender or service):
            raise ApiError(21603)
        if not (body or media or one(form, "ContentSid")):
            raise ApiError(21602)
        if utf16_units(body) > BODY_MOST:
            raise ApiError(21617)
        callback = _callback_url(one(form, "StatusCallback"))
        return Order(to, sender, service, body, media, callback, _validity(form), self._send_at(form, service))

    def _for_number(self, order: Order) -> Message:
        number = self._number(order.sender)
        if code := self._network.refusal(number.number, order.to):
            raise ApiError(code, to=order.to, sender=order.sender)
        if self._lanes.of(number.number).full():
            raise ApiError(21611)
        return self._message(order, "queued", order.callback_url or None, order.validity or VALIDITY_MOST)

    def _for_service(self, order: Order) -> Message:
        service = self._senders.service(order.service_sid)
        if order.sender and order.sender not in service.senders:
            raise ApiError(21606, sender=order.sender)
        status = "scheduled" if order.send_at else "accepted"
        callback = order.callback_url or service.status_callback
        return self._message(order, status, callback, order.validity or service.validity_period)

    def _number(self, sender: str) -> Number:
        if not (E164.fullmatch(sender) or SHORT_CODE.fullmatch(sender) or ALPHANUMERIC.fullmatch(sender)):
            raise ApiError(21212, sender=sender)
        number = self._senders.number(sender)
        if number is None:
            raise ApiError(21606, sender=sender)
        return number

    def _message(self, order: Order, status: str, callback_url: str | None, validity: int) -> Message:
        now = whole_second(self._clock.now())
        return Message(
            sid=fresh_sid("MM" if order.media else "SM"),
            to=order.to,
            from_number=order.sender or None,
            service=order.service_sid or None,
            body=order.body,
            status=status,
            direction="outbound-api",
            parts=count_parts(order.body),
            created=now,
            updated=now,
            media=order.media,
            callback_url=callback_url,
            validity=validity,
            send_at=order.send_at,
        )

    def _send_at(self, form: Form, service: str) -> datetime | None:
        kind, text = one(form, "ScheduleType"), one(form, "SendAt")
        if not kind and not text:
            return None
        if not service:
            raise ApiError(35118)
        if kind != "fixed" or not text:
            raise ApiError(35111)
        moment = _utc(text)
        if not SCHEDULE_LEAST <= moment - self._clock.now() <= SCHEDULE_MOST:
            raise ApiError(35114)
        return moment


def _utc(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(35114) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _validity(form: Form) -> int | None:
    text = one(form, "ValidityPeriod")
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= VALIDITY_MOST:
        raise ApiError(21624)
    return int(text)


def _callback_url(text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        parts.port  # noqa: B018  reading it raises ValueError for a port that is none
    except ValueError as error:
        raise ApiError(21609, detail=text) from error
    if parts.scheme not in ("http", "https") or not host or "_" in host:
        raise ApiError(21609, detail=text)
    return text
