"""Webhooks out: which endpoints there are, what became of each delivery, and telling them again."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from sender.models import WebhookEndpoint
from sender.webhooks import endpoints
from sender.webhooks.endpoints import EndpointError, EndpointIn
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import NO_CONTROLS, Asked, Instant, Page, cursor_of, shape

EventType = Literal["message.updated", "reply.received", "consent.changed", "campaign.updated", "import.updated"]
EXAMPLE = {
    "id": "whk_3",
    "url": "https://crm.example.com/hooks/tactful",
    "description": "CRM",
    "events": ["consent.changed", "reply.received"],
    "status": "live",
    "disabled_why": "",
    "failing_since": None,
    "created_at": "2026-03-10T15:00:00Z",
}

door = ApiDoor("api_webhooks", __name__)


class WebhookIn(Asked):
    """Where to, and what of."""

    model_config = shape({name: EXAMPLE[name] for name in ("url", "description", "events")}, strict=True)
    url: Annotated[str, StringConstraints(min_length=8, max_length=2000)] = Field(
        description="An https address that the internet can reach."
    )
    events: list[EventType] = Field(min_length=1, max_length=5)
    description: Annotated[str, StringConstraints(max_length=200, pattern=NO_CONTROLS)] = ""


class WebhookOut(BaseModel):
    """One endpoint."""

    model_config = shape(EXAMPLE)
    id: str
    url: str
    description: str
    events: list[EventType]
    status: Literal["live", "disabled"]
    disabled_why: str = Field(description="Why nothing is sent to it any more.")
    failing_since: datetime | None = Field(description="Nothing got through from then on.")
    created_at: datetime


class WebhookMade(WebhookOut):
    """A new endpoint with its secret."""

    model_config = shape({**EXAMPLE, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"})
    secret: str = Field(description="Verifies signatures (Standard Webhooks); shown this once.")


class WebhookList(BaseModel):
    """Every endpoint the key may see."""

    model_config = shape({"data": [EXAMPLE]})
    data: list[WebhookOut]


class DeliveryOut(BaseModel):
    """One event on its way to an endpoint."""

    model_config = shape()
    event: str = Field(description="The `webhook-id` of its requests.")
    type: EventType
    at: datetime
    status: Literal["waiting", "delivered", "given_up"]
    tries: int
    next_at: datetime
    answer: int | None = Field(description="The status of the last answer.")
    error: str
    delivered_at: datetime | None


class DeliveryList(BaseModel):
    """A page of deliveries, newest first."""

    model_config = shape(
        {
            "data": [
                {
                    "event": "evt_Jd0fZ3bqT6mV1xY8aKc2Lw",
                    "type": "consent.changed",
                    "at": "2026-03-10T15:00:00Z",
                    "status": "delivered",
                    "tries": 1,
                    "next_at": "2026-03-10T15:00:00Z",
                    "answer": 204,
                    "error": "",
                    "delivered_at": "2026-03-10T15:00:01Z",
                }
            ],
            "next_cursor": None,
        }
    )
    data: list[DeliveryOut]
    next_cursor: str | None


class ReplayIn(Asked):
    """From when on to tell again."""

    model_config = shape({"since": "2026-03-09T00:00:00Z"}, strict=True)
    since: Instant = Field(description="Events are kept for 30 days.")


class ReplayOut(BaseModel):
    """How many deliveries that makes."""

    model_config = shape({"deliveries": 12})
    deliveries: int


@door.operation(
    "POST", "/webhooks", scope="webhooks:write", body=WebhookIn, answer=WebhookMade, status=201, makes=True,
    problems=("invalid_endpoint",),
)  # fmt: skip
def create_webhook(call: Call, body: WebhookIn) -> WebhookMade:
    """Have an endpoint told of events.

    Requests are signed by the Standard Webhooks scheme and tried for three days; an endpoint that fails for so long is
    disabled. Addresses inside are never reached, redirects are not followed.
    """
    try:
        wanted = EndpointIn(body.url, body.events, body.description)
        row, secret = endpoints.create_endpoint(call.runtime, call.session, call.key, wanted)
    except EndpointError as error:
        raise ApiProblem("invalid_endpoint", str(error)) from error
    return WebhookMade(**_told(row).model_dump(), secret=secret)


@door.operation("GET", "/webhooks", scope="webhooks:read", answer=WebhookList)
def list_webhooks(call: Call) -> WebhookList:
    """Every endpoint of this key's programs."""
    return WebhookList(data=[_told(row) for row in endpoints.list_endpoints(call.session, call.key)])


@door.operation("DELETE", "/webhooks/<webhook_id>", scope="webhooks:write", answer=WebhookOut, problems=("not_found",))
def delete_webhook(call: Call, webhook_id: str) -> WebhookOut:
    """Forget an endpoint and whatever waits for it."""
    row = _found(call, webhook_id)
    told = _told(row)
    endpoints.delete_endpoint(call.session, call.key, row, call.runtime.clock.real())
    return told


@door.operation(
    "POST", "/webhooks/<webhook_id>/enable", scope="webhooks:write", answer=WebhookOut, makes=True,
    problems=("not_found",),
)  # fmt: skip
def enable_webhook(call: Call, webhook_id: str) -> WebhookOut:
    """Send to a disabled endpoint again; what has waited for it is due at once."""
    row = _found(call, webhook_id)
    endpoints.enable_endpoint(call.session, call.key, row, call.runtime.clock.real())
    return _told(row)


@door.operation(
    "POST", "/webhooks/<webhook_id>/replay", scope="webhooks:write", body=ReplayIn, answer=ReplayOut, makes=True,
    problems=("not_found", "gone"),
)  # fmt: skip
def replay_webhook(call: Call, webhook_id: str, body: ReplayIn) -> ReplayOut:
    """Send an endpoint again what happened since, oldest first, at most 1,000 events."""
    row = _found(call, webhook_id)
    if row.status != "live":
        raise ApiProblem("gone", row.disabled_why)
    return ReplayOut(deliveries=endpoints.replay(call.session, row, body.since, call.runtime.clock.real()))


@door.operation(
    "GET", "/webhooks/<webhook_id>/deliveries", scope="webhooks:read", query=Page, answer=DeliveryList,
    problems=("not_found",),
)  # fmt: skip
def list_deliveries(call: Call, webhook_id: str, query: Page) -> DeliveryList:
    """What became of each event for an endpoint, newest first."""
    found = endpoints.list_deliveries(call.session, _found(call, webhook_id), query.after, query.limit + 1)
    more = cursor_of(found[query.limit - 1][0].id or 0) if len(found) > query.limit else None
    wanted = ("status", "tries", "next_at", "answer", "error", "delivered_at")
    return DeliveryList(
        data=[
            DeliveryOut(event=event.uid, type=event.type, at=event.at, **{name: getattr(row, name) for name in wanted})  # type: ignore[arg-type]
            for row, event in found[: query.limit]
        ],
        next_cursor=more,
    )


def _found(call: Call, name: str) -> WebhookEndpoint:
    digits = name.removeprefix("whk_")
    known = name.startswith("whk_") and digits.isascii() and digits.isdigit() and len(digits) < 10
    row = endpoints.find_endpoint(call.session, call.key, int(digits)) if known else None
    if row is None:
        raise ApiProblem("not_found", "There is no such endpoint that this key may see.")
    return row


def _told(row: WebhookEndpoint) -> WebhookOut:
    wanted = ("url", "description", "events", "status", "disabled_why", "failing_since", "created_at")
    return WebhookOut(id=f"whk_{row.id}", **{name: getattr(row, name) for name in wanted})
