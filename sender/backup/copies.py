"""Back up while everything runs, put a backup back, or copy into another database. What was copied is held.

backup(runtime.db, runtime.keys, Path("monday.tactful"), now)    # {"number": 10000, …}
restore(Path("monday.tactful"), keys, Database(url), now)        # held until `tactful release`
"""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, update
from sqlmodel import col

from sender import schema
from sender.backup import rows
from sender.backup.rows import Batch
from sender.backup.sealed import BackupError, SealedWriter, read_head, read_lines
from sender.crypto import Keyring
from sender.db import Database
from sender.models import Audit, Installation, LoginLink, SignedIn

Progress = Callable[[str, int], None]
KEPT_BEFORE_UPGRADES = 5


def quiet(_table: str, _rows: int) -> None:
    """Tell nobody how far it is."""


def backup(database: Database, keys: Keyring, path: Path, real: datetime, progress: Progress = quiet) -> dict[str, int]:
    """Write every row as of one instant, sealed, to a new file of mode 0600; returns rows by table.

    A backup that was not finished is not left behind. BackupError when the file cannot be written, or where the
    database has columns that only a later version knows.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    if schema.is_newer(database):
        raise BackupError(
            "A later version has upgraded this database: back it up with that one, or half would be lost."
        )
    if path.exists():
        raise BackupError(f"{path} is there already; name a new file.")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                counts = _write(database, keys, SealedWriter(file, keys, _head(database, real)), progress)
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error
    return counts


def restore(
    path: Path, keys: Keyring, database: Database, real: datetime, progress: Progress = quiet
) -> dict[str, int]:
    """Put a backup into an empty database, all of it or nothing, and hold it; returns rows by table.

    BackupError when the database is not empty, the keys are others, or a single byte of the file has changed.
    """
    head = read_head(path)
    _require_empty(database)
    expected: dict[str, int] = {}
    made_at = datetime.fromisoformat(head["made_at"])
    why = f"restored from the backup of {made_at:%Y-%m-%d %H:%M} UTC"
    batches = rows.from_lines(read_lines(path, keys), expected.update)
    with database.write() as session:
        connection = session.connection()
        schema.upgrade_within(connection, head["schema"])
        counts = _load(connection, batches, progress)
        if counts != expected:
            raise BackupError(f"{path} does not hold what it says it does; take another copy of it.")
        schema.upgrade_within(connection)
        _hold(connection, made_at, real, why)
    return counts


def copy(source: Database, target: Database, real: datetime, progress: Progress = quiet) -> dict[str, int]:
    """Copy every row as of now into an empty database of either kind, and hold the copy; returns rows by table."""
    schema.require_current(source)
    _require_empty(target)
    with rows.view_of(source) as view, target.write() as session:
        connection = session.connection()
        schema.upgrade_within(connection)
        counts = _load(connection, rows.read(view), progress)
        _hold(connection, real, real, "copied from another database")
    return counts


def before_upgrade(database: Database, keys: Keyring, folder: Path, real: datetime) -> Path | None:
    """Back up a database that an upgrade will change, and keep the last five of these; None where nothing will."""
    if rows.is_empty(database) or schema.is_current(database) or schema.is_newer(database):
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"before-upgrade-{real:%Y%m%d-%H%M%S}.tactful"
    backup(database, keys, path, real)
    for old in sorted(folder.glob("before-upgrade-*.tactful"))[:-KEPT_BEFORE_UPGRADES]:
        old.unlink()
    return path


def _head(database: Database, real: datetime) -> dict[str, Any]:
    return {"made_at": real.isoformat(), "schema": schema.revision(database)}


def _write(database: Database, keys: Keyring, out: SealedWriter, progress: Progress) -> dict[str, int]:
    counts: Counter[str] = Counter()
    with rows.view_of(database) as connection:
        for batch in rows.read(connection):
            for line in rows.to_lines(batch):
                out.write(line)
            counts[batch[0]] += len(batch[2])
            progress(batch[0], len(batch[2]))
    out.write(rows.counts_line(counts))
    out.close()
    return dict(counts)


def _require_empty(database: Database) -> None:
    if not rows.is_empty(database):
        where = database.url.render_as_string(hide_password=True)
        raise BackupError(f"There is an installation in {where} already; name an empty database.")


def _load(connection: Connection, batches: Iterable[Batch], progress: Progress) -> dict[str, int]:
    counts: Counter[str] = Counter()

    def count(name: str, some: int) -> None:
        counts[name] += some
        progress(name, some)

    rows.write(connection, batches, count)
    return dict(counts)


def _hold(connection: Connection, known_until: datetime, real: datetime, why: str) -> None:
    """Close the gates, and let no session or link of before count: one that was ended since would be alive again."""
    held = {"halted": True, "halted_why": why, "copied_at": known_until, "epoch": uuid.uuid4().hex, "place": ""}
    connection.execute(update(Installation).values(**held))
    connection.execute(update(SignedIn).where(col(SignedIn.revoked_at).is_(None)).values(revoked_at=real))
    connection.execute(delete(LoginLink).where(col(LoginLink.used_at).is_(None)))
    act = Audit(at=real, actor="command line", action="installation.copy", subject="installation", detail={"why": why})
    connection.execute(Audit.__table__.insert().values(act.model_dump(exclude={"id"})))  # type: ignore[attr-defined]
