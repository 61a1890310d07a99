"""Replies that may be a wish to stop: held since they came; a person decides, or a clock where nobody does.

47 CFR 64.1200(a)(10) leaves ten business days; a program's hours stay far below that, and unanswered means opted out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience.ledger import ALL_PROGRAMS, Act, Key, StandingRow, load_standings, record
from sender.audience.numbers import SealedNumber
from sender.audience.opt_outs import settle
from sender.audience.phone import mask
from sender.crypto import unseal
from sender.delivery.answers import CONFIRM_WITHIN, plan, words_of
from sender.delivery.lines import lines_of
from sender.delivery.replies import opt_out_of
from sender.locks import lock_numbers
from sender.models import Audit, ConsentEvent, FromNumber, Number, Program, Reply
from sender.runtime import Runtime

CLOCK = "clock"
DECISIONS = ("opt_out", "harmless", "later")
SLICE = 50
WITHOUT_CLOCK = timedelta(hours=24)
LONGEST = timedelta(hours=240)
"""Ten business days are never fewer hours: whatever a row says, nobody waits longer."""


class ReviewError(Exception):
    """The reply cannot be decided like this; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One reply to be decided: what it says, the words that matched and by which rule, and when the clock decides."""

    id: int
    number: str
    number_id: int
    program_id: int | None
    brand: str
    body: str
    matched: str
    rule: str
    language: str
    received_at: datetime
    review_by: datetime
    put_off: bool


def queue(runtime: Runtime, session: Session, programs: Collection[int] | None = None, most: int = 50) -> list[Waiting]:
    """What waits in these programs (None: all), what the clock decides first in front, what was put off behind it."""
    statement = (
        select(Reply, Number, col(Program.brand))
        .join(Number, col(Number.id) == col(Reply.number_id))
        .outerjoin(Program, col(Program.id) == col(Reply.program_id))
        .where(col(Reply.state) == "review")
    )
    if programs is not None:
        statement = statement.where(col(Reply.program_id).in_(programs))
    order = (col(Reply.put_off_at).is_not(None), col(Reply.put_off_at), col(Reply.review_by), col(Reply.id))
    return [_waiting(runtime, *row) for row in session.execute(statement.order_by(*order).limit(most))]


def decide(runtime: Runtime, reply_id: int, decision: str, actor: str) -> None:
    """Settle one reply: opt_out, harmless (no wish to stop; the hold ends), or later (the clock runs on).

    ReviewError where it is settled already, by whom.
    """
    if decision not in DECISIONS:
        raise ReviewError(f"{decision!r} is no decision; it is one of {', '.join(DECISIONS)}.")
    with runtime.db.write() as session:
        reply = _locked(session, reply_id)
        now = runtime.clock.now()
        if decision == "later":
            reply.put_off_at = now
        else:
            _settle(runtime, session, reply, decision, actor, now)
        subject = f"reply {reply_id}"
        session.add(Audit(at=now, actor=actor, action=f"review.{decision}", subject=subject, detail={"sid": reply.sid}))


def decide_overdue(runtime: Runtime) -> int:
    """Opt out everybody whose reply waited past its program's hours, or past the law's; returns how many replies."""
    now = runtime.clock.now()
    with runtime.db.read() as session:
        late = or_(
            col(Reply.review_by) <= now,
            col(Reply.received_at) <= now - LONGEST,
            col(Reply.review_by).is_(None) & (col(Reply.received_at) <= now - WITHOUT_CLOCK),
        )
        statement = select(col(Reply.id)).where(col(Reply.state) == "review", late).limit(SLICE)
        ids = [reply_id or 0 for reply_id in session.execute(statement).scalars()]
    done = 0
    for reply_id in ids:
        try:
            decide(runtime, reply_id, "opt_out", CLOCK)
            done += 1
        except ReviewError:
            # Somebody was faster; their word stands.
            continue
    return done


def _locked(session: Session, reply_id: int) -> Reply:
    number_id = session.execute(select(col(Reply.number_id)).where(col(Reply.id) == reply_id)).scalar()
    if number_id is None:
        raise ReviewError(f"There is no reply {reply_id}.")
    lock_numbers(session, [number_id])
    reply = session.get_one(Reply, reply_id)
    if reply.state != "review":
        by = f" by {reply.decided_by}" if reply.decided_by else ""
        raise ReviewError(f"Reply {reply_id} is settled already{by}; nothing was changed.")
    return reply


def _settle(runtime: Runtime, session: Session, reply: Reply, decision: str, actor: str, now: datetime) -> None:
    reply.state, reply.decision, reply.decided_at, reply.decided_by = "done", decision, now, actor
    session.flush()
    if decision == "opt_out":
        _opt_out(runtime, session, reply, actor, now)
    elif not _others_wait(session, reply):
        record(session, _releases(session, reply, actor), now)


def _opt_out(runtime: Runtime, session: Session, reply: Reply, actor: str, now: datetime) -> None:
    """It counts from when the person wrote it: a START they sent since then stays the newer word."""
    why = "unanswered in time" if actor == CLOCK else "a person read it"
    scopes = [hold.program_id for hold in _holds(session, reply)]
    acts = [opt_out_of(reply, scope, reply.received_at, by=actor, reason=why) for scope in scopes]
    if record(session, acts, now):
        settle(runtime, session, reply.number_id, scopes)
        if now - reply.received_at < CONFIRM_WITHIN and reply.from_number_id:
            _confirm(runtime, session, reply)


def _confirm(runtime: Runtime, session: Session, reply: Reply) -> None:
    address = session.get_one(FromNumber, reply.from_number_id).address
    for line in lines_of(session, address)[:1]:
        words = words_of(session, line.program, "stop")
        plan(runtime, session, reply.number_id, line, "stop", words, reply.id)


def _holds(session: Session, reply: Reply) -> list[ConsentEvent]:
    statement = select(ConsentEvent).where(
        col(ConsentEvent.number_id) == reply.number_id,
        col(ConsentEvent.kind) == "hold",
        col(ConsentEvent.source_ref).startswith(f"reply:{reply.sid}:"),
    )
    return list(session.execute(statement.order_by(col(ConsentEvent.id))).scalars())


def _others_wait(session: Session, reply: Reply) -> bool:
    """Another reply of the same person that nobody has read yet keeps the hold."""
    mine = (col(Reply.number_id) == reply.number_id, col(Reply.state) == "review")
    return session.execute(select(col(Reply.id)).where(*mine).limit(1)).scalar() is not None


def _releases(session: Session, reply: Reply, actor: str) -> list[Act]:
    """What was held stands again as it stood: the consent's own time, level and end."""
    consents = _consents(session, reply.number_id)
    acts = []
    for row in load_standings(session, [reply.number_id]).get(reply.number_id, []):
        if row.state != "held":
            continue
        consent = consents.get((row.number_id, row.program_id, row.purpose))
        acts.append(_release(reply, row, consent, actor))
    return acts


