"""Inbound texts: a STOP is durable before its webhook is answered, and from then on no gate of its scope opens.

Both sides take the same number row: either the gate came first (and at most that one request is on the wire), or the
STOP did and the gate sees it. 47 CFR 64.1200(a)(10) and (12): any reasonable wording, and one confirmation at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Kind, Purpose
from sender.audience.intent import Intent, read
from sender.audience.keywords import provider_reaction
from sender.audience.ledger import Act, load_standings, record
from sender.audience.numbers import find_or_make
from sender.audience.phone import PhoneError, parse
from sender.crypto import seal, text_hash
from sender.db import Pace, insert_new
from sender.locks import lock_numbers
from sender.models import FromNumber, Message, Number, Program, Reply, Wording
from sender.runtime import Runtime
from sender.states import WAITING, Status, advance

CONFIRM_WITHIN = timedelta(minutes=5)
STOPPED = (Purpose.MARKETING.value, Purpose.INFORMATIONAL.value)
TOLL_FREE_WORDS = frozenset({"STOP", "START", "UNSTOP", "HELP", "INFO"})
FROM_PROVIDER = {"STOP": "opt_out", "START": "opt_in", "HELP": "help"}


@dataclass(frozen=True, slots=True)
class InboundText:
    """One text as the webhook brought it; ``opt_out_type`` is Twilio's own reading (Advanced Opt-Out only)."""

    sid: str
    from_: str
    to: str
    body: str
    service_sid: str = ""
    opt_out_type: str = ""
    num_media: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """The from_number that was texted, seen from one program."""

    id: int
    program_id: int
    answers_keywords: bool
    can_receive: bool
    kind: str
    scope: str

    def answers_itself(self, body: str) -> bool:
        """Whether the provider reacts to exactly these words here; on toll-free numbers only to the network's few."""
        if not self.answers_keywords or (self.kind == "toll_free" and body.strip().upper() not in TOLL_FREE_WORDS):
            return False
        return provider_reaction(body) is not None


def receive(runtime: Runtime, inbound: InboundText) -> bool:
    """Keep one reply and do what it asks, durably when this returns; False when it was known already."""
    intent = _intent(inbound)
    try:
        phone = parse(inbound.from_, None)
    except PhoneError:
        return False
    now = runtime.clock.now()
    with runtime.db.write(Pace.URGENT) as session:
        number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
        lock_numbers(session, [number_id])
        lines = _lines(session, inbound)
        reply_id = _keep(runtime, session, inbound, number_id, lines, intent, now)
        if reply_id is None:
            return False
        _act(runtime, session, number_id, lines, intent, inbound.sid, now)
        _answer(runtime, session, number_id, lines, intent, inbound.body, reply_id, now)
    return True


def opt_out_by_link(runtime: Runtime, number_id: int, program_id: int, token: str) -> None:
    """The person's own act on the opt-out page: the same as a STOP to that program."""
    now = runtime.clock.now()
    evidence = {"page": "/o/", "token_hash": text_hash(token).hex()}
    with runtime.db.write(Pace.URGENT) as session:
        lock_numbers(session, [number_id])
        scope = session.execute(select(col(Program.opt_out_scope)).where(col(Program.id) == program_id)).scalar()
        of = None if scope == "all" else program_id
        act = Act(number_id, of, "opt_out", Purpose.MARKETING, now, "preference_page", evidence=evidence)
        record(session, [act], now)
        _block_waiting(runtime, session, number_id, of, now)


def _intent(inbound: InboundText) -> Intent:
    ours = read(inbound.body)
    theirs = FROM_PROVIDER.get(inbound.opt_out_type.upper())
    if theirs is None or theirs == ours.intent:
        return ours
    return Intent(theirs, True, ours.language, f"OptOutType {inbound.opt_out_type}")  # type: ignore[arg-type]


def _lines(session: Session, inbound: InboundText) -> list[_Line]:
    """Every program this from_number or service sends for; one nobody knows stands for all programs."""
    statement = (
        select(
            col(FromNumber.id),
            col(FromNumber.program_id),
            col(FromNumber.answers_keywords),
            col(FromNumber.can_receive),
            col(FromNumber.kind),
            col(Program.opt_out_scope),
        )
        .join(Program, col(Program.id) == col(FromNumber.program_id))
        .where(col(FromNumber.address).in_([address for address in (inbound.to, inbound.service_sid) if address]))
    )
    by_program = {row.program_id: row for row in (_Line(*row) for row in session.execute(statement))}
    return list(by_program.values())


def _keep(
    runtime: Runtime,
    session: Session,
    inbound: InboundText,
    number_id: int,
    lines: Sequence[_Line],
    intent: Intent,
    now: datetime,
) -> int | None:
    known = session.execute(select(col(Reply.id)).where(col(Reply.sid) == inbound.sid)).scalar()
    if known is not None:
        return None
    reply = Reply(
        sid=inbound.sid,
        number_id=number_id,
        from_number_id=lines[0].id if lines else None,
        program_id=lines[0].program_id if lines else None,
        body_cipher=_sealed(runtime, session, number_id, inbound.body),
        intent=intent.intent,
        certain=intent.certain,
        language=intent.language,
        matched_cipher=_sealed(runtime, session, number_id, intent.matched),
        opt_out_type=inbound.opt_out_type,
        state="done" if intent.certain else "review",
        received_at=now,
    )
    session.add(reply)
    session.flush()
    return reply.id


