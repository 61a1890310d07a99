"""Who enters an automation: people of whom an event was told, or everybody of a segment when its hour comes round."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from guards.base import Purpose
from sender import audit
from sender.api.wanted import RequestError
from sender.audience.facts import Asked, FactsLoader
from sender.audience.numbers import find_or_make
from sender.audience.phone import PhoneError, parse
from sender.audience.segments import count_contacts, select_contacts, where
from sender.audience.segments import parse as read_segment
from sender.automations import aside
from sender.automations.hours import due_for, next_round
from sender.campaigns import starts
from sender.crypto import seal
from sender.db import insert_new
from sender.halt import is_halted
from sender.locks import lock_numbers
from sender.models import ApiKey, Automation, Contact, Enrolment, Event, Number, Program
from sender.runtime import Runtime

SLICE = 100
LATENESS = timedelta(hours=6)
"""What was due longer ago is not made up for: a scheduler that comes back late sends nothing by itself."""
INSIDE = ("waiting", "aside")
LAST = (1 << 31) - 1
"""Above every contact's id: PostgreSQL's integers end there."""


@dataclass(frozen=True, slots=True)
class EventIn:
    """Something that happened to somebody. ``id`` is the caller's name for it: told again under it, it is the same."""

    id: str
    type: str
    program: str
    to: str
    at: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def keep_event(runtime: Runtime, session: Session, key: ApiKey, wanted: EventIn) -> tuple[Event, bool]:
    """Keep an event for the scheduler; True: it was known. RequestError says what to mend."""
    now = runtime.clock.now()
    found = session.execute(select(col(Program.id)).where(col(Program.slug) == wanted.program)).scalar()
    if found is None or (key.programs and found not in key.programs):
        raise RequestError("unknown_program", f"There is no program {wanted.program!r} that this key may use.")
    try:
        phone = parse(wanted.to, None)
    except PhoneError as error:
        raise RequestError("invalid_number", error.sentence) from error
    number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
    lock_numbers(session, [number_id])
    same = select(Event).where(col(Event.program_id) == found, col(Event.uid) == wanted.id)
    known = session.execute(same).scalar_one_or_none()
    if known is not None:
        return known, True
    data_key = session.get_one(Number, number_id).data_key
    if not data_key:
        raise RequestError("invalid_number", "The data of the person with this number was erased.")
    cipher = seal(runtime.keys.unwrap(data_key), json.dumps(dict(wanted.data)).encode())
    values = {"uid": wanted.id, "program_id": found, "type": wanted.type, "number_id": number_id}
    row = Event(**values, data_cipher=cipher, is_test=key.is_test, at=wanted.at or now, received_at=now)
    session.add(row)
    session.flush()
    return row, False


def enter(runtime: Runtime) -> int:
    """Let people enter by the events that nobody has looked at yet, one transaction each; returns how many events."""
    with runtime.db.read() as session:
        if is_halted(session):
            return 0
        due = (col(Event.state) == "open", aside.due_again(Event, runtime.clock.now()))
        ids = list(session.execute(select(col(Event.id)).where(*due).order_by(col(Event.id)).limit(SLICE)).scalars())
    for event_id in ids:
        with aside.apart(runtime, Event, event_id or 0), runtime.db.write() as session:
            _take(session, event_id or 0, runtime.clock.now())
    return len(ids)


def _take(session: Session, event_id: int, now: datetime) -> None:
    event = session.get_one(Event, event_id)
    lock_numbers(session, [event.number_id])
    session.refresh(event)
    if event.state != "open":
        return
    if now - (event.retry_at or event.received_at) > LATENESS:
        event.state = "late"
        return
    begun = (col(Automation.status) == "live", col(Automation.trigger) == event.type)
    mine = select(Automation).where(*begun, col(Automation.program_id) == event.program_id)
    failed: Exception | None = None
    for automation in session.execute(mine).scalars().all():
        try:
            with session.begin_nested():
                _enter_one(session, automation, event, now)
        except Exception as error:
            # One automation that cannot take it keeps nobody from entering the others.
            failed = error
    if failed is None:
        event.state = "done"
        aside.mended(event)
    else:
        aside.note(event, failed, now)


def _enter_one(session: Session, automation: Automation, event: Event, now: datetime) -> None:
    by_it = (col(Enrolment.automation_id) == automation.id, col(Enrolment.event_id) == event.id)
    if session.execute(select(col(Enrolment.id)).where(*by_it)).first():
        return
    if may_enter(session, automation, event.number_id, now):
        session.add(
            Enrolment(
                automation_id=automation.id or 0,
                number_id=event.number_id,
                event_id=event.id,
                due_at=now + timedelta(minutes=automation.steps[0]["wait_minutes"]),
                is_test=event.is_test,
                entered_at=now,
            )
        )


def may_enter(session: Session, automation: Automation, number_id: int, now: datetime) -> bool:
    """Whether the person is in its segment, and has not been in it, or not for long enough."""
    mine = (col(Enrolment.automation_id) == automation.id, col(Enrolment.number_id) == number_id)
    last = select(Enrolment).where(*mine).order_by(col(Enrolment.id).desc()).limit(1)
    before = session.execute(last).scalar_one_or_none()
    if before is not None:
        again = automation.again_after_days
        is_in_it = before.state in INSIDE
        if is_in_it or again is None or before.entered_at + timedelta(days=again) > now:
            return False
    return is_in(session, automation.segment, number_id, now)


