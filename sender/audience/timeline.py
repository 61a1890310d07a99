"""Everything that happened with one number in the order of time: consent, texts with their decisions, replies."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlmodel import Session, col

from sender.archive.past import decisions_of
from sender.audience.clocks import clocks_of
from sender.audience.crowds import called
from sender.audience.erasing import erased_at
from sender.audience.holds import in_words
from sender.audience.numbers import SealedNumber
from sender.audience.phone import mask
from sender.audience.private import data_key_of, opened
from sender.crypto import KeyFileError, Keyring, unseal
from sender.models import Campaign, ConsentEvent, Contact, LegalHold, Message, Number, Reply

Brands = Mapping[int | None, str]
"""What programs are called, by their ids."""
MOST = 100
"""So many of each kind, the newest: a page is read by a person."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. ``kind``: consent, message or reply; ``said`` are words of ours or theirs."""

    at: datetime
    kind: str
    what: str
    program: str
    said: str = ""
    row: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """One number with the contact it may have. ``shown`` is masked, ``e164`` for those who ask the gate.

    ``erased_at`` is when a person was erased who has not come back since; ``held`` is the legal hold that keeps all of
    it, in one sentence.
    """

    number_id: int
    shown: str
    e164: str
    country: str | None
    line_type: str
    state: str
    contact: Contact | None
    name: str
    data_key: bytes | None = field(default=None, repr=False)
    erased_at: datetime | None = None
    held: str = ""

    @property
    def zones(self) -> tuple[str, ...]:
        """The clocks they may be living by."""
        return clocks_of(self.e164, self.contact)


def profile(session: Session, keys: Keyring, number_id: int) -> Profile | None:
    """The number's page; None where there is no such row."""
    keeps = or_(col(LegalHold.number_id) == col(Number.id), col(LegalHold.number_id).is_(None))
    joined = (
        select(Number, Contact, LegalHold)
        .join(Contact, col(Contact.number_id) == col(Number.id), isouter=True)
        .join(LegalHold, and_(keeps, col(LegalHold.released_at).is_(None)), isouter=True)
    )
    row = session.execute(joined.where(col(Number.id) == number_id).order_by(col(LegalHold.id)).limit(1)).first()
    if row is None:
        return None
    number, contact, hold = row
    e164 = _opened(keys, number)
    name = called(contact.attributes) if contact else ""
    shown = mask(e164) if e164 else "erased"
    gone = erased_at(session, number_id) if not e164 else None
    key, held = data_key_of(keys, number), in_words(hold) if hold else ""
    return Profile(
        number_id, shown, e164, number.country, number.line_type, number.state, contact, name, key, gone, held
    )


def timeline(session: Session, profiled: Profile, programs: Collection[int] | None, brands: Brands) -> list[Moment]:
    """What happened, newest first; of programs that this person may look at (None: all), called by their brands."""
    number_id, key = profiled.number_id, profiled.data_key
    found = [
        *_consents(session, number_id, programs, brands, key),
        *_messages(session, number_id, programs, brands, key),
        *_replies(session, number_id, programs, brands, key),
    ]
    return sorted(found, key=lambda moment: moment.at, reverse=True)


def _consents(
    session: Session,
    number_id: int,
    programs: Collection[int] | None,
    brands: Brands,
    key: bytes | None,
) -> list[Moment]:
    wanted = select(ConsentEvent).where(col(ConsentEvent.number_id) == number_id, _seen(ConsentEvent, programs))
    rows = session.execute(wanted.order_by(col(ConsentEvent.id).desc()).limit(MOST)).scalars()
    return [
        Moment(
            event.at,
            "consent",
            event.kind,
            _brand(brands, event.program_id),
            event.wording,
            {**event.model_dump(), "evidence": opened(key, event.evidence)},
        )
        for event in rows
    ]


def _messages(
    session: Session,
    number_id: int,
    programs: Collection[int] | None,
    brands: Brands,
    key: bytes | None,
) -> list[Moment]:
    wanted = select(Message, col(Campaign.name)).join(
        Campaign, col(Campaign.id) == col(Message.campaign_id), isouter=True
    )
    mine = wanted.where(col(Message.number_id) == number_id, _seen(Message, programs))
    rows = session.execute(mine.order_by(col(Message.id).desc()).limit(MOST)).all()
    decisions = _decisions(session, [message for message, _ in rows])
    return [
        Moment(
            message.sent_at or message.created_at,
            "message",
            message.status,
            _brand(brands, message.program_id),
            _text(key, message.text_cipher),
            {
                "reason": message.reason,
                "campaign": name,
                "id": message.id,
                "campaign_id": message.campaign_id,
                "send_after": message.send_after,
                "decisions": decisions.get(message.id or 0, []),
            },
        )
        for message, name in rows
    ]


def _replies(
    session: Session,
    number_id: int,
    programs: Collection[int] | None,
    brands: Brands,
    key: bytes | None,
) -> list[Moment]:
    wanted = select(Reply).where(col(Reply.number_id) == number_id, _seen(Reply, programs))
    rows = session.execute(wanted.order_by(col(Reply.id).desc()).limit(MOST)).scalars()
    return [
        Moment(
            reply.received_at,
            "reply",
            reply.intent,
            _brand(brands, reply.program_id),
            _text(key, reply.body_cipher),
            {"certain": reply.certain, "state": reply.state},
        )
        for reply in rows
    ]


def _decisions(session: Session, texts: list[Message]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for one in decisions_of(session, texts):
        found.setdefault(one.message_id, []).append(one.model_dump(exclude={"inputs"}))
    return found


def _seen(table: Any, programs: Collection[int] | None) -> Any:
    if programs is None:
        return True
    return or_(col(table.program_id).is_(None), col(table.program_id).in_(programs))


def _brand(brands: Brands, program_id: int | None) -> str:
    return brands.get(program_id, "every program")


def _opened(keys: Keyring, number: Number) -> str:
    try:
        return SealedNumber(number.cipher, number.data_key).open(keys)
    except (ValueError, KeyFileError):
        return ""


def _text(key: bytes | None, cipher: bytes | None) -> str:
    return unseal(key, cipher).decode() if key and cipher else ""
