"""New keys for a running installation: every row that can be read is keyed and sealed anew, in slices.

Look-ups try every living generation, so a row is found before and after its turn. A run that was killed is taken up by
the next. Rows whose number was erased keep the key they are known by: nothing is left in them to key anew.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, SQLModel, col

from sender import audit
from sender.crypto import KeyFileError, add_generation, unseal
from sender.db import Pace
from sender.models import ImportRefusal, Number, User, WebhookEndpoint
from sender.runtime import Runtime

SLICE = 200
SETTLE_SECONDS = 5.0
# What is sealed with the master key itself and kept; answers, uploads and events pass away within days.
SEALED: tuple[tuple[type[SQLModel], str], ...] = (
    (ImportRefusal, "row_cipher"),
    (User, "totp_cipher"),
    (WebhookEndpoint, "secret_cipher"),
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did. ``left``: numbers that cannot be read any more and stay known by their old key."""

    version: int
    numbers: int
    sealed: int
    left: int


def rotate(
    runtime: Runtime, actor: str, *, settle: float = SETTLE_SECONDS, progress: Progress = lambda _done, _of: None
) -> Rotated:
    """Make keys unless a rotation is unfinished, let the processes see them, and turn every row to them.

    The key file has to be the same on every host before rows are turned: see docs/operations.md. KeyFileError when the
    file cannot be changed.
    """
    keys = runtime.keys
    if _behind(runtime) == 0:
        _make(runtime, actor)
        # A process that computed a look-up before the file changed has used it by then.
        time.sleep(settle)
    version, total = keys.version, _behind(runtime)
    numbers = left = cursor = 0
    while True:
        with runtime.db.write(Pace.BULK) as session:
            done, lost, cursor = _turn_numbers(runtime, session, cursor)
        if not cursor:
            break
        numbers, left = numbers + done, left + lost
        progress(numbers + left, total)
    sealed = sum(_turn_sealed(runtime, table, name) for table, name in SEALED)
    with runtime.db.write() as session:
        detail = {"version": version, "numbers": numbers, "sealed": sealed, "left": left}
        audit.note(session, runtime.clock.now(), actor, "keys.rotate", "keys", detail)
    return Rotated(version, numbers, sealed, left)


def stage(runtime: Runtime, actor: str) -> int:
    """Only make the keys, so that the file can be copied to other hosts; returns their version."""
    if _behind(runtime) == 0:
        _make(runtime, actor)
    return runtime.keys.version


def _make(runtime: Runtime, actor: str) -> None:
    version = add_generation(runtime.settings.home).version
    with runtime.db.write() as session:
        audit.note(session, runtime.clock.now(), actor, "keys.make", "keys", {"version": version})


def _behind(runtime: Runtime) -> int:
    """How many numbers can be read and are keyed by an older generation."""
    older, readable = col(Number.key_version) < runtime.keys.version, func.length(Number.data_key) > 0
    with runtime.db.read() as session:
        return int(session.execute(select(func.count()).where(older, readable)).scalar_one())


def _turn_numbers(runtime: Runtime, session: Session, after: int) -> tuple[int, int, int]:
    """Turn one slice of rows; how many, how many could not be read, and the last id (0: there was none)."""
    keys = runtime.keys
    statement = select(col(Number.id), col(Number.cipher), col(Number.data_key)).where(
        col(Number.key_version) < keys.version, col(Number.id) > after
    )
    rows = session.execute(statement.order_by(col(Number.id)).limit(SLICE).with_for_update()).all()
    done = 0
    for number_id, cipher, wrapped in rows:
        data_key = _opened(runtime, wrapped)
        if data_key is None:
            continue
        values: dict[str, Any] = {
            "key": keys.number_key(unseal(data_key, cipher).decode()),
            "key_version": keys.version,
            "data_key": keys.wrap(data_key),
        }
        session.execute(update(Number).where(col(Number.id) == number_id).values(**values))
        done += 1
    return done, len(rows) - done, rows[-1][0] if rows else 0


def _opened(runtime: Runtime, wrapped: bytes) -> bytes | None:
    if not wrapped:
        return None
    try:
        return runtime.keys.unwrap(wrapped)
    except KeyFileError:
        return None


def _turn_sealed(runtime: Runtime, table: type[SQLModel], name: str) -> int:
    key, column = table.__table__.c.id, table.__table__.c[name]  # type: ignore[attr-defined]
    done = after = 0
    while True:
        with runtime.db.write(Pace.BULK) as session:
            wanted = select(key, column).where(key > after, column.is_not(None)).order_by(key).limit(SLICE)
            rows = session.execute(wanted).all()
            for row_id, cipher in rows:
                if not runtime.keys.is_newest(cipher) and (plain := _opened(runtime, cipher)) is not None:
                    session.execute(update(table).where(key == row_id).values({name: runtime.keys.wrap(plain)}))
                    done += 1
        if not rows:
            return done
        after = rows[-1][0]
