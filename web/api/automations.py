"""Events in, and the automations that they begin."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from guards.base import Purpose
from sender.api.wanted import RequestError
from sender.automations import writing
from sender.automations.entering import EventIn, keep_event
from sender.automations.writing import AutomationError, AutomationIn, StepIn
from sender.models import Automation, Program
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import NO_CONTROLS, Asked, Instant, Name, PhoneText, Scalar, Slug, named, shape

EventType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
EVENT = {
    "id": "order-1042-shipped",
    "type": "order_shipped",
    "program": "acme",
    "to": "+12125550123",
    "data": {"order": "1042", "first_name": "Ana"},
}
STEPS = [
    {"wait_minutes": 60, "only_if": {}, "text": "Hi {{ first_name | default('there') }}, your order is on its way."},
    {"wait_minutes": 4320, "only_if": {"field": "country", "is": "US"}, "text": "Did it arrive? Reply and tell us."},
]
AUTOMATION: dict[str, Any] = {
    "name": "Order shipped",
    "program": "acme",
    "purpose": "transactional",
    "trigger": "order_shipped",
    "schedule": None,
    "segment": {},
    "steps": STEPS,
    "goal": "order_received",
    "leave_on_reply": True,
    "again_after_days": 0,
}

door = ApiDoor("api_automations", __name__)


class EventWrite(Asked):
    """Something that happened to somebody."""

    model_config = shape(EVENT, strict=True)
    id: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_CONTROLS)] = Field(
        description="Your own name for it: told again under it, it is the same event."
    )
    type: EventType = Field(description="What automations begin or end with, such as `order_shipped`.")
    program: Slug
    to: PhoneText
    at: Instant | None = Field(default=None, description="When it happened.")
    data: dict[Name, Scalar] = Field(default_factory=dict, max_length=100, description="Fields of the texts.")


class EventOut(BaseModel):
    """An event that is kept."""

    model_config = shape({"id": "order-1042-shipped", "type": "order_shipped", "repeated": False})
    id: str
    type: str
    repeated: bool = Field(description="It was known under this id; nothing happens a second time.")


class StepWrite(Asked):
    """Wait, ask the condition, send the text."""

    model_config = shape(STEPS[0], strict=True)
    text: Words = Field(description="Words with fields, of the contact's attributes and the event's data.")
    wait_minutes: int = Field(default=0, ge=0, le=525_600)
    only_if: dict[str, Any] = Field(default_factory=dict, description="A segment; {}: everybody.")


class ScheduleWrite(Asked):
    """The hours at which everybody of the segment enters."""

    model_config = shape({"weekdays": [0], "at": "10:00", "zone": "America/New_York"}, strict=True)
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = Field(min_length=1, max_length=7, description="0 is Monday.")
    at: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    zone: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+/-]*$")] = Field(
        default="", description="An IANA name; empty: by the clock of each person's own place."
    )


class AutomationWrite(Asked):
    """An automation: give `trigger` or `schedule`, one of both."""

    model_config = shape(AUTOMATION, strict=True)
    name: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=NO_CONTROLS)]
    program: Slug
    purpose: Purpose = Purpose.MARKETING
    trigger: EventType | None = None
    schedule: ScheduleWrite | None = None
    segment: dict[str, Any] = Field(default_factory=dict, description="Who may enter; {}: everybody.")
    steps: list[StepWrite] = Field(min_length=1, max_length=20)
    goal: EventType | None = Field(default=None, description="An event of this type ends it for the person.")
    leave_on_reply: bool = True
    again_after_days: int | None = Field(default=None, ge=0, le=3650, description="Null: a person enters once.")


class AutomationOut(BaseModel):
    """An automation, and how many people are in it."""

    model_config = shape(
        {
            **AUTOMATION,
            "id": "aut_3",
            "status": "live",
            "next_at": None,
            "waiting": 12,
            "aside": 0,
            "done": 80,
            "left": 9,
        }
    )
    id: str
    name: str
    program: str
    purpose: Purpose
    status: Literal["draft", "live", "paused"]
    trigger: str | None
    schedule: dict[str, Any] | None
    segment: dict[str, Any]
    steps: list[dict[str, Any]]
    goal: str | None
    leave_on_reply: bool
    again_after_days: int | None
    next_at: datetime | None = Field(description="When the schedule comes round next.")
    waiting: int
    aside: int = Field(description="Set aside after an error; its page shows why.")
    done: int
    left: int


class AutomationEnded(BaseModel):
    """What the end of an automation meant."""

    model_config = shape({"id": "aut_3", "outcome": "archived", "inside": 12, "texts": 3})
    id: str
    outcome: Literal["deleted", "archived"] = Field(description="Deleted where nobody was ever in it.")
    inside: int = Field(description="People who were in it.")
    texts: int = Field(description="Texts that waited.")


class AutomationList(BaseModel):
    """Every automation of the key's programs, by name."""

    model_config = shape(
        {
            "data": [
                {
                    **AUTOMATION,
                    "id": "aut_3",
                    "status": "live",
                    "next_at": None,
                    "waiting": 12,
                    "aside": 0,
                    "done": 80,
                    "left": 9,
                }
            ]
        }
    )
    data: list[AutomationOut]