def _sealed(runtime: Runtime, session: Session, number_id: int, words: str) -> bytes:
    data_key = session.execute(select(col(Number.data_key)).where(col(Number.id) == number_id)).scalar_one()
    return seal(runtime.keys.unwrap(data_key), words.encode())


def _act(
    runtime: Runtime,
    session: Session,
    number_id: int,
    lines: Sequence[_Line],
    intent: Intent,
    sid: str,
    now: datetime,
) -> None:
    if intent.intent == "opt_out":
        kind = "opt_out" if intent.certain else "hold"
        acts = [_act_of(number_id, scope, kind, sid, intent, now) for scope in _scopes(lines)]
        record(session, acts, now)
        if intent.certain:
            for act in acts:
                _block_waiting(runtime, session, number_id, act.program_id, now)
    elif intent.intent == "opt_in" and intent.certain:
        record(session, _restored(session, number_id, lines, sid, intent, now), now)


def _scopes(lines: Sequence[_Line]) -> list[int | None]:
    if not lines or any(line.scope == "all" for line in lines):
        return [None]
    return [line.program_id for line in lines]


def _act_of(number_id: int, program_id: int | None, kind: str, sid: str, intent: Intent, now: datetime) -> Act:
    evidence = {"reply": sid, "language": intent.language, "certain": intent.certain}
    ref = f"reply:{sid}:{program_id or 'all'}"
    return Act(number_id, program_id, kind, Purpose.MARKETING, now, "keyword", ref, evidence=evidence)


def _restored(
    session: Session, number_id: int, lines: Sequence[_Line], sid: str, intent: Intent, now: datetime
) -> list[Act]:
    """START gives back what this person's own STOP had taken, at the level it had; it is no new consent by itself."""
    everywhere = any(line.scope == "all" for line in lines)
    programs = {line.program_id for line in lines}
    acts = []
    for row in load_standings(session, [number_id]).get(number_id, []):
        of_here = row.program_id in programs and row.state == "out" and row.level != "none"
        of_all = everywhere and (row.state == "in" or (row.program_id == 0 and row.purpose == "transactional"))
        if not of_here and not of_all:
            continue
        ref = f"reply:{sid}:{row.program_id or 'all'}:{row.purpose}"
        evidence = {"reply": sid, "language": intent.language, "restores": row.event_id}
        level = "express" if row.program_id == 0 else row.level
        program_id, purpose = row.program_id or None, Purpose(row.purpose)
        acts.append(Act(number_id, program_id, "opt_in", purpose, now, "keyword", ref, level, evidence=evidence))
    return acts


def _block_waiting(runtime: Runtime, session: Session, number_id: int, program_id: int | None, now: datetime) -> None:
    """What waits within the scope would be blocked by its gate anyway; say so at once."""
    waiting = [status.value for status in WAITING]
    statement = select(col(Message.id)).where(
        col(Message.number_id) == number_id,
        col(Message.status).in_(waiting),
        col(Message.purpose).in_(STOPPED),
        col(Message.kind) != Kind.ANSWER.value,
    )
    if program_id is not None:
        statement = statement.where(col(Message.program_id) == program_id)
    ids = [message_id for message_id in session.execute(statement).scalars() if message_id is not None]
    advance(session, ids, Status.BLOCKED, now=now, real=runtime.clock.real(), reason="opted_out")


def _answer(
    runtime: Runtime,
    session: Session,
    number_id: int,
    lines: Sequence[_Line],
    intent: Intent,
    body: str,
    reply_id: int,
    now: datetime,
) -> None:
    """Plan the one answer that is due, unless the provider itself answers these words on this from_number.

    Twilio matches one exact word: to "BAJA" or "please stop" it neither reacts nor answers, so we do.
    """
    answers = {"opt_out": "stop", "opt_in": "start", "help": "help"}.get(intent.intent)
    if answers is None or not intent.certain or not lines:
        return
    line = lines[0]
    words = _words(session, line.program_id, answers)
    if not words or not line.can_receive or line.answers_itself(body):
        return
    real = runtime.clock.real()
    row = {
        "program_id": line.program_id,
        "number_id": number_id,
        "from_number_id": line.id,
        "kind": Kind.ANSWER.value,
        "purpose": Purpose.INFORMATIONAL.value,
        "status": Status.PENDING.value,
        "reason": "",
        "text_cipher": _sealed(runtime, session, number_id, words),
        "text_hash": text_hash(words),
        "parts": 1,
        "send_after": now,
        "expires_at": now + CONFIRM_WITHIN,
        "deferrals": 0,
        "tries": 0,
        "reply_id": reply_id,
        "answers": answers,
        "created_at": now,
        "changed_at": now,
        "touched_at": real,
    }
    insert_new(session, Message, [row])


def _words(session: Session, program_id: int, kind: str) -> str:
    statement = select(col(Wording.text)).where(col(Wording.program_id) == program_id, col(Wording.kind) == kind)
    found = session.execute(statement.order_by(col(Wording.version).desc()).limit(1)).scalar()
    return found or ""
