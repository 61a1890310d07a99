"""Knows a database that was put back, swapped or cloned, and closes its gates until a person has looked (promise 10).

Each host keeps a file beside the keys with the epoch it worked with and how far sending had come; the database keeps
where it lies and when a scheduler last worked on it. A copy contradicts one of them. What none of them shows is a clone
of a whole machine, disk and identity, that runs beside the first: for that the public address is asked (twin.py).
"""

import hashlib
import json
import os
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text, update
from sqlmodel import Session, col

from sender import audit
from sender.backup.twin import WHY, is_elsewhere
from sender.db import Pace, sqlite_file
from sender.locks import close_installation
from sender.models import Attempt, Installation
from sender.runtime import Runtime

SILENCE = timedelta(hours=72)
MACHINE = Path("/etc/machine-id")


def check_in(runtime: Runtime) -> str:
    """Compare the database with what this host knows, hold it where they differ, and return why ("": all is well).

    Processes that send call it before their first gate.
    """
    real, path, elsewhere = runtime.clock.real(), _path(runtime), is_elsewhere(runtime)
    with runtime.db.write() as session:
        close_installation(session)
        row = session.get_one(Installation, 1, populate_existing=True)
        last, here = _last_attempt(session), place(runtime, session)
        why = _why_held(row, _known(path), last, here, real) or (WHY if elsewhere else "")
        why = "" if row.halted and row.copied_at else why
        if why:
            _hold(runtime, session, row, why, row.seen_at or real)
        row.place, row.seen_at = here, real
        epoch = row.epoch
    _keep(path, epoch, last)
    return why


def hold_if_elsewhere(runtime: Runtime) -> int:
    """The scheduler's step: hold this copy where another one stands at the public address; returns 1 if it did.

    What the other one sent is asked of the provider on release, from the instant a scheduler last worked here.
    """
    with runtime.db.read() as session:
        held = session.execute(select(col(Installation.copied_at))).scalar() is not None
    if held or not is_elsewhere(runtime):
        return 0
    with runtime.db.write() as session:
        close_installation(session)
        row = session.get_one(Installation, 1, populate_existing=True)
        _hold(runtime, session, row, WHY, row.seen_at or row.created_at)
    return 1


def _hold(runtime: Runtime, session: Session, row: Installation, why: str, since: datetime) -> None:
    """Nothing is sent until a person releases it, who has first asked the provider what left since then."""
    row.halted, row.halted_why, row.copied_at = True, why, since
    audit.note(session, runtime.clock.now(), "system", "installation.hold", "installation", {"why": why})


def mark(runtime: Runtime) -> int:
    """Note that somebody works on this database, and how far it has come; the scheduler does it every minute."""
    with runtime.db.write(Pace.BULK, redoable=True) as session:
        session.execute(update(Installation).values(seen_at=runtime.clock.real()))
        row, last = session.get_one(Installation, 1), _last_attempt(session)
    _keep(_path(runtime), row.epoch, last)
    return 0


def advance_mark(runtime: Runtime, attempt: int) -> None:
    """Note on this host that sending has come so far, before anything of it leaves: an older copy then shows at once.

    No wait for the disk: after a power cut the note may be older, which raises no alarm.
    """
    known = _known(_path(runtime))
    if known and known["attempt"] < attempt:
        _keep(_path(runtime), known["epoch"], attempt)


def place(runtime: Runtime, session: Session) -> str:
    """Where this database lies, as a hash: machine and path of an SQLite file, cluster and database on PostgreSQL."""
    file = sqlite_file(runtime.db)
    if file is not None:
        machine = MACHINE.read_text().strip() if MACHINE.exists() else ""
        where = f"{machine} {file.resolve()}"
    else:
        named = "SELECT current_database()", "SELECT oid FROM pg_database WHERE datname = current_database()"
        where = " ".join([_cluster(runtime, session), *(str(session.execute(text(one)).scalar_one()) for one in named)])
    return hashlib.sha256(where.encode()).hexdigest()[:16]


def _cluster(runtime: Runtime, session: Session) -> str:
    """What a PostgreSQL cluster calls itself; where a role may not ask, the address it is reached at must do."""
    may_ask = text("SELECT has_function_privilege('pg_control_system()', 'execute')")
    if session.execute(may_ask).scalar():
        return str(session.execute(text("SELECT system_identifier FROM pg_control_system()")).scalar_one())
    return f"{runtime.db.url.host}:{runtime.db.url.port}"


def _why_held(row: Installation, known: dict[str, Any], last: int, here: str, real: datetime) -> str:
    if known and known["epoch"] != row.epoch:
        return "this is another database than this host last worked with"
    if known and known["attempt"] > last:
        return "the database is older than it was: it was put back from a copy"
    if row.place and row.place != here:
        return "the database lies in another place than before: it is a copy, and the first one may be running"
    if row.seen_at and real - row.seen_at > SILENCE:
        return f"nothing has worked on this database since {row.seen_at:%Y-%m-%d %H:%M} UTC"
    return ""


def _last_attempt(session: Session) -> int:
    return int(session.execute(select(func.coalesce(func.max(col(Attempt.id)), 0))).scalar_one())


def _path(runtime: Runtime) -> Path:
    return runtime.settings.home / "epoch.json"


def _known(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text())
        return {"epoch": str(body["epoch"]), "attempt": int(body["attempt"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _keep(path: Path, epoch: str, attempt: int) -> None:
    fresh = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    fresh.write_text(json.dumps({"epoch": epoch, "attempt": attempt}))
    fresh.chmod(0o600)
    fresh.replace(path)
