"""Who read people through the API: an act in the audit when a key begins on a day, one with the sum when it is over.

Reading goes on all day and an act for each request would drown all others; the counters between the two lie in
``allowance``. A key's right is its scope, given by an owner in an act of its own; its name says what it is for.
"""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from sender import audit
from sender.allowances import day_of
from sender.db import insert_new
from sender.models import Allowance, ApiKey
from sender.runtime import Runtime

READ = "read by "
"""What begins the name of such a counter; then the key's id and what it read."""
ACTION = "people.read"


def count_read(session: Session, key: ApiKey, what: str, people: int, now: datetime) -> None:
    """Count so many people as read by this key today; the day's first are an act in the audit at once."""
    if not people:
        return
    name, day = f"{READ}{key.public_id} {what}", day_of(now).name
    mine = col(Allowance.key) == name, col(Allowance.day) == day
    insert_new(session, Allowance, [{"key": name, "day": day, "used": 0}])
    grown = update(Allowance).where(*mine).values(used=col(Allowance.used) + people).returning(col(Allowance.used))
    if session.execute(grown).scalar_one() == people:
        audit.note(session, now, key.actor, ACTION, what, {"day": day, "so_far": people})


def sum_up(runtime: Runtime) -> int:
    """The scheduler's step: of each day that is over, how many people each key has read; returns how many acts."""
    now = runtime.clock.now()
    over = col(Allowance.key).startswith(READ), col(Allowance.day) < day_of(now).name
    with runtime.db.read() as session:
        if session.execute(select(col(Allowance.key)).where(*over).limit(1)).first() is None:
            return 0
    with runtime.db.write() as session:
        gone = delete(Allowance).where(*over).returning(col(Allowance.key), col(Allowance.day), col(Allowance.used))
        rows = sorted(tuple(row) for row in session.execute(gone))
        names = {row.public_id: row.actor for row in session.execute(select(ApiKey)).scalars()}
        for name, day, people in rows:
            public_id, _, what = name.removeprefix(READ).partition(" ")
            audit.note(session, now, names[public_id], ACTION, what, {"day": day, "people": people})
    return len(rows)
