"""Inbound texts: a STOP is durable before its webhook is answered, and from then on no gate of its scope opens.

Both sides take the same number row: either the gate came first (and at most that one request is on the wire), or the
STOP did and the gate sees it. 47 CFR 64.1200(a)(10) and (12): any reasonable wording, and one confirmation at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience.intent import Intent, read
from sender.audience.ledger import Act, record
from sender.audience.numbers import Dialled, find_or_make, renew
from sender.audience.opt_outs import scopes_by, settle
from sender.audience.phone import PhoneError, parse
from sender.db import Pace
from sender.delivery import conversing
from sender.delivery.answers import plan, sealed, words_of
from sender.delivery.lines import Line, lines_of
from sender.locks import insistent, lock_numbers
from sender.models import Reply
from sender.runtime import Runtime

RCS = "rcs:"
FROM_PROVIDER = {"STOP": "opt_out", "START": "opt_in", "HELP": "help"}
LONGEST_ADDRESS = 64


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
class _Stranger:
    """A sender that is no phone number we know the shape of: a short code, a name, a range opened yesterday."""

    e164: str
    region: str | None = None
    line_type: str = "unknown"


@insistent
def receive(runtime: Runtime, inbound: InboundText) -> bool:
    """Keep one reply and do what it asks, durably when this returns; False when it was known already."""
    intent = _intent(inbound)
    phone = _sender(inbound.from_)
    now = runtime.clock.now()
    with runtime.db.write(Pace.URGENT) as session:
        number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
        lock_numbers(session, [number_id])
        renew(session, runtime.keys, number_id, phone, now)
        lines = lines_of(session, inbound.to, inbound.service_sid)
        reply = _keep(runtime, session, inbound, number_id, lines, intent, now)
        if reply is None:
            return False
        _act(runtime, session, reply, lines, intent, inbound, now)
        if not isinstance(phone, _Stranger):
            _answer(runtime, session, reply, lines, intent, inbound)
    return True


def opt_out_of(reply: Reply, scope: int | None, at: datetime, kind: str = "opt_out", **more: str) -> Act:
    """The ledger's act of a reply that stops, or may stop, the texts of a scope."""
    evidence = {"reply": reply.sid, "rule": reply.rule, "language": reply.language, "certain": reply.certain, **more}
    decided = ":decided" if more else ""
    ref = f"reply:{reply.sid}:{scope or 'all'}{decided}"
    by = more.get("by", "")
    return Act(
        reply.number_id, scope, kind, Purpose.MARKETING, at, "keyword", ref, attested_by=by, evidence=dict(evidence)
    )


def _sender(text: str) -> Dialled:
    """Whoever wrote: what cannot be a number is kept under its own spelling, so that no STOP is lost for its sender.

    A reply by RCS comes from the same phone, and Twilio's opt-outs are one for SMS, MMS and RCS since March 2026.
    """
    try:
        return parse(text[len(RCS) :] if text.lower().startswith(RCS) else text, None)
    except PhoneError:
        return _Stranger(text.strip()[:LONGEST_ADDRESS])


def _intent(inbound: InboundText) -> Intent:
    ours = read(inbound.body)
    theirs = FROM_PROVIDER.get(inbound.opt_out_type.upper())
    if theirs is None or (theirs == ours.intent and ours.certain):
        return ours
    rule = f"OptOutType {inbound.opt_out_type}"
    return Intent(theirs, True, ours.language, inbound.body.strip(), rule)  # type: ignore[arg-type]


def _keep(
    runtime: Runtime,
    session: Session,
    inbound: InboundText,
    number_id: int,
    lines: Sequence[Line],
    intent: Intent,
    now: datetime,
) -> Reply | None:
    known = session.execute(select(col(Reply.id)).where(col(Reply.sid) == inbound.sid)).scalar()
    if known is not None:
        return None
    body, matched = sealed(runtime, session, number_id, inbound.body, intent.matched)
    reply = Reply(
        sid=inbound.sid,
        number_id=number_id,
        from_number_id=lines[0].from_number.id if lines else None,
        program_id=lines[0].program_id if lines else None,
        body_cipher=body,
        intent=intent.intent,
        certain=intent.certain,
        language=intent.language,
        matched_cipher=matched,
        opt_out_type=inbound.opt_out_type,
        rule=intent.rule,
        media=inbound.num_media,
        state=_state(intent),
        review_by=None if intent.certain else now + _review_time(lines),
        received_at=now,
    )
    session.add(reply)
    session.flush()
    return reply


def _state(intent: Intent) -> str:
    if not intent.certain:
        return "review"
    return "asking" if intent.intent == "opt_in" else "done"


def _review_time(lines: Sequence[Line]) -> timedelta:
    return timedelta(hours=min((line.program.review_hours for line in lines), default=24))


def _act(
    runtime: Runtime,
    session: Session,
    reply: Reply,
    lines: Sequence[Line],
    intent: Intent,
    inbound: InboundText,
    now: datetime,
) -> None:
    """A wish to stop takes effect here; a START waits for its time (restoring.py); the rest is for people."""
    if intent.intent == "opt_out":
        kind = "opt_out" if intent.certain else "hold"
        scopes = scopes_by([line.program for line in lines])
        record(session, [opt_out_of(reply, scope, now, kind) for scope in scopes], now)
        if intent.certain:
            settle(runtime, session, reply.number_id, scopes)
    if intent.intent == "none" or not intent.certain:
        conversing.take(runtime, session, reply, lines, inbound.body, now)


def _answer(
    runtime: Runtime, session: Session, reply: Reply, lines: Sequence[Line], intent: Intent, inbound: InboundText
) -> None:
    """Plan the one answer that is due, unless the provider itself answers these words on this from_number.

    Twilio matches one exact word: to "BAJA" or "please stop" it neither reacts nor answers, so we do. A START is
    answered when it has been found to count.
    """
    answers = {"opt_out": "stop", "help": "help"}.get(intent.intent)
    if answers is None or not intent.certain or not lines:
        return
    line = lines[0]
    if line.answers_itself(inbound.body, inbound.opt_out_type):
        return
    words = words_of(session, line.program, "clarify") if answers == "stop" else ""
    words = words or words_of(session, line.program, answers)
    plan(runtime, session, reply.number_id, line, answers, words, reply.id)
