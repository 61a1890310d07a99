"""What fails is tried again, then set aside for people to look at: one poisoned person or event stops nobody else.

A try that failed is written down in a transaction of its own, so a database that is away counts for nobody. After
TRIES the person or event is ``aside``: nothing happens to it until somebody tries it again or lets it go.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlmodel import Session, SQLModel, col

from sender import audit
from sender.locks import lock_numbers
from sender.models import Automation, Enrolment, Event
from sender.runtime import Runtime

log = structlog.get_logger()
TRIES = 3
PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_HOUSE = Path(__file__).parents[2]
_FRESH: dict[str, Any] = {"tries": 0, "retry_at": None, "error": ""}


def described(error: BaseException) -> str:
    """The kind of error and where it came up; never its words, which may quote a number or a text."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [(Path(name), line) for name, line in places if _is_ours(Path(name))]
    if not ours:
        return type(error).__name__
    path, line = ours[-1]
    return f"{type(error).__name__} in {path.relative_to(_HOUSE)}, line {line}"


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(_HOUSE) and path.relative_to(_HOUSE).parts[0] in ("sender", "guards")


def due_again(table: type[Enrolment] | type[Event] | type[Automation], now: datetime) -> ColumnElement[bool]:
    """Rows that never failed, or whose pause is over."""
    return or_(col(table.retry_at).is_(None), col(table.retry_at) <= now)


def note(row: Enrolment | Event | Automation, error: BaseException, now: datetime) -> None:
    """Write down that a try came to nothing; the last one sets a person or an event aside."""
    row.tries += 1
    row.error = described(error)
    row.retry_at = now + min(PAUSE * 4 ** min(row.tries - 1, 5), LONGEST_PAUSE)
    if row.tries >= TRIES and not isinstance(row, Automation):
        row.state = "aside"
    log.error("an automation failed", table=row.__tablename__, id=row.id, tries=row.tries, error=row.error)


@contextmanager
def apart(runtime: Runtime, table: type[Enrolment] | type[Event] | type[Automation], row_id: int) -> Iterator[None]:
    """Let an error within be this row's alone: what was open is undone, and the failed try is written down."""
    try:
        yield
    except Exception as error:
        with runtime.db.write() as session:
            row: Any = session.get(table, row_id, with_for_update=True)
            if row is not None:
                note(row, error, runtime.clock.now())


def mended(row: Enrolment | Event | Automation) -> None:
    """Forget former failures: it went well."""
    row.tries, row.retry_at, row.error = 0, None, ""


def troubles(session: Session) -> list[tuple[int, str, int, int, str]]:
    """Automations with somebody set aside or a round that fails: id, name, people, events, the round's error."""
    counted = select(col(Enrolment.automation_id), func.count()).where(col(Enrolment.state) == "aside")
    inside = dict(session.execute(counted.group_by(col(Enrolment.automation_id))).all())
    mine = (col(Event.program_id), col(Event.type))
    told = select(*mine, func.count()).where(col(Event.state) == "aside").group_by(*mine)
    waiting = {(program, kind): number for program, kind, number in session.execute(told)}
    columns = col(Automation.id), col(Automation.name), col(Automation.program_id), col(Automation.trigger)
    rows = session.execute(select(*columns, col(Automation.error)).where(col(Automation.status) != "archived"))
    found = [
        (one, name, inside.get(one, 0), waiting.get((program, kind), 0), error)
        for one, name, program, kind, error in rows
    ]
    return [row for row in found if any(row[2:])]


def events(session: Session, automation_id: int) -> int:
    """How many events that would begin it are set aside."""
    automation = session.get_one(Automation, automation_id)
    return int(session.execute(select(func.count()).where(*_events(automation))).scalar_one())


def event_errors(session: Session, automation_id: int) -> list[str]:
    """The errors of these events, each once."""
    automation = session.get_one(Automation, automation_id)
    return sorted(session.execute(select(col(Event.error)).where(*_events(automation)).distinct().limit(5)).scalars())


def try_again(session: Session, automation_id: int, actor: str, now: datetime) -> int:
    """Let everybody who is set aside go on from where they were, and events begin anew; returns how many.

    Somebody asked for it, so it counts as due now, however long it lay.
    """
    automation = session.get_one(Automation, automation_id, with_for_update=True)
    again = {"state": "waiting", "due_at": now, **_FRESH}
    done = _change(session, Enrolment, and_(*_people(automation_id)), again)
    told = _change(session, Event, and_(*_events(automation)), {**_FRESH, "state": "open", "retry_at": now})
    mended(automation)
    _note_act(session, automation, "automation.try_again", done, told, actor, now)
    return done + told


def let_go(session: Session, automation_id: int, actor: str, now: datetime) -> int:
    """Let everybody who is set aside leave for good, and their events begin nothing; returns how many."""
    automation = session.get_one(Automation, automation_id, with_for_update=True)
    left = {"state": "left", "why": "set_aside", "ended_at": now}
    done = _change(session, Enrolment, and_(*_people(automation_id)), left)
    told = _change(session, Event, and_(*_events(automation)), {"state": "done"})
    _note_act(session, automation, "automation.let_go", done, told, actor, now)
    return done + told


def _people(automation_id: int) -> tuple[ColumnElement[bool], ...]:
    return (col(Enrolment.automation_id) == automation_id, col(Enrolment.state) == "aside")


def _events(automation: Automation) -> tuple[ColumnElement[bool], ...]:
    mine = (col(Event.program_id) == automation.program_id, col(Event.type) == automation.trigger)
    return (*mine, col(Event.state) == "aside")


def _change(session: Session, table: type[SQLModel], which: ColumnElement[bool], values: dict[str, Any]) -> int:
    """The number's lock comes first, as in every act on a person."""
    cells: Any = table.__table__  # type: ignore[attr-defined]
    numbers = session.execute(select(cells.c.number_id).where(which).order_by(cells.c.number_id).distinct()).scalars()
    lock_numbers(session, list(numbers))
    return int(session.execute(update(table).where(which).values(**values)).rowcount)  # type: ignore[attr-defined]


def _note_act(
    session: Session, automation: Automation, action: str, done: int, told: int, actor: str, now: datetime
) -> None:
    audit.note(session, now, actor, action, f"automation {automation.id}", {"people": done, "events": told})
