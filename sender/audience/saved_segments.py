"""Segments that were given a name, so that campaigns and exclusions can pick them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience import nested_segments
from sender.audience.segments import SegmentError
from sender.models import Audit, Segment
from sender.runtime import Runtime

LONGEST_NAME = 80


def saved(session: Session, limit: int = 200, offset: int = 0, find: str = "", order: str = "name") -> list[Segment]:
    """The saved segments whose name has ``find`` in it, by "name" or "made"; "-" before it turns that round."""
    by = {"name": col(Segment.name), "made": col(Segment.id)}[order.removeprefix("-")]
    wanted = select(Segment).order_by(by.desc() if order.startswith("-") else by).limit(limit).offset(offset)
    if find:
        wanted = wanted.where(col(Segment.name).icontains(find, autoescape=True))
    rows = list(session.execute(wanted).scalars())
    session.expunge_all()
    return rows


def in_full(session: Session, limit: int = 200, offset: int = 0, find: str = "", order: str = "name") -> list[Segment]:
    """The same with every segment that they name written out, as campaigns keep them; not to be saved."""
    return nested_segments.every_one(session, saved(session, limit, offset, find, order))


def find(session: Session, segment_id: int) -> Segment | None:
    """One saved segment."""
    found = session.get(Segment, segment_id)
    session.expunge_all()
    return found


def save(runtime: Runtime, name: str, definition: Mapping[str, Any], actor: str, segment_id: int | None = None) -> int:
    """Keep a segment under a name, or change one; returns its id. SegmentError says what to mend.

    Campaigns keep the definition they were written with: a change here does not reach what is approved.
    """
    plain = name.strip()
    if not plain or len(plain) > LONGEST_NAME:
        raise SegmentError(f"Give the segment a name of at most {LONGEST_NAME} letters.")
    now = runtime.clock.now()
    with runtime.db.write() as session:
        taken = session.execute(select(col(Segment.id)).where(col(Segment.name) == plain)).scalar()
        if taken is not None and taken != segment_id:
            raise SegmentError(f"There is a segment {plain!r} already; give this one another name.")
        row = session.get(Segment, segment_id) if segment_id else Segment(name=plain, created_at=now)
        if row is None:
            raise SegmentError("This segment is gone; somebody deleted it.")
        row.name, row.definition = plain, nested_segments.by_ids(session, definition, plain, segment_id)
        session.add(row)
        session.flush()
        action = "segment.edit" if segment_id else "segment.create"
        session.add(Audit(at=now, actor=actor, action=action, subject=f"segment {row.id}", detail={"name": plain}))
        return row.id or 0


def delete(runtime: Runtime, segment_id: int, actor: str) -> None:
    """Forget a saved segment; campaigns keep their copies. SegmentError while other saved segments name it."""
    with runtime.db.write() as session:
        row = session.get(Segment, segment_id)
        if row is None:
            return
        if users := nested_segments.users_of(session, segment_id):
            named = ", ".join(f"“{name}”" for name in users)
            raise SegmentError(f"“{row.name}” is part of {named}; take it out there, then delete it.")
        now, detail = runtime.clock.now(), {"name": row.name}
        session.delete(row)
        session.add(Audit(at=now, actor=actor, action="segment.delete", subject=f"segment {segment_id}", detail=detail))