def is_in(session: Session, definition: Mapping[str, Any], number_id: int, now: datetime) -> bool:
    """Whether a segment holds the person with this number; {} holds everybody, known as a contact or not."""
    if not definition:
        return True
    condition = where(read_segment(dict(definition)), now, session.get_bind().dialect.name)
    return count_contacts(session, condition & (col(Contact.number_id) == number_id)) > 0


def come_round(runtime: Runtime) -> int:
    """Begin the rounds whose hour has come, and let a slice of each round's people enter; returns how much was done."""
    with runtime.db.read() as session:
        if is_halted(session):
            return 0
        now, live = runtime.clock.now(), col(Automation.status) == "live"
        mine = select(col(Automation.id)).where(live, aside.due_again(Automation, now))
        due = mine.where(col(Automation.next_at) <= now, col(Automation.round_at).is_(None))
        begun = mine.where(col(Automation.round_at).is_not(None))
        due_ids, begun_ids = (list(session.execute(one).scalars()) for one in (due, begun))
    for automation_id in due_ids:
        with aside.apart(runtime, Automation, automation_id or 0), runtime.db.write() as session:
            _begin(session, automation_id or 0, now)
    return len(due_ids) + sum(_go_on(runtime, automation_id or 0, now) for automation_id in begun_ids)


def _go_on(runtime: Runtime, automation_id: int, now: datetime) -> int:
    """A slice of the round at once; where that fails, person by person, so that only who fails is passed over."""
    try:
        return _enter_slice(runtime, automation_id, now, SLICE)
    except Exception:
        with aside.apart(runtime, Automation, automation_id):
            return sum(_enter_alone(runtime, automation_id, now) for _ in range(SLICE))
    return 1


def _enter_alone(runtime: Runtime, automation_id: int, now: datetime) -> int:
    try:
        return _enter_slice(runtime, automation_id, now, 1)
    except Exception as error:
        with runtime.db.write() as session:
            _pass_over(session, session.get_one(Automation, automation_id, with_for_update=True), error, now)
        return 1


def _pass_over(session: Session, automation: Automation, error: Exception, now: datetime) -> None:
    """Set the next person of the round aside; raises where the round itself cannot be read."""
    condition = where(read_segment(automation.segment), now, session.get_bind().dialect.name)
    (one,) = select_contacts(session, condition, automation.cursor, LAST, 1)
    who = {"automation_id": automation.id, "number_id": one.number_id, "round_at": automation.round_at}
    failed = {"due_at": now, "entered_at": now, "state": "aside", "error": aside.described(error), "tries": 1}
    insert_new(session, Enrolment, [{**who, **failed}])
    automation.cursor = one.contact_id


def _begin(session: Session, automation_id: int, now: datetime) -> None:
    automation = session.get_one(Automation, automation_id, with_for_update=True)
    if automation.status != "live" or automation.next_at is None or automation.next_at > now:
        return
    due = automation.next_at
    automation.next_at = next_round(automation.schedule, _zones(session, automation), now)
    if now - due > LATENESS:
        detail = {"due": due.isoformat()}
        audit.note(session, now, "scheduler", "automation.round_missed", f"automation {automation_id}", detail)
        return
    automation.round_at, automation.cursor = due, 0


def _enter_slice(runtime: Runtime, automation_id: int, now: datetime, size: int) -> int:
    with runtime.db.write() as session:
        automation = session.get_one(Automation, automation_id, with_for_update=True)
        round_at = automation.round_at
        if automation.status != "live" or round_at is None:
            return 0
        condition = where(read_segment(automation.segment), now, session.get_bind().dialect.name)
        some = select_contacts(session, condition, automation.cursor, LAST, size)
        number_ids = [one.number_id for one in some]
        still = (col(Enrolment.automation_id) == automation_id, col(Enrolment.state).in_(INSIDE))
        known = select(col(Enrolment.number_id)).where(*still, col(Enrolment.number_id).in_(number_ids))
        inside = set(session.execute(known).scalars())
        due = _due(runtime, session, automation, number_ids, now)
        wait = timedelta(minutes=automation.steps[0]["wait_minutes"])
        rows = [
            {
                "automation_id": automation_id,
                "number_id": one.number_id,
                "round_at": round_at,
                "step": 0,
                "due_at": due.get(one.number_id, round_at) + wait,
                "state": "waiting",
                "why": "",
                "is_test": False,
                "entered_at": now,
            }
            for one in some
            if one.number_id not in inside
        ]
        if rows:
            insert_new(session, Enrolment, rows)
        done = len(some) < size
        values = {"round_at": None, "cursor": 0} if done else {"cursor": some[-1].contact_id}
        well = {**values, "tries": 0, "retry_at": None, "error": ""}
        session.execute(update(Automation).where(col(Automation.id) == automation_id).values(**well))
        return max(1, len(some))


def _due(
    runtime: Runtime, session: Session, automation: Automation, number_ids: list[int], now: datetime
) -> dict[int, datetime]:
    """When the round reaches each person, by where they may be; asked only where it goes by their own clocks."""
    if automation.schedule["zone"] or automation.round_at is None:
        return {}
    zones, purpose = _zones(session, automation), Purpose(automation.purpose)
    asked = [Asked(one, one, automation.program_id, purpose, None, None) for one in number_ids]
    known = FactsLoader(runtime.keys, runtime.settings.address).load(session, asked, now, runtime.clock.margin)
    return {
        number_id: due_for(automation.schedule, zones, automation.round_at, one.facts.places.zones)
        for number_id, one in known.items()
    }


def _zones(session: Session, automation: Automation) -> tuple[str, ...]:
    return starts.zones_of(session.get_one(Program, automation.program_id).countries)
