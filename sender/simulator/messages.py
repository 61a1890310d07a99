"""Messages as the provider keeps them: the record, its JSON, and the paged, filtered list."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import chain, islice
from urllib.parse import urlencode

from sender.simulator.errors import TABLE, ApiError

API = "/2010-04-01"
FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received"})
PAGE_DEFAULT, PAGE_MOST = 50, 1000
THREAD = 100


def fresh_sid(prefix: str) -> str:
    """A new SID: two letters and 32 hex digits."""
    return prefix + uuid.uuid4().hex


@dataclass(slots=True)
class Message:
    """One message, outbound or inbound; instants are virtual, ``validity`` in virtual seconds."""

    sid: str
    to: str
    from_number: str | None
    service: str | None
    body: str
    status: str
    direction: str
    parts: int
    created: datetime
    updated: datetime
    seq: int = 0
    media: int = 0
    sent: datetime | None = None
    price: str | None = None
    error_code: int | None = None
    callback_url: str | None = None
    validity: int = 36000
    send_at: datetime | None = None
    accepted_at: float = 0.0
    mode: str = "plain"
    deleted: bool = False

    @property
    def phone(self) -> str:
        """The person's phone, whichever way the text went."""
        return (self.from_number or "") if self.direction == "inbound" else self.to

    @property
    def other(self) -> str:
        """The account's own end, "" while a service has chosen none."""
        return self.to if self.direction == "inbound" else self.from_number or ""

    @property
    def final(self) -> bool:
        """True when no status can follow."""
        return self.status in FINAL


class Store:
    """All messages in memory, newest first where listed."""

    def __init__(self, account_sid: str, currency: str) -> None:
        self._account = account_sid
        self._currency = currency
        self._all: list[Message] = []
        self._by_sid: dict[str, Message] = {}
        self._by_to: dict[str, list[Message]] = {}
        self._by_phone: dict[str, list[Message]] = {}

    def __iter__(self) -> Iterator[Message]:
        return (message for message in self._all if not message.deleted)

    def add(self, message: Message) -> None:
        """Keep a message and give it its place in the order of creation."""
        message.seq = len(self._all)
        self._all.append(message)
        self._by_sid[message.sid] = message
        self._by_to.setdefault(message.to, []).append(message)
        # Taken out and put in again, so that whoever was met last stands last.
        mine = self._by_phone.pop(message.phone, [])
        mine.append(message)
        self._by_phone[message.phone] = mine

    def newest_by_phone(self) -> Iterator[tuple[str, Message]]:
        """Every phone with its newest text, the one that was met last first."""
        return ((phone, texts[-1]) for phone, texts in reversed(self._by_phone.items()))

    def thread(self, phone: str) -> Iterator[Message]:
        """What this phone got and wrote, the newest hundred, oldest first."""
        return (message for message in self._by_phone.get(phone, [])[-THREAD:] if not message.deleted)

    def __contains__(self, sid: str) -> bool:
        return sid in self._by_sid

    def get(self, sid: str, path: str) -> Message:
        """The message, or ApiError 20404 for ``path``."""
        message = self._by_sid.get(sid)
        if message is None or message.deleted:
            raise ApiError(20404, detail=path)
        return message

    def page(self, path: str, query: dict[str, str]) -> dict[str, object]:
        """One page of the list as v2010 JSON; ``query`` holds Twilio's own parameter names."""
        size = _page_size(query.get("PageSize"))
        number = _whole(query.get("Page"), 0)
        found = list(islice(self._after(query, number * size), size + 1))
        shown = found[:size]
        start = number * size
        return {
            "messages": [self.render(message) for message in shown],
            "first_page_uri": _uri(path, query, size, 0, None),
            "next_page_uri": _uri(path, query, size, number + 1, shown[-1].sid) if len(found) > size else None,
            "previous_page_uri": _uri(path, query, size, number - 1, None) if number else None,
            "page": number,
            "page_size": size,
            "start": start,
            "end": start + max(0, len(shown) - 1),
            "uri": _uri(path, query, size, number, None),
        }

    def render(self, message: Message) -> dict[str, object]:
        """The Message object with every field Twilio has, null where unknown."""
        uri = f"{API}/Accounts/{self._account}/Messages/{message.sid}"
        return {
            "account_sid": self._account,
            "api_version": "2010-04-01",
            "body": message.body,
            "date_created": _rfc2822(message.created),
            "date_sent": _rfc2822(message.sent),
            "date_updated": _rfc2822(message.updated),
            "direction": message.direction,
            "error_code": message.error_code,
            "error_message": TABLE[message.error_code][1] if message.error_code in TABLE else None,
            "from": message.from_number,
            "messaging_service_sid": message.service,
            "num_media": str(message.media),
            "num_segments": "0" if message.from_number is None else str(message.parts),
            "price": message.price,
            "price_unit": self._currency,
            "sid": message.sid,
            "status": message.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": message.to,
            "uri": f"{uri}.json",
        }

    def _after(self, query: dict[str, str], skip: int) -> Iterator[Message]:
        """Matching messages from where the page begins; a token holds the place while newer ones arrive."""
        pool: Iterable[Message] = self._by_to.get(query["To"], ()) if query.get("To") else self._all
        matching = _matching(reversed(list(pool)), query)
        token = query.get("PageToken")
        if not token:
            return islice(matching, skip, None)
        last = self._by_sid.get(token.removeprefix("PA"))
        if last is None:
            raise ApiError(20001, detail="PageToken")
        return (message for message in matching if message.seq < last.seq)


def _matching(messages: Iterable[Message], query: dict[str, str]) -> Iterator[Message]:
    spans = [(sign, _instant(query[name])) for sign in ("", "<", ">") if query.get(name := f"DateSent{sign}")]
    for message in messages:
        if message.deleted or (query.get("From") and message.from_number != query["From"]):
            continue
        if all(_sent_within(message.sent, sign, limit) for sign, limit in spans):
            yield message


def _sent_within(sent: datetime | None, sign: str, limit: datetime) -> bool:
    """``DateSent`` means that UTC day, ``<`` and ``>`` mean ≤ and ≥; an unsent message matches none."""
    if sent is None:
        return False
    if sign == "<":
        return sent <= limit
    if sign == ">":
        return sent >= limit
    return sent.date() == limit.date()


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(20001, detail=f"DateSent {text}") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _page_size(text: str | None) -> int:
    size = _whole(text, PAGE_DEFAULT)
    if not 1 <= size <= PAGE_MOST:
        raise ApiError(20007)
    return size


def _whole(text: str | None, default: int) -> int:
    if text is None or text == "":
        return default
    if not text.isdecimal():
        raise ApiError(20007)
    return int(text)


def _uri(path: str, query: dict[str, str], size: int, number: int, last: str | None) -> str:
    filters = ((name, value) for name, value in query.items() if name not in ("PageSize", "Page", "PageToken"))
    place = [("PageSize", str(size)), ("Page", str(number))]
    token = [("PageToken", f"PA{last}")] if last else []
    return f"{path}?{urlencode(list(chain(filters, place, token)))}"


def _rfc2822(moment: datetime | None) -> str | None:
    return format_datetime(moment) if moment else None


def whole_second(moment: datetime) -> datetime:
    """Twilio keeps seconds; anything finer is cut."""
    return moment - timedelta(microseconds=moment.microsecond)
