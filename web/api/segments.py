"""Segments: questions about contacts under a name, who they mean now, and how many of these may get a text."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from guards.base import Purpose
from sender.api.wanted import programs_named
from sender.audience import crowds, saved_segments
from sender.audience.segments import SegmentError
from sender.models import Segment
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import NO_CONTROLS, Asked, Slug, named, shape

CONDITIONS = {
    "all": [
        {"field": "country", "is": "US"},
        {"any": [{"field": "attributes.tier", "in": ["gold", "silver"]}, {"field": "attributes.spent", "ge": 100}]},
        {"not": {"field": "last_text_at", "within_days": 7}},
    ]
}
SEGMENT = {"id": "seg_3", "name": "Gold", "definition": CONDITIONS}
COUNT = {"total": 1200, "may": 1100, "out": 40, "held": 0, "none": 60, "capped": False}
Definition = Annotated[
    dict[str, Any], Field(description="Conditions in the segment language (docs/segments.md); {} is everybody.")
]

door = ApiDoor("api_segments", __name__)


class SegmentWrite(Asked):
    """A question about contacts, under a name."""

    model_config = shape({"name": "Gold", "definition": CONDITIONS}, strict=True)
    name: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=NO_CONTROLS)]
    definition: Definition


class SegmentOut(BaseModel):
    """A saved segment."""

    model_config = shape(SEGMENT)
    id: str
    name: str
    definition: dict[str, Any]


class SegmentList(BaseModel):
    """The saved segments, by name."""

    model_config = shape({"data": [SEGMENT]})
    data: list[SegmentOut]


class CountWrite(Asked):
    """Whom to count, and for which texts."""

    model_config = shape({"definition": CONDITIONS, "program": "acme", "purpose": "marketing"}, strict=True)
    definition: Definition
    program: Slug
    purpose: Purpose = Purpose.MARKETING


class CountOut(BaseModel):
    """How many contacts it means: those who said yes, said stop, may have said stop, and neither."""

    model_config = shape(COUNT)
    total: int
    may: int
    out: int
    held: int
    none: int
    capped: bool = Field(description="There are more than were counted.")


@door.operation("GET", "/segments", scope="segments:read", answer=SegmentList)
def list_segments(call: Call) -> SegmentList:
    """The saved segments."""
    return SegmentList(data=[_told(row) for row in saved_segments.saved(call.session)])


@door.operation(
    "POST", "/segments", scope="segments:write", body=SegmentWrite, answer=SegmentOut, status=201, transaction="own",
    problems=("invalid_segment",),
)  # fmt: skip
def create_segment(call: Call, body: SegmentWrite) -> SegmentOut:
    """Keep a segment under a name that is free; so a repeated request makes no second one."""
    return _kept(call, body, None)


@door.operation(
    "POST", "/segments/count", scope="segments:read", body=CountWrite, answer=CountOut, transaction="read",
    problems=("invalid_segment", "unknown_program"),
)  # fmt: skip
def count_segment(call: Call, body: CountWrite) -> CountOut:
    """How many contacts these conditions mean now; nothing is kept."""
    found = programs_named(call.session, call.key, [body.program]).get(body.program)
    if found is None:
        raise ApiProblem("unknown_program", f"There is no program {body.program!r} that this key may use.")
    try:
        asked = (body.definition, found.id, body.purpose, call.runtime.clock.now())
        crowd = crowds.count_by_standing(call.session, *asked)
    except SegmentError as error:
        raise ApiProblem("invalid_segment", str(error)) from error
    return CountOut(**{name: getattr(crowd, name) for name in COUNT})


@door.operation("GET", "/segments/<segment_id>", scope="segments:read", answer=SegmentOut, problems=("not_found",))
def show_segment(call: Call, segment_id: str) -> SegmentOut:
    """One segment. Its people are `GET /contacts?segment=` it."""
    return _told(found_segment(call, segment_id))


@door.operation(
    "PUT", "/segments/<segment_id>", scope="segments:write", body=SegmentWrite, answer=SegmentOut, transaction="own",
    problems=("not_found", "invalid_segment"),
)  # fmt: skip
def change_segment(call: Call, segment_id: str, body: SegmentWrite) -> SegmentOut:
    """Keep it with another name or other conditions. Campaigns keep those they were written with."""
    with call.runtime.db.read() as call.within:
        known = found_segment(call, segment_id).id
    return _kept(call, body, known)


@door.operation(
    "DELETE", "/segments/<segment_id>", scope="segments:write", answer=SegmentOut, transaction="own",
    problems=("not_found",),
)  # fmt: skip
def delete_segment(call: Call, segment_id: str) -> SegmentOut:
    """Forget it. Campaigns keep their copy, and no contact goes."""
    with call.runtime.db.read() as call.within:
        told = _told(found_segment(call, segment_id))
    saved_segments.delete(call.runtime, named("seg", segment_id, "segment"), call.key.actor)
    return told


def found_segment(call: Call, name: str) -> Segment:
    """The segment of this id; ApiProblem where there is none."""
    row = saved_segments.find(call.session, named("seg", name, "segment"))
    if row is None:
        raise ApiProblem("not_found", "There is no such segment.")
    return row


def _kept(call: Call, body: SegmentWrite, segment_id: int | None) -> SegmentOut:
    try:
        made = saved_segments.save(call.runtime, body.name, body.definition, call.key.actor, segment_id)
    except SegmentError as error:
        raise ApiProblem("invalid_segment", str(error)) from error
    return SegmentOut(id=f"seg_{made}", name=body.name.strip(), definition=body.definition)


def _told(row: Segment) -> SegmentOut:
    return SegmentOut(id=f"seg_{row.id}", name=row.name, definition=row.definition)
