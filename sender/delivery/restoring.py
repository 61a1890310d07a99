"""START: gives back what this person's own STOP had taken, once the provider has said that it is the newer of the two.

Twilio's webhook does not say when a text was sent, and one that failed is repeated later: an old START would lift a
newer STOP. So it waits a moment, and the provider's own record is asked for the times of both. A STOP never waits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import select, update
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience.ledger import ALL_PROGRAMS, Act, StandingRow, load_standings, record
from sender.crypto import unseal
from sender.delivery.answers import plan, words_of
from sender.delivery.lines import Line, lines_of
from sender.delivery.wire import Wire
from sender.locks import lock_numbers
from sender.models import ConsentEvent, FromNumber, Number, Reply
from sender.providers.base import SendError
from sender.runtime import Runtime

log = structlog.get_logger()
SLICE = 20
STOPS_ASKED = 10
"""So many of a number's last stops are compared; older ones came before them."""


class Text(NamedTuple):
    """One reply whose time counts."""

    id: int
    sid: str
    number_id: int
    sent_at: datetime | None
    received_at: datetime


def restore_some(runtime: Runtime, wire: Wire) -> int:
    """Weigh up to twenty STARTs that wait; returns how many were settled. One whose time cannot be asked waits on."""
    with runtime.db.read() as session:
        waiting = _texts(session, SLICE, col(Reply.state) == "asking")
        stops = {start.id: _stops_of(session, start.number_id) for start in waiting}
    settled = 0
    for start in waiting:
        try:
            times = {text.sid: _time(runtime, wire, text) for text in (start, *stops[start.id])}
        except SendError as error:
            log.warning("the provider could not say when a START was sent", why=error.sentence)
            continue
        settled += _settle(runtime, start, times)
    return settled


def _texts(session: Session, most: int, *which: object) -> list[Text]:
    columns = [getattr(Reply, name) for name in Text._fields]
    rows = session.execute(select(*columns).where(*which).order_by(col(Reply.id).desc()).limit(most))  # type: ignore[arg-type]
    return [Text(*row) for row in rows]


def _stops_of(session: Session, number_id: int) -> list[Text]:
    return _texts(session, STOPS_ASKED, col(Reply.number_id) == number_id, col(Reply.intent) == "opt_out")


def _time(runtime: Runtime, wire: Wire, text: Text) -> datetime | None:
    return text.sent_at or wire.ask(runtime.provider.received_at(text.sid))


def _settle(runtime: Runtime, start: Text, times: dict[str, datetime | None]) -> int:
    """Restore under the number's lock; a STOP that came meanwhile has the START asked for anew."""
    with runtime.db.write() as session:
        lock_numbers(session, [start.number_id])
        reply = session.get_one(Reply, start.id)
        stops = _stops_of(session, start.number_id)
        if reply.state != "asking" or any(stop.sid not in times for stop in stops):
            return 0
        for sid, sent_at in times.items():
            session.execute(update(Reply).where(col(Reply.sid) == sid).values(sent_at=sent_at))
        reply.state = "done"
        sent_at = times[start.sid]
        newest = max((times[stop.sid] or stop.received_at for stop in stops), default=None)
        if sent_at is None or (newest is not None and sent_at <= newest):
            return 1
        _restore(runtime, session, reply, sent_at)
        return 1


def _restore(runtime: Runtime, session: Session, reply: Reply, sent_at: datetime) -> None:
    lines = _lines(session, reply)
    acts = restored(session, reply, [line.program_id for line in lines], _everywhere(lines), sent_at)
    if record(session, acts, runtime.clock.now()) and lines:
        body = _body(runtime, session, reply)
        if not lines[0].answers_itself(body, reply.opt_out_type):
            words = words_of(session, lines[0].program, "start")
            plan(runtime, session, reply.number_id, lines[0], "start", words, reply.id)


def restored(session: Session, reply: Reply, programs: Sequence[int], everywhere: bool, sent_at: datetime) -> list[Act]:
    """The acts of a START: what was taken from this person here comes back at the level it had; never more."""
    rows = load_standings(session, [reply.number_id]).get(reply.number_id, [])
    ended = {row.purpose for row in rows if row.program_id == ALL_PROGRAMS and row.state in ("out", "held")}
    acts = []
    for row in rows:
        taken = row.state in ("out", "held")
        of_here = row.program_id in programs and row.level != "none" and (taken or row.purpose in ended)
        of_all = everywhere and (row.state == "in" or (row.program_id == 0 and row.purpose == "transactional"))
        if (of_here or of_all) and not _newer_by_another_door(session, row, sent_at):
            acts.append(_act(reply, row))
    return acts


def _newer_by_another_door(session: Session, row: StandingRow, sent_at: datetime) -> bool:
    """An opt-out that was no reply has only our own time to be compared with."""
    event = session.get_one(ConsentEvent, row.event_id)
    return row.state != "in" and "reply" not in event.evidence and row.as_of >= sent_at


def _act(reply: Reply, row: StandingRow) -> Act:
    ref = f"reply:{reply.sid}:{row.program_id or 'all'}:{row.purpose}"
    evidence = {"reply": reply.sid, "language": reply.language, "rule": reply.rule, "restores": row.event_id}
    level = "express" if row.program_id == ALL_PROGRAMS else row.level
    return Act(
        reply.number_id, row.program_id or None, "opt_in", Purpose(row.purpose), reply.received_at, "keyword", ref,
        level, evidence=evidence,
    )  # fmt: skip


def _lines(session: Session, reply: Reply) -> list[Line]:
    line = session.get(FromNumber, reply.from_number_id) if reply.from_number_id else None
    return lines_of(session, line.address) if line else []


def _everywhere(lines: Sequence[Line]) -> bool:
    return any(line.program.opt_out_scope == "all" for line in lines)


def _body(runtime: Runtime, session: Session, reply: Reply) -> str:
    data_key = session.get_one(Number, reply.number_id).data_key
    return unseal(runtime.keys.unwrap(data_key), reply.body_cipher).decode()