def _release(reply: Reply, row: StandingRow, consent: ConsentEvent | None, actor: str) -> Act:
    return Act(
        row.number_id,
        row.program_id or None,
        "release",
        Purpose(row.purpose),
        consent.at if consent else reply.received_at,
        "operator",
        f"reply:{reply.sid}:{row.program_id or 'all'}:{row.purpose}:released",
        row.level if consent else "none",
        attested_by=actor,
        lapses_at=consent.lapses_at if consent else None,
        evidence={"reply": reply.sid, "restores": consent.id if consent else None},
    )


def _consents(session: Session, number_id: int) -> dict[Key, ConsentEvent]:
    statement = select(ConsentEvent).where(col(ConsentEvent.number_id) == number_id, col(ConsentEvent.kind) == "opt_in")
    found = session.execute(statement.order_by(col(ConsentEvent.at), col(ConsentEvent.id))).scalars()
    return {(number_id, event.program_id or ALL_PROGRAMS, event.purpose): event for event in found}


def _waiting(runtime: Runtime, reply: Reply, number: Number, brand: str | None) -> Waiting:
    key = runtime.keys.unwrap(number.data_key)
    return Waiting(
        reply.id or 0,
        mask(SealedNumber(number.cipher, number.data_key).open(runtime.keys)),
        reply.number_id,
        reply.program_id,
        brand or "",
        unseal(key, reply.body_cipher).decode(),
        unseal(key, reply.matched_cipher).decode(),
        reply.rule,
        reply.language,
        reply.received_at,
        reply.review_by or reply.received_at + WITHOUT_CLOCK,
        reply.put_off_at is not None,
    )


def program_of(session: Session, reply_id: int) -> int | None:
    """The program a reply came to, 0 where it came to none; None where there is no such reply."""
    found = session.execute(select(col(Reply.id), col(Reply.program_id)).where(col(Reply.id) == reply_id)).first()
    return None if found is None else found[1] or 0