@door.operation(
    "POST", "/events", scope="events:write", body=EventWrite, answer=EventOut, status=201, makes=True,
    problems=("unknown_program", "invalid_number"),
)  # fmt: skip
def tell_event(call: Call, body: EventWrite) -> EventOut:
    """Tell of something that happened: it begins automations, and ends those whose goal it is."""
    wanted = EventIn(body.id, body.type, body.program, body.to, body.at, body.data)
    try:
        row, repeated = keep_event(call.runtime, call.session, call.key, wanted)
    except RequestError as error:
        raise ApiProblem(error.code, str(error)) from error
    return EventOut(id=row.uid, type=row.type, repeated=repeated)


@door.operation(
    "POST", "/automations", scope="automations:write", body=AutomationWrite, answer=AutomationOut, status=201,
    makes=True, problems=("unknown_program", "invalid_automation"),
)  # fmt: skip
def create_automation(call: Call, body: AutomationWrite) -> AutomationOut:
    """Keep a draft. Only a person starts it, on its page."""
    steps = [StepIn(step.text, step.wait_minutes, step.only_if) for step in body.steps]
    wanted = AutomationIn(
        body.name, body.program, steps, body.purpose, body.trigger or "",
        body.schedule.model_dump() if body.schedule else {}, body.segment, body.goal or "", body.leave_on_reply,
        body.again_after_days,
    )  # fmt: skip
    try:
        row = writing.save(call.runtime, call.session, wanted, call.key.actor)
    except AutomationError as error:
        raise ApiProblem("invalid_automation", str(error)) from error
    if not call.may_use(row.program_id):
        raise ApiProblem("unknown_program", f"There is no program {body.program!r} that this key may use.")
    return _told(call, row, {})


@door.operation("GET", "/automations", scope="automations:read", answer=AutomationList)
def list_automations(call: Call) -> AutomationList:
    """Every automation of this key's programs, with how many people are in it."""
    found = writing.listing(call.session, call.key.programs or None)
    return AutomationList(data=[_told(call, row, counts) for row, counts in found])


@door.operation(
    "GET", "/automations/<automation_id>", scope="automations:read", answer=AutomationOut, problems=("not_found",)
)
def show_automation(call: Call, automation_id: str) -> AutomationOut:
    """One automation."""
    return _told(call, *_found(call, automation_id))


@door.operation(
    "POST", "/automations/<automation_id>/pause", scope="automations:write", answer=AutomationOut, makes=True,
    problems=("not_found", "not_live"),
)  # fmt: skip
def pause_automation(call: Call, automation_id: str) -> AutomationOut:
    """Let nobody enter and take no step until a person starts it again."""
    row, counts = _found(call, automation_id)
    try:
        writing.pause(call.runtime, call.session, row.id or 0, call.key.actor)
    except AutomationError as error:
        raise ApiProblem("not_live", str(error)) from error
    return _told(call, row, counts)


@door.operation(
    "DELETE", "/automations/<automation_id>", scope="automations:write", answer=AutomationEnded, problems=("not_found",)
)
def end_automation(call: Call, automation_id: str) -> AutomationEnded:
    """End it for good: people in it get nothing more of it, and what waits is taken back within minutes."""
    row, _ = _found(call, automation_id)
    counted = writing.ending(call.session, row.id or 0)
    outcome = writing.end(call.runtime, call.session, row.id or 0, call.key.actor)
    return AutomationEnded(id=automation_id, outcome=outcome, inside=counted.inside, texts=counted.texts)  # type: ignore[arg-type]


def _found(call: Call, name: str) -> tuple[Automation, dict[str, int]]:
    wanted = named("aut", name, "automation")
    for row, counts in writing.listing(call.session, call.key.programs or None):
        if row.id == wanted:
            return row, counts
    raise ApiProblem("not_found", "There is no such automation that this key may see.")


def _told(call: Call, row: Automation, counts: dict[str, int]) -> AutomationOut:
    same = ("name", "segment", "steps", "leave_on_reply", "again_after_days", "next_at")
    return AutomationOut(
        id=f"aut_{row.id}",
        program=call.session.get_one(Program, row.program_id).slug,
        purpose=Purpose(row.purpose),
        status=row.status,  # type: ignore[arg-type]
        trigger=row.trigger or None,
        schedule=row.schedule or None,
        goal=row.goal or None,
        waiting=counts.get("waiting", 0),
        aside=counts.get("aside", 0),
        done=counts.get("done", 0),
        left=counts.get("left", 0),
        **{name: getattr(row, name) for name in same},
    )
