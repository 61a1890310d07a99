"""Automations as people write them: checked whole, started and paused by people, and who is in them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlmodel import Session, col

from guards.base import Purpose
from guards.content import looks_like_marketing
from sender import audit
from sender.audience.nested_segments import written_out
from sender.audience.segments import SegmentError, parse
from sender.automations import aside
from sender.automations.hours import next_round
from sender.campaigns import findings, starts
from sender.campaigns.rendering import TemplateError, fields_used
from sender.models import Automation, Enrolment, EnrolmentText, Message, Program
from sender.runtime import Runtime
from sender.states import WAITING

MOST_STEPS = 20
LONGEST_WAIT = 365 * 24 * 60
EVENT_TYPE = re.compile(r"[a-z][a-z0-9_.]{0,63}")


class AutomationError(Exception):
    """An automation cannot be kept, started or stopped like this; the sentence says what to mend."""


@dataclass(frozen=True, slots=True)
class StepIn:
    """Wait so many minutes, then text whoever ``only_if`` (a segment, {}: everybody) still fits."""

    text: str
    wait_minutes: int = 0
    only_if: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AutomationIn:
    """An automation as it is written: either ``trigger`` (a type of event) or ``schedule`` begins it.

    ``schedule``: {"weekdays": [0], "at": "10:00", "zone": "America/New_York"}; 0 is Monday, and zone "" each person's.
    """

    name: str
    program: str
    steps: Sequence[StepIn]
    purpose: Purpose = Purpose.MARKETING
    trigger: str = ""
    schedule: Mapping[str, Any] = field(default_factory=dict)
    segment: Mapping[str, Any] = field(default_factory=dict)
    goal: str = ""
    leave_on_reply: bool = True
    again_after_days: int | None = None


def save(
    runtime: Runtime, session: Session, wanted: AutomationIn, actor: str, automation_id: int | None = None
) -> Automation:
    """Check and keep an automation as a draft, a new one or another wording of one that stands still.

    Whoever is in it goes on with the new steps once it is started again.
    """
    program = session.execute(select(Program).where(col(Program.slug) == wanted.program)).scalar_one_or_none()
    if program is None:
        raise AutomationError(f"There is no program {wanted.program!r}.")
    wanted = _written_out(session, wanted)
    _check(wanted, program)
    same = select(col(Automation.id)).where(col(Automation.name) == wanted.name.strip())
    if session.execute(same).scalar() not in (None, automation_id):
        raise AutomationError(f"There is an automation {wanted.name.strip()!r} already; choose another name.")
    now = runtime.clock.now()
    row = session.get_one(Automation, automation_id) if automation_id else None
    if row is not None and row.status == "live":
        raise AutomationError(f"Automation {row.name!r} is live; pause it before you change it.")
    if row is not None:
        _refuse_archived(row)
    row = row or Automation(program_id=program.id or 0, name="", created_by=actor, created_at=now)
    row.program_id, row.name, row.purpose = program.id or 0, wanted.name.strip(), wanted.purpose.value
    row.trigger, row.schedule, row.segment = wanted.trigger, dict(wanted.schedule), dict(wanted.segment)
    row.steps = [asdict(step) for step in wanted.steps]
    row.goal, row.leave_on_reply = wanted.goal, wanted.leave_on_reply
    row.again_after_days, row.status, row.edits = wanted.again_after_days, "draft", row.edits + 1
    session.add(row)
    session.flush()
    audit.note(session, now, actor, "automation.save", f"automation {row.id}", {"name": row.name, "edit": row.edits})
    return row


def start(runtime: Runtime, session: Session, automation_id: int, actor: str) -> None:
    """Let events and hours enter people from now on, and those who are in it go on."""
    row, now = _found(session, automation_id), runtime.clock.now()
    if row.status == "live":
        raise AutomationError(f"Automation {row.name!r} is live already.")
    _refuse_archived(row)
    program = session.get_one(Program, row.program_id)
    row.status, row.started_by, row.round_at = "live", actor, None
    aside.mended(row)
    row.next_at = next_round(row.schedule, starts.zones_of(program.countries), now) if row.schedule else None
    audit.note(session, now, actor, "automation.start", f"automation {row.id}", {"edit": row.edits})


def pause(runtime: Runtime, session: Session, automation_id: int, actor: str) -> None:
    """Let nobody enter and take no step; whoever is in it waits."""
    row = _found(session, automation_id)
    if row.status != "live":
        raise AutomationError(f"Automation {row.name!r} is not live.")
    row.status, row.next_at, row.round_at, row.error = "paused", None, None, ""
    audit.note(session, runtime.clock.now(), actor, "automation.pause", f"automation {row.id}")


@dataclass(frozen=True, slots=True)
class Ending:
    """What ending an automation for good means: people in it (``aside`` of them), who was in it ever, texts waiting."""

    inside: int
    aside: int
    ever: int
    texts: int


def counts(session: Session, automation_id: int) -> dict[str, int]:
    """How many people are in each state of one automation."""
    mine = select(col(Enrolment.state), func.count()).where(col(Enrolment.automation_id) == automation_id)
    return dict(session.execute(mine.group_by(col(Enrolment.state))).all())


def ending(session: Session, automation_id: int) -> Ending:
    """Count what ends with an automation; writes nothing."""
    mine, states = col(Enrolment.automation_id) == automation_id, counts(session, automation_id)
    texts = (
        select(func.count())
        .select_from(EnrolmentText)
        .join(Enrolment, col(Enrolment.id) == col(EnrolmentText.enrolment_id))
        .join(Message, col(Message.id) == col(EnrolmentText.message_id))
        .where(mine, col(Message.status).in_([status.value for status in WAITING]))
    )
    held = states.get("aside", 0)
    waiting = int(session.execute(texts).scalar_one())
    return Ending(states.get("waiting", 0) + held, held, sum(states.values()), waiting)


def end(runtime: Runtime, session: Session, automation_id: int, actor: str) -> str:
    """End an automation for good: "deleted" where nobody was ever in it, else "archived", for what was sent stays.

    The scheduler lets everybody go who is in it and takes back what waits for them. Its name is free again.
    """
    row, now = _found(session, automation_id), runtime.clock.now()
    if row.status == "archived":
        raise AutomationError(f"Automation {row.name!r} is archived already.")
    counted = ending(session, automation_id)
    done = "archived" if counted.ever else "deleted"
    detail = {"name": row.name, "inside": counted.inside, "texts": counted.texts}
    audit.note(session, now, actor, f"automation.{done}", f"automation {row.id}", detail)
    if not counted.ever:
        session.delete(row)
        return done
    row.name, row.status = f"{row.name} (archived {row.id})", "archived"
    row.next_at, row.round_at, row.error = None, None, ""
    return done


def listing(
    session: Session, programs: Collection[int] | None, *, archived: bool = False
) -> list[tuple[Automation, dict[str, int]]]:
    """The automations of these programs (None: all) by name, with how many people are in which state."""
    shelf = col(Automation.status) == "archived"
    statement = select(Automation).where(shelf if archived else ~shelf).order_by(col(Automation.name))
    if programs is not None:
        statement = statement.where(col(Automation.program_id).in_(programs))
    rows = list(session.execute(statement).scalars())
    counted = select(col(Enrolment.automation_id), col(Enrolment.state), func.count())
    found: dict[int, dict[str, int]] = {}
    grouped = counted.group_by(col(Enrolment.automation_id), col(Enrolment.state))
    for automation_id, state, number in session.execute(grouped):
        found.setdefault(automation_id, {})[state] = number
    return [(row, found.get(row.id or 0, {})) for row in rows]


def _found(session: Session, automation_id: int) -> Automation:
    row = session.get(Automation, automation_id, with_for_update=True)
    if row is None:
        raise AutomationError(f"There is no automation {automation_id}.")
    return row


def _refuse_archived(row: Automation) -> None:
    if row.status == "archived":
        raise AutomationError(f"Automation {row.name!r} is archived; write a new one.")


def _written_out(session: Session, wanted: AutomationIn) -> AutomationIn:
    """With the saved segments that its conditions name written out, so that later edits of them change nothing here."""
    try:
        steps = [replace(step, only_if=written_out(session, step.only_if)) for step in wanted.steps]
        return replace(wanted, steps=steps, segment=written_out(session, wanted.segment))
    except SegmentError as error:
        raise AutomationError(f"A condition: {error}") from error


def _check(wanted: AutomationIn, program: Program) -> None:
    if not wanted.name.strip() or len(wanted.name) > 120:
        raise AutomationError("An automation needs a name of at most 120 letters.")
    if wanted.purpose.value not in program.purposes or wanted.purpose is Purpose.CODE:
        raise AutomationError(f"Program {program.slug!r} does not send {wanted.purpose} texts by itself.")
    if bool(wanted.trigger) == bool(wanted.schedule):
        raise AutomationError("An automation begins with an event or at an hour: give one of both.")
    for kind in filter(None, (wanted.trigger, wanted.goal)):
        if not EVENT_TYPE.fullmatch(kind):
            raise AutomationError(f"{kind[:40]!r} is no type of event; write small letters, such as order_shipped.")
    if wanted.goal and wanted.goal == wanted.trigger:
        raise AutomationError("What begins an automation cannot be its goal as well.")
    if wanted.again_after_days is not None and not 0 <= wanted.again_after_days <= 3650:
        raise AutomationError("Days until somebody may enter again go from 0 to 3650.")
    if wanted.schedule:
        _check_schedule(wanted.schedule)
    if not 1 <= len(wanted.steps) <= MOST_STEPS:
        raise AutomationError(f"An automation has 1 to {MOST_STEPS} texts.")
    _segment("who may enter", wanted.segment)
    for place, step in enumerate(wanted.steps, 1):
        _check_step(place, step, wanted.purpose, program)


def _check_schedule(schedule: Mapping[str, Any]) -> None:
    days = schedule.get("weekdays")
    if set(schedule) != {"weekdays", "at", "zone"} or not isinstance(days, list) or not days:
        raise AutomationError('A schedule is {"weekdays": [0], "at": "10:00", "zone": "America/New_York"}.')
    if any(not isinstance(day, int) or isinstance(day, bool) or not 0 <= day <= 6 for day in days):
        raise AutomationError("Weekdays go from 0 (Monday) to 6.")
    try:
        at = time.fromisoformat(str(schedule["at"]))
        _ = ZoneInfo(schedule["zone"]) if schedule["zone"] else None
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise AutomationError("A schedule needs a time such as 10:00 and a zone such as America/New_York.") from error
    if at.tzinfo is not None or at.second or at.microsecond:
        raise AutomationError("The time of a schedule has hours and minutes alone, such as 10:00.")


def _check_step(place: int, step: StepIn, purpose: Purpose, program: Program) -> None:
    if not 0 <= step.wait_minutes <= LONGEST_WAIT:
        raise AutomationError(f"Text {place} waits {step.wait_minutes} minutes; give 0 to a year.")
    _segment(f"text {place}", step.only_if)
    try:
        fields_used(step.text)
        findings.check_template(f"text {place}", step.text, purpose, findings.policy_for(program))
    except (TemplateError, findings.FindingError) as error:
        raise AutomationError(f"Text {place}: {error}") from error
    found = looks_like_marketing(step.text) if purpose is not Purpose.MARKETING else None
    if found is not None:
        raise AutomationError(f"Text {place}: {found.sentence} {found.mend}")


def _segment(what: str, definition: Mapping[str, Any]) -> None:
    try:
        parse(dict(definition))
    except SegmentError as error:
        raise AutomationError(f"The condition of {what}: {error}") from error
