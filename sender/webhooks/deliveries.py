"""Takes events to their endpoints: signed, again and again for three days, and never to an endpoint that is disabled.

An endpoint hears each event at least once; ``webhook-id`` stays the same, so that it can pass over what it knows. Times
are the machine's own.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from sqlalchemy import select, update
from sqlmodel import Session, col

from sender import audit
from sender.crypto import KeyFileError, unseal
from sender.db import Pace
from sender.delivery.wire import Wire
from sender.models import Number, WebhookDelivery, WebhookEndpoint, WebhookEvent
from sender.runtime import Runtime
from sender.webhooks.outside import OutsideError, Poster
from sender.webhooks.signing import signed_headers

PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400)
)
"""Between the tries of one delivery: twelve of them in seventy-one hours."""
GIVE_UP = timedelta(days=3)
AT_ONCE = 50
PER_ENDPOINT = 10
GONE = 410
SLICE = 500


@dataclass(frozen=True, slots=True)
class Due:
    """One delivery that may be tried: where to, what, and under which headers."""

    id: int
    endpoint_id: int
    tries: int
    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it: the status of the answer (None: there was none) and what was wrong ("": nothing)."""

    due: Due
    answer: int | None
    error: str


def post_due(runtime: Runtime, poster: Poster, wire: Wire) -> int:
    """Try every delivery that is due, at most 50 at once and 10 of one endpoint; returns how many."""
    real = runtime.clock.real()
    with runtime.db.read() as session:
        due, erased = _due(runtime, session, real)
    posted = [wire.start(_try(poster, one)) for one in due]
    tried = [one.result() for one in posted]
    if tried or erased:
        with runtime.db.write(Pace.BULK) as session:
            _give_up(session, erased, "erased")
            for one in tried:
                _record(runtime, session, one)
    return len(tried) + len(erased)


def _due(runtime: Runtime, session: Session, real: datetime) -> tuple[list[Due], list[int]]:
    rows = session.execute(
        select(WebhookDelivery, WebhookEndpoint, WebhookEvent, col(Number.data_key))
        .join(WebhookEndpoint, col(WebhookEndpoint.id) == col(WebhookDelivery.endpoint_id))
        .join(WebhookEvent, col(WebhookEvent.id) == col(WebhookDelivery.event_id))
        .join(Number, col(Number.id) == col(WebhookEvent.number_id), isouter=True)
        .where(
            col(WebhookDelivery.status) == "waiting",
            col(WebhookDelivery.next_at) <= real,
            col(WebhookEndpoint.status) == "live",
        )
        .order_by(col(WebhookDelivery.next_at), col(WebhookDelivery.id))
        .limit(4 * AT_ONCE)
    ).all()
    due: list[Due] = []
    erased: list[int] = []
    taken: Counter[int] = Counter()
    for row, endpoint, event, data_key in rows:
        taken[row.endpoint_id] += 1
        if taken[row.endpoint_id] > PER_ENDPOINT or len(due) >= AT_ONCE:
            continue
        body = _body(runtime, event, data_key)
        if body is None:
            erased.append(row.id)
            continue
        secret = runtime.keys.unwrap(endpoint.secret_cipher).decode()
        headers = signed_headers(secret, event.uid, int(real.timestamp()), body)
        due.append(Due(row.id, row.endpoint_id, row.tries, endpoint.url, body, headers))
    return due, erased


def _body(runtime: Runtime, event: WebhookEvent, data_key: bytes | None) -> bytes | None:
    """None: the person's data was erased since."""
    try:
        if event.number_id is None:
            return runtime.keys.unwrap(event.body_cipher)
        return unseal(runtime.keys.unwrap(data_key or b""), event.body_cipher)
    except (KeyFileError, InvalidTag, ValueError):
        return None


async def _try(poster: Poster, due: Due) -> Tried:
    try:
        answer = await poster.post(due.url, due.body, due.headers)
    except OutsideError as error:
        return Tried(due, None, str(error))
    return Tried(due, answer, "" if 200 <= answer < 300 else f"The endpoint answered {answer}.")


def _record(runtime: Runtime, session: Session, tried: Tried) -> None:
    real, due = runtime.clock.real(), tried.due
    which = (col(WebhookDelivery.id) == due.id, col(WebhookDelivery.status) == "waiting")
    endpoint = session.get(WebhookEndpoint, due.endpoint_id)
    if endpoint is None:
        return
    tries = due.tries + 1
    if not tried.error:
        values = {"status": "delivered", "tries": tries, "answer": tried.answer, "error": "", "delivered_at": real}
        session.execute(update(WebhookDelivery).where(*which).values(**values))
        endpoint.failing_since = None
        return
    over = tries > len(PAUSES)
    again = real + PAUSES[min(due.tries, len(PAUSES) - 1)]
    status = "given_up" if over else "waiting"
    values = {"status": status, "tries": tries, "answer": tried.answer, "error": tried.error, "next_at": again}
    session.execute(update(WebhookDelivery).where(*which).values(**values))
    endpoint.failing_since = endpoint.failing_since or real
    if tried.answer == GONE:
        disable(session, endpoint, "It answered 410 Gone.", real)
    elif over or endpoint.failing_since <= real - GIVE_UP:
        disable(session, endpoint, f"Nothing got through since {endpoint.failing_since:%Y-%m-%d %H:%M} UTC.", real)


def disable(session: Session, endpoint: WebhookEndpoint, why: str, real: datetime) -> None:
    """Send nothing more to an endpoint until somebody enables it; what waits for it goes on waiting."""
    if endpoint.status == "live":
        endpoint.status, endpoint.disabled_why = "disabled", why
        audit.note(session, real, "system", "webhook.disable", f"webhook {endpoint.id}", {"why": why})


def _give_up(session: Session, ids: Sequence[int], why: str) -> None:
    if ids:
        session.execute(
            update(WebhookDelivery).where(col(WebhookDelivery.id).in_(ids)).values(status="given_up", error=why)
        )
