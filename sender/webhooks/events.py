"""Finds what has happened since it was last told, and writes one event and its deliveries for it.

Nothing that sends, receives or imports knows of webhooks: what was told is compared with what is. So a message that
moves twice between two looks is told once, as it is, and a state that was reached is never missed.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import false, func, insert, literal_column, select, update
from sqlmodel import Session, col

from sender.audience.numbers import SealedNumber
from sender.crypto import seal, unseal
from sender.db import Pace, run_below, upsert
from sender.models import (
    Campaign,
    ConsentEvent,
    ImportRun,
    Message,
    Number,
    Program,
    Reply,
    Told,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from sender.runtime import Runtime

TYPES = ("message.updated", "reply.received", "consent.changed", "campaign.updated", "import.updated")
"""Everything an endpoint may want to hear of."""
SLICE = 200
LEDGER = ("ledger", 0)


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing to tell; ``number`` is whose data it holds (None: nobody's)."""

    type: str
    at: datetime
    program_id: int | None
    number: Number | None
    data: dict[str, Any]


Found = tuple[list[Happened], Callable[[Session], None] | None]
"""What has happened, and how to remember that it was told (None: there is nothing to remember)."""


def tell(runtime: Runtime) -> int:
    """Write down what is new, for every endpoint that wants it; returns how many things that were."""
    told = 0
    for look in (_messages, _replies, _consents, _campaigns, _imports):
        with runtime.db.read() as session:
            happened, remember = look(runtime, session)
            endpoints = list(session.execute(select(WebhookEndpoint)).scalars())
            session.expunge_all()
        if remember is None:
            continue
        with runtime.db.write(Pace.BULK, redoable=True) as session:
            remember(session)
            if endpoints and happened:
                _write(runtime, session, happened, [one for one in endpoints if one.status == "live"])
        told += len(happened)
    return told


def wants(endpoint: WebhookEndpoint, kind: str, program_id: int | None) -> bool:
    """Whether the endpoint hears of this. An opt-out of all programs concerns each of them."""
    of_all = program_id is None and kind == "consent.changed"
    return kind in endpoint.events and (not endpoint.programs or of_all or program_id in endpoint.programs)


def deliver_to(endpoint: WebhookEndpoint, event_id: int, real: datetime) -> dict[str, Any]:
    """The row of an event on its way to an endpoint."""
    return {
        "event_id": event_id,
        "endpoint_id": endpoint.id,
        "status": "waiting",
        "tries": 0,
        "next_at": real,
        "error": "",
    }


def _write(
    runtime: Runtime, session: Session, happened: Sequence[Happened], endpoints: Sequence[WebhookEndpoint]
) -> None:
    real = runtime.clock.real()
    rows = [_event(runtime, one, real) for one in happened]
    ids = run_below(session, insert(WebhookEvent).returning(col(WebhookEvent.id), sort_by_parameter_order=True), rows)
    deliveries = [
        deliver_to(endpoint, event_id, real)
        for event_id, one in zip(ids.scalars().all(), happened, strict=True)
        for endpoint in endpoints
        if wants(endpoint, one.type, one.program_id)
    ]
    if deliveries:
        run_below(session, insert(WebhookDelivery.__table__), deliveries)  # type: ignore[attr-defined]


def _event(runtime: Runtime, one: Happened, real: datetime) -> dict[str, Any]:
    body = json.dumps({"type": one.type, "timestamp": written(one.at), "data": one.data}).encode()
    data_key = one.number.data_key if one.number else None
    return {
        "uid": f"evt_{secrets.token_urlsafe(16)}",
        "type": one.type,
        "program_id": one.program_id,
        "number_id": one.number.id if one.number else None,
        "body_cipher": seal(runtime.keys.unwrap(data_key), body) if data_key else runtime.keys.wrap(body),
        "at": real,
    }


def _messages(runtime: Runtime, session: Session) -> Found:
    rows = session.execute(
        select(Message, Number, col(Program.slug))
        .join(Number, col(Number.id) == col(Message.number_id))
        .join(Program, col(Program.id) == col(Message.program_id))
        # Written out, because SQLite takes a partial index (ix_message_untold) for words it can read only.
        .where(col(Message.kind) == literal_column("'api'"), col(Message.told) != col(Message.status))
        .order_by(col(Message.id))
        .limit(SLICE)
    ).all()
    happened = [
        Happened("message.updated", row.changed_at, row.program_id, number, _message(runtime, row, number, slug))
        for row, number, slug in rows
        if number.data_key
    ]
    states = [(row.id, row.status) for row, _, _ in rows]

    def remember(writing: Session) -> None:
        for message_id, status in states:
            writing.execute(update(Message).where(col(Message.id) == message_id).values(told=status))

    return happened, remember if states else None


def _message(runtime: Runtime, row: Message, number: Number, slug: str) -> dict[str, Any]:
    return {
        "id": f"msg_{row.id}",
        "status": row.status,
        "reason": row.reason,
        "program": slug,
        "purpose": row.purpose,
        "to": _opened(runtime, number),
        "error_code": row.error_code,
        "test": row.is_test,
    }


