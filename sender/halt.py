"""The brake of the whole installation: no gate opens while it is on (promise 10)."""

import uuid
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.closures import open_all
from sender.db import insert_new, run_below
from sender.locks import close_installation
from sender.models import Audit, Installation
from sender.runtime import Runtime

COPY = (
    "This database was put back from a copy: run `tactful release` on the server. It first asks the provider which "
    "texts left and which replies came since, so that nobody is texted twice and no STOP is lost."
)


_HALTED = select(Installation.__table__.c.halted)  # type: ignore[attr-defined]


class HeldError(Exception):
    """The installation cannot be released like this; the sentence says how it can."""


def halt(runtime: Runtime, why: str, actor: str) -> None:
    """No gate is open, and none opens, once this returns."""
    _set(runtime, True, why, actor, "halt")


def release(runtime: Runtime, actor: str, *, caught_up: bool = False) -> None:
    """Let gates open again, of what rests until tomorrow too.

    HeldError for a copy of a database that was not asked what left since (`caught_up`).
    """
    if not caught_up:
        with runtime.db.read() as session:
            if session.execute(select(col(Installation.copied_at))).scalar() is not None:
                raise HeldError(COPY)
    _set(runtime, False, "", actor, "release")


def found(session: Session) -> None:
    """Write the installation's one row on a first start."""
    row = {"id": 1, "epoch": uuid.uuid4().hex, "halted": False, "halted_why": "", "created_at": datetime.now(UTC)}
    insert_new(session, Installation, [row])


def is_halted(session: Session) -> bool:
    """Whether the brake is on; an installation without its row counts as halted."""
    return run_below(session, _HALTED).scalar() is not False


def _set(runtime: Runtime, halted: bool, why: str, actor: str, action: str) -> None:
    with runtime.db.write() as session:
        close_installation(session)
        session.execute(update(Installation).values(halted=halted, halted_why=why, **_settled(halted)))
        if not halted:
            open_all(session)
        session.add(
            Audit(at=runtime.clock.now(), actor=actor, action=action, subject="installation", detail={"why": why})
        )


def _settled(halted: bool) -> dict[str, None]:
    return {} if halted else {"copied_at": None}
