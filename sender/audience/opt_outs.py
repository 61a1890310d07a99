"""What every opt-out does, whichever way it came: its scope by policy, and the texts that still wait for the number."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Kind, Purpose
from sender.audience.ledger import Act, record
from sender.crypto import text_hash
from sender.db import Pace
from sender.locks import insistent, lock_numbers
from sender.models import Message, OptInRequest, Program
from sender.runtime import Runtime
from sender.states import WAITING, Status, advance

STOPPED = (Purpose.MARKETING.value, Purpose.INFORMATIONAL.value)
STOPPED_BY_ALL = (*STOPPED, Purpose.TRANSACTIONAL.value)


def scopes_of(session: Session, program_ids: Iterable[int]) -> Sequence[int | None]:
    """The programs that a STOP to these programs ends, as ``scopes_by`` says."""
    statement = select(Program).where(col(Program.id).in_(sorted(set(program_ids))))
    return scopes_by(session.execute(statement).scalars().all())


def scopes_by(programs: Collection[Program]) -> Sequence[int | None]:
    """The programs that a STOP to these programs ends; [None] for all: where one of them says so, or there is none."""
    if not programs or any(program.opt_out_scope == "all" for program in programs):
        return [None]
    return sorted({program.id or 0 for program in programs})


@insistent
def stop_on_page(runtime: Runtime, number_id: int, program_id: int | None, page: str, token: str) -> None:
    """The person's own opt-out behind a signed link, from a program or from all (None): the same as a STOP by text."""
    now = runtime.clock.now()
    evidence = {"page": page, "token_hash": text_hash(token).hex()}
    with runtime.db.write(Pace.URGENT) as session:
        lock_numbers(session, [number_id])
        scopes = [None] if program_id is None else scopes_of(session, [program_id])
        acts = [
            Act(number_id, of, "opt_out", Purpose.MARKETING, now, "preference_page", evidence=evidence) for of in scopes
        ]
        record(session, acts, now)
        settle(runtime, session, number_id, scopes)


def settle(runtime: Runtime, session: Session, number_id: int, scopes: Collection[int | None]) -> int:
    """Block what waits within these scopes and close opt-ins that wait for a yes; returns how many texts were blocked.

    The gate would block those texts anyway; so it is said at once. Callers hold the number's lock.
    """
    blocked = _block_waiting(runtime, session, number_id, scopes)
    _close_requests(session, number_id, scopes)
    return blocked


def _block_waiting(runtime: Runtime, session: Session, number_id: int, scopes: Collection[int | None]) -> int:
    waiting = [status.value for status in WAITING]
    statement = select(col(Message.id)).where(
        col(Message.number_id) == number_id,
        col(Message.status).in_(waiting),
        col(Message.purpose).in_(STOPPED_BY_ALL if None in scopes else STOPPED),
        col(Message.kind) != Kind.ANSWER.value,
    )
    if None not in scopes:
        statement = statement.where(col(Message.program_id).in_(scopes))
    ids = [message_id for message_id in session.execute(statement).scalars() if message_id is not None]
    now, real = runtime.clock.now(), runtime.clock.real()
    return len(advance(session, ids, Status.BLOCKED, now=now, real=real, reason="opted_out"))


def _close_requests(session: Session, number_id: int, scopes: Collection[int | None]) -> None:
    statement = select(OptInRequest).where(col(OptInRequest.number_id) == number_id, col(OptInRequest.state) == "open")
    for request in session.execute(statement).scalars():
        if None in scopes or request.program_id in scopes:
            request.state = "withdrawn"
