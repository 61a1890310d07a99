"""Conversations as the people who answer see them: who wrote, what was said on both sides, and the answer.

An answer passes the same chain and gate as every other text: not after a STOP, not while a reply of theirs waits for
review, and not later than the program's ``reply_hours`` after their last text.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from guards import sizes
from guards.base import Draft, Kind, Purpose
from guards.chain import Refused, run
from sender.audience.clocks import clocks_of
from sender.audience.crowds import called
from sender.audience.facts import Asked, FactsLoader
from sender.audience.numbers import SealedNumber
from sender.audience.phone import mask
from sender.crypto import unseal
from sender.delivery.answers import plan
from sender.delivery.lines import Line, lines_of
from sender.locks import lock_numbers
from sender.models import Audit, Contact, Conversation, FromNumber, Message, Number, Program, Reply
from sender.runtime import Runtime

VIEWS = ("unread", "mine", "nobody", "all")
LONGEST = 1600
SHOWN = 200
ANSWER_LASTS = timedelta(hours=1)


class InboxError(Exception):
    """The answer cannot be sent, or the conversation not be given, like this; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation in the list; ``said`` is the beginning of the last thing the person wrote."""

    number_id: int
    number: str
    name: str
    brand: str
    unread: int
    assigned_to: str
    last_at: datetime
    said: str


@dataclass(frozen=True, slots=True)
class Said:
    """One text of a conversation. ``ours``: to the person; ``note`` is how a reply was read, or a message's reason."""

    at: datetime
    ours: bool
    text: str
    status: str
    note: str


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation in full, oldest first; ``closed`` says why no answer may go, empty where one may."""

    number_id: int
    number: str
    name: str
    program_id: int | None
    brand: str
    unread: int
    assigned_to: str
    said: list[Said]
    closed: str
    until: datetime | None
    zones: tuple[str, ...]


def talks(
    runtime: Runtime,
    session: Session,
    programs: Collection[int] | None,
    view: str,
    me: str,
    limit: int = 50,
    offset: int = 0,
    latest_first: bool = True,
) -> list[Talk]:
    """The conversations of these programs (None: of all), the latest first or last. ``view`` is one of VIEWS."""
    theirs = select(col(Reply.body_cipher)).where(col(Reply.number_id) == col(Conversation.number_id))
    last = theirs.order_by(col(Reply.id).desc()).limit(1).scalar_subquery()
    statement = (
        select(Conversation, Number, col(Program.brand), last, Contact)
        .join(Number, col(Number.id) == col(Conversation.number_id))
        .outerjoin(Contact, col(Contact.number_id) == col(Conversation.number_id))
        .outerjoin(Program, col(Program.id) == col(Conversation.program_id))
    )
    wanted = {
        "unread": col(Conversation.unread) > 0,
        "mine": col(Conversation.assigned_to) == me,
        "nobody": col(Conversation.assigned_to) == "",
    }
    by = col(Conversation.last_at).desc() if latest_first else col(Conversation.last_at)
    if view in wanted:
        statement = statement.where(wanted[view])
    if programs is not None:
        statement = statement.where(col(Conversation.program_id).in_(programs))
    rows = session.execute(statement.order_by(by).limit(limit).offset(offset)).all()
    return [_talk(runtime, *row) for row in rows]


def unread(session: Session, programs: Collection[int] | None) -> tuple[int, int]:
    """How many replies nobody has looked at, and how many wait for review, in these programs (None: all)."""
    mine = [] if programs is None else [col(Conversation.program_id).in_(programs)]
    count = session.execute(select(func.coalesce(func.sum(col(Conversation.unread)), 0)).where(*mine)).scalar_one()
    theirs = [] if programs is None else [col(Reply.program_id).in_(programs)]
    reviews = select(func.count()).select_from(Reply).where(col(Reply.state) == "review", *theirs)
    return int(count), session.execute(reviews).scalar_one()


def thread(runtime: Runtime, session: Session, number_id: int) -> Thread | None:
    """One conversation; None where there is none."""
    conversation = session.get(Conversation, number_id)
    if conversation is None:
        return None
    number = session.get_one(Number, number_id)
    key = runtime.keys.unwrap(number.data_key)
    program = session.get(Program, conversation.program_id) if conversation.program_id else None
    last = _last(session, number_id)
    until = last.received_at + timedelta(hours=program.reply_hours) if last and program else None
    contact = session.execute(select(Contact).where(col(Contact.number_id) == number_id)).scalar()
    return Thread(
        number_id,
        _masked(runtime, number),
        called(contact.attributes) if contact else "",
        conversation.program_id,
        program.brand if program else "",
        conversation.unread,
        conversation.assigned_to,
        sorted([*_theirs(session, number_id, key), *_ours(session, number_id, key)], key=lambda one: one.at),
        _closed(runtime, session, last, "Hello."),
        until,
        clocks_of(SealedNumber(number.cipher, number.data_key).open(runtime.keys), contact),
    )


def mark_read(runtime: Runtime, number_id: int) -> None:
    """Somebody has looked at everything this person wrote."""
    with runtime.db.write() as session:
        lock_numbers(session, [number_id])
        _found(session, number_id).unread = 0


def assign(runtime: Runtime, number_id: int, to: str, actor: str) -> None:
    """Give a conversation to somebody (an e-mail address), or to nobody (empty)."""
    with runtime.db.write() as session:
        lock_numbers(session, [number_id])
        _found(session, number_id).assigned_to = to
        detail = {"to": to or "nobody"}
        subject = f"number {number_id}"
        session.add(Audit(at=runtime.clock.now(), actor=actor, action="inbox.assign", subject=subject, detail=detail))


def answer(runtime: Runtime, number_id: int, text: str, press: str, actor: str) -> None:
    """Plan a person's answer to the last text of this number; ``press`` makes a button pressed twice one answer.

    InboxError says why it may not go: the chain's own words.
    """
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise InboxError(f"The answer is {'empty' if not words else 'too long'}; write up to {LONGEST:,} characters.")
    with runtime.db.write() as session:
        lock_numbers(session, [number_id])
        conversation = _found(session, number_id)
        last = _last(session, number_id)
        if closed := _closed(runtime, session, last, words):
            raise InboxError(closed)
        assert last is not None  # noqa: S101  _closed has said so otherwise
        line = _line_of(session, last)
        plan(runtime, session, number_id, line, f"reply:{press[:32]}", words, last.id, ANSWER_LASTS)
        conversation.unread = 0
        now, subject = runtime.clock.now(), f"number {number_id}"
        conversation.last_at = now
        conversation.assigned_to = conversation.assigned_to or actor
        detail = {"parts": sizes.parts(words)}
        session.add(Audit(at=now, actor=actor, action="inbox.answer", subject=subject, detail=detail))


def _found(session: Session, number_id: int) -> Conversation:
    found = session.get(Conversation, number_id)
    if found is None:
        raise InboxError("There is no such conversation; it may have been erased.")
    return found


def _last(session: Session, number_id: int) -> Reply | None:
    """The last text of this number that came to a from_number of ours."""
    mine = (col(Reply.number_id) == number_id, col(Reply.from_number_id).is_not(None))
    found: Reply | None = session.execute(select(Reply).where(*mine).order_by(col(Reply.id).desc()).limit(1)).scalar()
    return found


def _line_of(session: Session, reply: Reply) -> Line:
    address = session.get_one(FromNumber, reply.from_number_id).address
    return next(line for line in lines_of(session, address) if line.program_id == reply.program_id)


def _closed(runtime: Runtime, session: Session, last: Reply | None, words: str) -> str:
    """What the gate would say now, in a sentence; empty where it lets the answer pass."""
    if last is None or last.program_id is None:
        return "They wrote to a from_number that no program has, so there is none to answer from."
    asked = Asked(1, last.number_id, last.program_id, Purpose.INFORMATIONAL, last.from_number_id, None, last.id)
    loader = FactsLoader(runtime.keys, runtime.settings.address)
    known = loader.load(session, [asked], runtime.clock.now(), runtime.clock.margin).get(1)
    if known is None:
        return "The person's data was erased."
    outcome = run(Draft(words, Purpose.INFORMATIONAL, Kind.ANSWER, "reply"), known.facts, runtime.chain)
    return (outcome.verdict.note or outcome.verdict.reason) if isinstance(outcome, Refused) else ""


def _theirs(session: Session, number_id: int, key: bytes) -> list[Said]:
    statement = select(Reply).where(col(Reply.number_id) == number_id).order_by(col(Reply.id).desc()).limit(SHOWN)
    return [
        Said(reply.received_at, False, _words(key, reply.body_cipher), _read_as(reply), _media(reply))
        for reply in session.execute(statement).scalars()
    ]


def _ours(session: Session, number_id: int, key: bytes) -> list[Said]:
    statement = select(Message).where(col(Message.number_id) == number_id).order_by(col(Message.id).desc()).limit(SHOWN)
    return [
        Said(one.sent_at or one.created_at, True, _words(key, one.text_cipher), one.status, one.reason)
        for one in session.execute(statement).scalars()
        if one.text_cipher is not None
    ]


def _words(key: bytes, cipher: bytes) -> str:
    """What was said; words that are kept no longer are said to be."""
    return unseal(key, cipher).decode() if cipher else "(no longer kept)"


def _read_as(reply: Reply) -> str:
    if reply.state == "review":
        return "waits for review"
    if reply.decision:
        return f"{'opt-out' if reply.decision == 'opt_out' else 'no wish to stop'}, decided by {reply.decided_by}"
    return {"opt_out": "opt-out", "opt_in": "START", "help": "HELP"}.get(reply.intent, "")


def _media(reply: Reply) -> str:
    return f"with {reply.media} {'picture or file' if reply.media == 1 else 'pictures or files'}" if reply.media else ""


def _masked(runtime: Runtime, number: Number) -> str:
    return mask(SealedNumber(number.cipher, number.data_key).open(runtime.keys))


def _talk(
    runtime: Runtime,
    one: Conversation,
    number: Number,
    brand: str | None,
    cipher: bytes | None,
    contact: Contact | None,
) -> Talk:
    said = _words(runtime.keys.unwrap(number.data_key), cipher) if cipher else ""
    name = called(contact.attributes) if contact else ""
    return Talk(
        one.number_id, _masked(runtime, number), name, brand or "", one.unread, one.assigned_to, one.last_at, said[:120]
    )