def _replies(runtime: Runtime, session: Session) -> Found:
    statement = (
        select(Reply, Number, col(Program.slug))
        .join(Number, col(Number.id) == col(Reply.number_id))
        .join(Program, col(Program.id) == col(Reply.program_id), isouter=True)
        .where(col(Reply.told) == false())
    )
    rows = session.execute(statement.order_by(col(Reply.id)).limit(SLICE)).all()
    happened = [
        Happened("reply.received", row.received_at, row.program_id, number, _reply(runtime, row, number, slug))
        for row, number, slug in rows
        if number.data_key
    ]
    ids = [row.id for row, _, _ in rows]

    def remember(writing: Session) -> None:
        writing.execute(update(Reply).where(col(Reply.id).in_(ids)).values(told=True))

    return happened, remember if ids else None


def _reply(runtime: Runtime, row: Reply, number: Number, slug: str | None) -> dict[str, Any]:
    words = unseal(runtime.keys.unwrap(number.data_key), row.body_cipher).decode()
    return {
        "id": f"rep_{row.id}",
        "from": _opened(runtime, number),
        "program": slug,
        "text": words,
        "intent": row.intent,
        "certain": row.certain,
        "language": row.language,
    }


def _consents(runtime: Runtime, session: Session) -> Found:
    """Events of the ledger in the order in which they were sealed.

    What was there before the first look, or before anybody wanted to hear of it, is not told.
    """
    newest = int(session.execute(select(func.coalesce(func.max(col(ConsentEvent.sequence)), 0))).scalar_one())
    told = _state_of(session, LEDGER)
    heard = session.execute(select(col(WebhookEndpoint.events))).scalars()
    listened = any("consent.changed" in events for events in heard)
    after = newest if told is None or not listened else int(told)
    rows = session.execute(
        select(ConsentEvent, Number, col(Program.slug))
        .join(Number, col(Number.id) == col(ConsentEvent.number_id))
        .join(Program, col(Program.id) == col(ConsentEvent.program_id), isouter=True)
        .where(col(ConsentEvent.sequence) > after)
        .order_by(col(ConsentEvent.sequence))
        .limit(SLICE)
    ).all()
    happened = [
        Happened("consent.changed", row.recorded_at, row.program_id, number, consent(runtime, row, number, slug))
        for row, number, slug in rows
        if number.data_key
    ]
    last = rows[-1][0].sequence if rows else after

    def remember(writing: Session) -> None:
        _remember(writing, LEDGER[0], {LEDGER[1]: str(last)})

    return happened, remember if told != str(last) else None


def consent(runtime: Runtime, row: ConsentEvent, number: Number, slug: str | None) -> dict[str, Any]:
    """One event of the ledger, as other software is told it. ``program`` None: all programs."""
    return {
        "sequence": row.sequence,
        "number": _opened(runtime, number),
        "program": slug,
        "kind": row.kind,
        "purpose": row.purpose,
        "level": row.level,
        "at": written(row.at),
        "source": row.source,
    }


def _campaigns(runtime: Runtime, session: Session) -> Found:
    states = select(col(Told.subject_id), col(Told.state)).where(col(Told.kind) == "campaign")
    told = dict(session.execute(states).all())
    rows = session.execute(
        select(Campaign, col(Program.slug)).join(Program, col(Program.id) == col(Campaign.program_id))
    ).all()
    fresh = [(row, slug) for row, slug in rows if told.get(row.id) != row.status][:SLICE]
    now = runtime.clock.now()
    happened = [Happened("campaign.updated", now, row.program_id, None, _campaign(row, slug)) for row, slug in fresh]
    changed = {row.id or 0: row.status for row, _ in fresh}
    return happened, (lambda writing: _remember(writing, "campaign", changed)) if changed else None


def _campaign(row: Campaign, slug: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "program": slug,
        "purpose": row.purpose,
        "status": row.status,
        "why": row.paused_why,
    }


def _imports(runtime: Runtime, session: Session) -> Found:
    states = select(col(Told.subject_id), col(Told.state)).where(col(Told.kind) == "import")
    told = dict(session.execute(states).all())
    rows = session.execute(
        select(ImportRun, col(Program.slug)).join(Program, col(Program.id) == col(ImportRun.program_id), isouter=True)
    ).all()
    fresh = [(row, slug) for row, slug in rows if told.get(row.id) != row.status][:SLICE]
    now = runtime.clock.now()
    happened = [Happened("import.updated", now, row.program_id, None, _import(row, slug)) for row, slug in fresh]
    changed = {row.id or 0: row.status for row, _ in fresh}
    return happened, (lambda writing: _remember(writing, "import", changed)) if changed else None


def _import(row: ImportRun, slug: str | None) -> dict[str, Any]:
    return {"id": row.id, "program": slug, "status": row.status, "rows": row.line, "counts": row.counts}


def _state_of(session: Session, which: tuple[str, int]) -> str | None:
    statement = select(col(Told.state)).where(col(Told.kind) == which[0], col(Told.subject_id) == which[1])
    return session.execute(statement).scalar()


def _remember(session: Session, kind: str, states: dict[int, str]) -> None:
    rows = [{"kind": kind, "subject_id": subject, "state": state} for subject, state in states.items()]
    upsert(session, Told, rows, ["kind", "subject_id"])


def _opened(runtime: Runtime, number: Number) -> str:
    return SealedNumber(number.cipher, number.data_key).open(runtime.keys)


def written(at: datetime) -> str:
    """An instant as other software reads it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
