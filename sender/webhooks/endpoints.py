"""Endpoints: who wants to hear of what, and telling them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import Session, col

from sender import audit
from sender.db import run_below
from sender.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from sender.runtime import Runtime
from sender.webhooks.events import deliver_to, wants
from sender.webhooks.outside import OutsideError, check_url, read_networks
from sender.webhooks.signing import new_secret

MOST = 20
REPLAYS = 1000


class EndpointError(Exception):
    """An endpoint cannot be made or used like this; the sentence says why."""


class Asking(Protocol):
    """Who asks: a key, or an owner on the page. ``programs`` are ids, none: every program."""

    @property
    def actor(self) -> str:
        """How they stand in the audit."""
        ...

    @property
    def programs(self) -> Sequence[int]:
        """The programs they are for."""
        ...


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner of the installation, who sees every endpoint."""

    actor: str
    programs: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class EndpointIn:
    """An endpoint as it is asked for."""

    url: str
    events: Sequence[str]
    description: str = ""


def create_endpoint(runtime: Runtime, session: Session, key: Asking, wanted: EndpointIn) -> tuple[WebhookEndpoint, str]:
    """Keep an endpoint for the key's programs; returns it with its signing secret, which is shown this once."""
    try:
        check_url(wanted.url, read_networks(runtime.settings.webhook_networks))
    except OutsideError as error:
        raise EndpointError(str(error)) from error
    if len(list_endpoints(session, key)) >= MOST:
        raise EndpointError(f"There are {MOST} endpoints already; delete one first.")
    secret, real = new_secret(), runtime.clock.real()
    row = WebhookEndpoint(
        url=wanted.url,
        description=wanted.description,
        secret_cipher=runtime.keys.wrap(secret.encode()),
        created_by=key.actor,
        created_at=real,
    )
    row.events, row.programs = sorted(set(wanted.events)), list(key.programs)
    session.add(row)
    session.flush()
    audit.note(session, real, key.actor, "webhook.create", f"webhook {row.id}", {"events": row.events})
    return row, secret


def list_endpoints(session: Session, key: Asking) -> list[WebhookEndpoint]:
    """The endpoints that this key may see: those whose programs are all its own."""
    rows = session.execute(select(WebhookEndpoint).order_by(col(WebhookEndpoint.id))).scalars()
    return [row for row in rows if _sees(key, row)]


def find_endpoint(session: Session, key: Asking, endpoint_id: int) -> WebhookEndpoint | None:
    """One of them, None where this key sees none of that id."""
    row = session.get(WebhookEndpoint, endpoint_id)
    return row if row is not None and _sees(key, row) else None


def delete_endpoint(session: Session, key: Asking, endpoint: WebhookEndpoint, real: datetime) -> None:
    """Forget an endpoint and whatever waits for it."""
    session.execute(delete(WebhookDelivery).where(col(WebhookDelivery.endpoint_id) == endpoint.id))
    session.execute(delete(WebhookEndpoint).where(col(WebhookEndpoint.id) == endpoint.id))
    audit.note(session, real, key.actor, "webhook.delete", f"webhook {endpoint.id}")


def enable_endpoint(session: Session, key: Asking, endpoint: WebhookEndpoint, real: datetime) -> None:
    """Send to it again; what has waited is due at once."""
    endpoint.status, endpoint.disabled_why, endpoint.failing_since = "live", "", None
    waiting = (col(WebhookDelivery.endpoint_id) == endpoint.id, col(WebhookDelivery.status) == "waiting")
    session.execute(update(WebhookDelivery).where(*waiting).values(next_at=real, tries=0))
    audit.note(session, real, key.actor, "webhook.enable", f"webhook {endpoint.id}")


def replay(session: Session, endpoint: WebhookEndpoint, since: datetime, real: datetime) -> int:
    """Send it again what it wants to hear of and what happened since, oldest first, at most 1,000; how many."""
    events = session.execute(
        select(col(WebhookEvent.id), col(WebhookEvent.type), col(WebhookEvent.program_id))
        .where(col(WebhookEvent.at) >= since)
        .order_by(col(WebhookEvent.id))
    )
    ids = [event_id for event_id, kind, program_id in events if wants(endpoint, kind, program_id)][:REPLAYS]
    if ids:
        rows = [deliver_to(endpoint, event_id or 0, real) for event_id in ids]
        run_below(session, insert(WebhookDelivery.__table__), rows)  # type: ignore[attr-defined]
    return len(ids)


def list_deliveries(
    session: Session, endpoint: WebhookEndpoint, before: int | None, limit: int
) -> list[tuple[WebhookDelivery, WebhookEvent]]:
    """The endpoint's deliveries, newest first, below ``before``."""
    statement = (
        select(WebhookDelivery, WebhookEvent)
        .join(WebhookEvent, col(WebhookEvent.id) == col(WebhookDelivery.event_id))
        .where(col(WebhookDelivery.endpoint_id) == endpoint.id)
    )
    if before is not None:
        statement = statement.where(col(WebhookDelivery.id) < before)
    rows = session.execute(statement.order_by(col(WebhookDelivery.id).desc()).limit(limit))
    return [(row, event) for row, event in rows]


@dataclass(frozen=True, slots=True)
class Sought:
    """Which deliveries are asked for: of one endpoint (None: all), in one state, about one type of event ("": any)."""

    endpoint_id: int | None = None
    status: str = ""
    kind: str = ""


def search_deliveries(
    session: Session, sought: Sought, limit: int, offset: int, *, newest: bool
) -> list[tuple[WebhookDelivery, WebhookEvent, WebhookEndpoint]]:
    """Deliveries to every endpoint in the order in which they were due to begin, ``newest`` first or last."""
    statement = (
        select(WebhookDelivery, WebhookEvent, WebhookEndpoint)
        .join(WebhookEvent, col(WebhookEvent.id) == col(WebhookDelivery.event_id))
        .join(WebhookEndpoint, col(WebhookEndpoint.id) == col(WebhookDelivery.endpoint_id))
    )
    if sought.endpoint_id is not None:
        statement = statement.where(col(WebhookDelivery.endpoint_id) == sought.endpoint_id)
    if sought.status:
        statement = statement.where(col(WebhookDelivery.status) == sought.status)
    if sought.kind:
        statement = statement.where(col(WebhookEvent.type) == sought.kind)
    order = col(WebhookDelivery.id).desc() if newest else col(WebhookDelivery.id)
    rows = session.execute(statement.order_by(order).limit(limit).offset(offset))
    return [(row, event, endpoint) for row, event, endpoint in rows]


def count_waiting(session: Session, endpoint: WebhookEndpoint) -> int:
    """How many events it has not been told yet."""
    mine = (col(WebhookDelivery.endpoint_id) == endpoint.id, col(WebhookDelivery.status) == "waiting")
    return int(session.execute(select(func.count()).select_from(WebhookDelivery).where(*mine)).scalar_one())


def _sees(key: Asking, endpoint: WebhookEndpoint) -> bool:
    return not key.programs or (bool(endpoint.programs) and set(endpoint.programs) <= set(key.programs))
