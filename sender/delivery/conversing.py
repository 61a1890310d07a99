"""A reply that is no STOP, START or HELP: a yes to our question, a keyword of the program, or something for people."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience import opt_in_forms, opt_ins
from sender.audience.keywords import normal
from sender.audience.ledger import Act, load_standings, record, standing
from sender.db import upsert
from sender.delivery.answers import is_quiet, plan, words_of
from sender.delivery.lines import Line
from sender.models import Conversation, Message, PreparedAnswer, Reply
from sender.runtime import Runtime

CLARIFIED_WITHIN = timedelta(hours=24)
KEEP = frozenset({"keep", "updates"})
"""What keeps informational texts after a STOP where the program's clarification asked."""


def take(runtime: Runtime, session: Session, reply: Reply, lines: Sequence[Line], body: str, now: datetime) -> None:
    """Do what the reply asks of a machine; whatever no machine understood stands unread in the inbox."""
    line = lines[0] if lines else None
    done = reply.certain and line is not None and _by_machine(runtime, session, reply, line, body, now)
    _converse(session, reply, now, unread=not done)
    if line is not None and reply.certain and not done:
        _say_it_is_late(runtime, session, reply, line, now)


def _by_machine(runtime: Runtime, session: Session, reply: Reply, line: Line, body: str, now: datetime) -> bool:
    word = normal(body)
    if opt_ins.is_yes(body) and (asked := opt_ins.waiting(session, reply.number_id, now)):
        opt_ins.confirm(session, asked, reply, now)
        words = words_of(session, line.program, "start") or words_of(session, line.program, "welcome")
        plan(runtime, session, reply.number_id, line, "start", words, reply.id)
        return True
    if word in KEEP and _was_asked(session, reply.number_id, line, now):
        return _keep_updates(session, reply, line, now)
    if form := opt_in_forms.by_keyword(session, line.program_id, word):
        of_form = {"form": form.form.slug, "version": form.version.version}
        return _join(runtime, session, reply, line, word, form.version.call, of_form, now)
    prepared = _prepared(session, line.program_id, word)
    if prepared is None:
        return False
    if prepared.kind == "join":
        return _join(runtime, session, reply, line, word, words_of(session, line.program, "opt_in"), {}, now)
    if is_quiet(session, reply.number_id, now):
        plan(runtime, session, reply.number_id, line, "auto", prepared.text, reply.id)
    return True


def _prepared(session: Session, program_id: int, word: str) -> PreparedAnswer | None:
    statement = select(PreparedAnswer).where(
        col(PreparedAnswer.program_id) == program_id,
        col(PreparedAnswer.kind).in_(("auto", "join")),
        col(PreparedAnswer.keyword) == word,
        col(PreparedAnswer.retired_at).is_(None),
    )
    found: PreparedAnswer | None = session.execute(statement).scalar()
    return found


def _join(
    runtime: Runtime,
    session: Session,
    reply: Reply,
    line: Line,
    keyword: str,
    shown: str,
    of_form: dict[str, Any],
    now: datetime,
) -> bool:
    """Ask back before a keyword is consent; whoever has said stop comes back by START alone."""
    standings = load_standings(session, [reply.number_id]).get(reply.number_id, [])
    if standing(standings, line.program_id, Purpose.MARKETING).state in ("out", "held"):
        return False
    words = words_of(session, line.program, "confirm")
    evidence = {"reply": reply.sid, "keyword": keyword, **of_form}
    ref = f"join:{reply.sid}"
    asking = opt_ins.Asking(reply.number_id, line.program, "keyword", ref, shown or words, words, evidence)
    opt_ins.ask(session, asking, now)
    plan(runtime, session, reply.number_id, line, "confirm", words, reply.id, opt_ins.ASKED_WITHIN)
    return True


def _was_asked(session: Session, number_id: int, line: Line, now: datetime) -> bool:
    """Whether the last STOP was confirmed with the question of which texts to keep."""
    if not words_of(session, line.program, "clarify"):
        return False
    statement = select(col(Message.id)).where(
        col(Message.number_id) == number_id,
        col(Message.program_id) == line.program_id,
        col(Message.answers) == "stop",
        col(Message.created_at) > now - CLARIFIED_WITHIN,
    )
    return session.execute(statement.limit(1)).scalar() is not None


def _keep_updates(session: Session, reply: Reply, line: Line, now: datetime) -> bool:
    """Silence means all; who answers keeps informational texts at the level that stood, never marketing."""
    rows = load_standings(session, [reply.number_id]).get(reply.number_id, [])
    mine = [row for row in rows if row.program_id == line.program_id and row.state == "out" and row.level != "none"]
    if not mine:
        return False
    evidence = {"reply": reply.sid, "keeps": "informational", "restores": mine[0].event_id}
    ref = f"reply:{reply.sid}:keep"
    act = Act(
        reply.number_id, line.program_id, "opt_in", Purpose.INFORMATIONAL, now, "keyword", ref, "express",
        evidence=evidence,
    )  # fmt: skip
    return bool(record(session, [act], now))


def _converse(session: Session, reply: Reply, now: datetime, *, unread: bool) -> None:
    known = session.get(Conversation, reply.number_id)
    row = {
        "number_id": reply.number_id,
        "program_id": reply.program_id or (known.program_id if known else None),
        "unread": (known.unread if known else 0) + unread,
        "assigned_to": known.assigned_to if known else "",
        "last_at": now,
    }
    upsert(session, Conversation, [row], ["number_id"])


def _say_it_is_late(runtime: Runtime, session: Session, reply: Reply, line: Line, now: datetime) -> None:
    if is_staffed(line.program.desk, now) or not is_quiet(session, reply.number_id, now):
        return
    plan(runtime, session, reply.number_id, line, "away", words_of(session, line.program, "away"), reply.id)


def is_staffed(desk: dict[str, object] | None, now: datetime) -> bool:
    """Whether people answer now: {"zone": IANA name, "hours": [[weekday, start, end] in minutes]}; None: always."""
    if desk is None:
        return True
    local = now.astimezone(ZoneInfo(str(desk["zone"])))
    minute = local.hour * 60 + local.minute
    hours: list[list[int]] = desk["hours"]  # type: ignore[assignment]
    return any(day == local.weekday() and start <= minute < end for day, start, end in hours)
