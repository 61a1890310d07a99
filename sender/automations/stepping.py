"""One step for one person in one transaction: look whether they leave, wait, ask the condition, ask for the text.

The text goes the way of all texts of the API: judged at once, judged again by the gate. A kill between any two lines
leaves the step untaken or taken once: the row of the step and its message are written together, and its key refuses a
second.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.api.messages import ask
from sender.api.wanted import RequestError, Wanted
from sender.audience.ledger import load_standings, standing
from sender.audience.numbers import SealedNumber
from sender.automations import aside
from sender.automations.entering import INSIDE, LATENESS, SLICE, is_in
from sender.crypto import unseal
from sender.halt import is_halted
from sender.locks import lock_numbers
from sender.models import (
    ApiKey,
    Automation,
    Contact,
    Enrolment,
    EnrolmentText,
    Event,
    Message,
    Number,
    Program,
    Reply,
)
from sender.runtime import Runtime
from sender.states import WAITING, Status, advance


def take_steps(runtime: Runtime) -> int:
    """Take the steps that are due, the oldest first; returns how many people that was."""
    with runtime.db.read() as session:
        if is_halted(session):
            return 0
        due = (col(Enrolment.state) == "waiting", col(Enrolment.due_at) <= runtime.clock.now())
        live = select(col(Enrolment.id)).join(Automation, col(Automation.id) == col(Enrolment.automation_id))
        mine = (aside.due_again(Enrolment, runtime.clock.now()), col(Automation.status) == "live")
        ids = list(session.execute(live.where(*due, *mine).order_by(col(Enrolment.due_at)).limit(SLICE)).scalars())
    for enrolment_id in ids:
        with aside.apart(runtime, Enrolment, enrolment_id or 0), runtime.db.write() as session:
            take_step(runtime, session, enrolment_id or 0)
    return len(ids)


def take_step(runtime: Runtime, session: Session, enrolment_id: int) -> None:
    """Take the next step of one person, if it is still due now that their number is held."""
    row, now = session.get_one(Enrolment, enrolment_id), runtime.clock.now()
    lock_numbers(session, [row.number_id])
    session.refresh(row)
    automation = session.get_one(Automation, row.automation_id)
    if row.state != "waiting" or row.due_at > now or automation.status != "live":
        return
    number = session.get_one(Number, row.number_id)
    if why := _why_leave(session, automation, row, number, now):
        _end(row, "left", why, now)
        return
    steps = automation.steps
    if row.step < len(steps):
        message_id, why_not = _text(runtime, session, automation, row, number, steps[row.step], now)
        session.add(EnrolmentText(enrolment_id=enrolment_id, step=row.step, message_id=message_id, why_not=why_not))
    row.step += 1
    aside.mended(row)
    if row.step < len(steps):
        row.due_at = now + timedelta(minutes=steps[row.step]["wait_minutes"])
    else:
        _end(row, "done", "", now)
    session.add(row)


def leave(runtime: Runtime) -> int:
    """Let go whoever replied, reached the goal or is in what was archived, and take back their texts; returns how many.

    A STOP needs nothing here: it blocks what waits in its own transaction, and the next step finds it.
    """
    now, real = runtime.clock.now(), runtime.clock.real()
    with runtime.db.read() as session:
        ids = _leaving(session, now)
    for enrolment_id in ids:
        with aside.apart(runtime, Enrolment, enrolment_id), runtime.db.write() as session:
            row = session.get_one(Enrolment, enrolment_id)
            lock_numbers(session, [row.number_id])
            session.refresh(row)
            why = _why_go(session, session.get_one(Automation, row.automation_id), row)
            texts = select(col(EnrolmentText.message_id)).where(col(EnrolmentText.enrolment_id) == enrolment_id)
            waiting = [one for one in session.execute(texts).scalars() if one is not None]
            advance(session, waiting, Status.CANCELLED, now=now, real=real, reason="automation_left")
            if row.state in INSIDE and why:
                _end(row, "left", why, now)
    return len(ids)


def _leaving(session: Session, now: datetime) -> list[int]:
    """Enrolments that go on, or whose texts wait, although the person replied, reached the goal, or it was archived."""
    waiting = (
        select(col(EnrolmentText.enrolment_id))
        .join(Message, col(Message.id) == col(EnrolmentText.message_id))
        .where(col(Message.campaign_id).is_(None), col(Message.status).in_([status.value for status in WAITING]))
    )
    replied = and_(
        col(Automation.leave_on_reply),
        select(col(Reply.id))
        .where(col(Reply.number_id) == col(Enrolment.number_id), col(Reply.received_at) > col(Enrolment.entered_at))
        .where(or_(col(Reply.program_id).is_(None), col(Reply.program_id) == col(Automation.program_id)))
        .exists(),
    )
    reached = and_(
        col(Automation.goal) != "",
        select(col(Event.id))
        .where(col(Event.number_id) == col(Enrolment.number_id), col(Event.type) == col(Automation.goal))
        .where(col(Event.program_id) == col(Automation.program_id), col(Event.received_at) >= col(Enrolment.entered_at))
        .exists(),
    )
    over = col(Automation.status) == "archived"
    statement = select(col(Enrolment.id)).join(Automation, col(Automation.id) == col(Enrolment.automation_id))
    goes_on = or_(col(Enrolment.state).in_(INSIDE), col(Enrolment.id).in_(waiting))
    due = aside.due_again(Enrolment, now)
    found = session.execute(statement.where(goes_on, due, or_(replied, reached, over)).limit(SLICE)).scalars()
    return [one or 0 for one in found]


def _why_leave(session: Session, automation: Automation, row: Enrolment, number: Number, now: datetime) -> str:
    """Why nothing more is sent to this person, empty where it goes on."""
    if not number.data_key:
        return "erased"
    rows = load_standings(session, [row.number_id]).get(row.number_id, [])
    if standing(rows, automation.program_id, Purpose(automation.purpose)).state == "out":
        return "stopped"
    if now - row.due_at > LATENESS:
        return "late"
    return _why_go(session, automation, row)


def _why_go(session: Session, automation: Automation, row: Enrolment) -> str:
    if automation.status == "archived":
        return "archived"
    mine = (col(Reply.number_id) == row.number_id, col(Reply.received_at) > row.entered_at)
    ours = or_(col(Reply.program_id).is_(None), col(Reply.program_id) == automation.program_id)
    said = set(session.execute(select(col(Reply.intent)).where(*mine, ours)).scalars())
    if said and automation.leave_on_reply:
        return "stopped" if "opt_out" in said else "replied"
    reached = (
        col(Event.number_id) == row.number_id,
        col(Event.program_id) == automation.program_id,
        col(Event.type) == automation.goal,
        col(Event.received_at) >= row.entered_at,
    )
    if automation.goal and session.execute(select(col(Event.id)).where(*reached).limit(1)).first():
        return "goal"
    return ""


def _end(row: Enrolment, state: str, why: str, now: datetime) -> None:
    row.state, row.why, row.ended_at = state, why, now


def _text(
    runtime: Runtime,
    session: Session,
    automation: Automation,
    row: Enrolment,
    number: Number,
    step: dict[str, Any],
    now: datetime,
) -> tuple[int | None, str]:
    """Ask for the step's text; returns its message, or why there is none."""
    if not is_in(session, step["only_if"], row.number_id, now):
        return None, "condition"
    program = session.get_one(Program, automation.program_id)
    to = SealedNumber(number.cipher, number.data_key).open(runtime.keys)
    data = _data(runtime, session, row, number)
    wanted = Wanted(to, program.slug, Purpose(automation.purpose), template=step["text"], data=data)
    # Not a key that anybody holds: the automation asks in its own name, as live or as test as what began it.
    asking = ApiKey(public_id="", secret_hash="", name=automation.name, created_by="", created_at=now)
    asking.programs, asking.is_test = [automation.program_id], row.is_test
    (said,) = ask(runtime, session, asking, [wanted])
    return (None, said.code) if isinstance(said, RequestError) else (said.message_id, "")


def _data(runtime: Runtime, session: Session, row: Enrolment, number: Number) -> dict[str, Any]:
    """What the fields of a text hold: the contact's attributes, and over them what the event said."""
    mine = col(Contact.number_id) == row.number_id
    attributes = session.execute(select(col(Contact.attributes)).where(mine)).scalar()
    event = session.get(Event, row.event_id) if row.event_id else None
    told = json.loads(unseal(runtime.keys.unwrap(number.data_key), event.data_cipher)) if event else {}
    return {**(attributes or {}), **told}
