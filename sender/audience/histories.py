"""What happened to one number and to one message, in order: for the command line, pages and evidence."""

from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.archive.past import past_of
from sender.audience.numbers import find
from sender.audience.records import told
from sender.models import ConsentEvent, Message
from sender.runtime import Runtime


def consent_history(runtime: Runtime, session: Session, e164: str) -> list[dict[str, Any]]:
    """Every consent event of a number, oldest first; empty where nobody with it was ever met."""
    number_id = find(session, runtime.keys, e164)
    mine = select(ConsentEvent).where(col(ConsentEvent.number_id) == number_id).order_by(col(ConsentEvent.id))
    wanted = ("kind", "purpose", "level", "at", "source", "wording", "attested_by", "program_id", "sequence")
    return [{name: getattr(event, name) for name in wanted} for event in session.execute(mine).scalars()]


def messages_of(runtime: Runtime, session: Session, e164: str) -> list[int]:
    """The ids of every message to a number, oldest first."""
    number_id = find(session, runtime.keys, e164)
    mine = select(col(Message.id)).where(col(Message.number_id) == number_id).order_by(col(Message.id))
    return [message_id for message_id in session.execute(mine).scalars() if message_id is not None]


def message_history(session: Session, message_id: int) -> dict[str, Any] | None:
    """One message with every decision, attempt and receipt; None where there is no such message."""
    message = session.get(Message, message_id)
    if message is None:
        return None
    past = past_of(session, [message])
    return {
        "message": message.model_dump(exclude={"text_cipher", "text_hash", "archive_page"}),
        "decisions": [
            {**one.model_dump(exclude={"id", "message_id"}), "inputs": told(one.inputs)} for one in past.decisions
        ],
        "attempts": [
            {**one.model_dump(exclude={"id", "message_id", "token"}), "facts": told(one.facts)} for one in past.attempts
        ],
        "receipts": [one.model_dump(exclude={"id", "token"}) for one in past.receipts],
    }
