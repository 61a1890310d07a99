"""Whom a definition means, for the pages that show it beside a form: how many by standing, and a few of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from guards.base import Purpose
from sender.audience import crowds
from web.context import runtime
from web.counting import SHORT, figures_or_none


@dataclass(frozen=True, slots=True)
class Who:
    """The crowd (None where no program is asked about), a few of it, and when they were counted."""

    crowd: crowds.Crowd | None
    faces: list[crowds.Face]
    at: datetime


def who(
    session: Session, definition: Mapping[str, Any], program_id: int | None, purpose: Purpose, limit: int
) -> Who | None:
    """Whom a definition without names of segments means; None while that is being counted. Raises SegmentError."""
    now = runtime().clock.now()

    def count(session: Session) -> tuple[crowds.Crowd | None, list[int], datetime]:
        some = crowds.sample(session, definition, now, limit)
        if program_id is None:
            return None, some, now
        return crowds.count_by_standing(session, definition, program_id, purpose, now), some, now

    key = ("who", json.dumps(definition, sort_keys=True), program_id, purpose, limit)
    found = figures_or_none(key, count, patience=SHORT)
    if found is None:
        return None
    crowd, some, at = found
    return Who(crowd, crowds.faces(session, runtime().keys, some), at)
