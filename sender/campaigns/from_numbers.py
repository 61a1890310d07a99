"""The from_numbers of a program after it was made: one joins a pool, one that goes is retired and kept on record."""

from sqlalchemy import func, select
from sqlmodel import Session, col

from sender.campaigns.programs import FromNumberIn, ProgramError, check_line, line_row
from sender.models import Audit, FromNumber, Message, Program
from sender.runtime import Runtime
from sender.states import WAITING


def add(runtime: Runtime, slug: str, wanted: FromNumberIn, actor: str) -> None:
    """Let a from_number join its pool; one that was retired comes back. ProgramError says what to mend."""
    with runtime.db.write() as session:
        program = _program(session, slug)
        check_line(wanted, program.countries)
        fresh = line_row(program.id or 0, wanted)
        known = [line for line in _named(session, program, wanted.address) if line.country == wanted.country]
        if any(line.retired_at is None for line in known):
            raise ProgramError(f"{wanted.address} is in that pool already.")
        session.add(known[0].sqlmodel_update(fresh.model_dump(exclude={"id"})) if known else fresh)
        _note(runtime, session, program, actor, "add", {"address": wanted.address, "country": wanted.country})


def retire(runtime: Runtime, slug: str, address: str, actor: str) -> int:
    """Take a from_number out of its pools; returns how many texts wait for it, which the gate will block.

    What it has sent stays on record, and whoever writes to it is still heard. ProgramError where there is none.
    """
    with runtime.db.write() as session:
        program = _program(session, slug)
        living = [line for line in _named(session, program, address) if line.retired_at is None]
        if not living:
            raise ProgramError(f"Program {slug!r} has no from_number {address!r} in use.")
        for line in living:
            line.retired_at = runtime.clock.now()
        lost = _waiting(session, living)
        _note(runtime, session, program, actor, "retire", {"address": address, "waiting": lost})
        return lost


def waiting_for(session: Session, slug: str, address: str) -> int:
    """How many texts wait to leave from this from_number of a program."""
    return _waiting(session, _named(session, _program(session, slug), address))


def _program(session: Session, slug: str) -> Program:
    found: Program | None = session.execute(select(Program).where(col(Program.slug) == slug)).scalar()
    if found is None:
        raise ProgramError(f"There is no program {slug!r}; `tactful program list` shows them.")
    return found


def _named(session: Session, program: Program, address: str) -> list[FromNumber]:
    mine = (col(FromNumber.program_id) == program.id, col(FromNumber.address) == address)
    return list(session.execute(select(FromNumber).where(*mine)).scalars())


def _waiting(session: Session, lines: list[FromNumber]) -> int:
    ids, waiting = [line.id for line in lines], [status.value for status in WAITING]
    mine = (col(Message.from_number_id).in_(ids), col(Message.status).in_(waiting), col(Message.kind) != "answer")
    return int(session.execute(select(func.count()).select_from(Message).where(*mine)).scalar_one())


def _note(
    runtime: Runtime, session: Session, program: Program, actor: str, act: str, detail: dict[str, object]
) -> None:
    subject = f"program {program.id}"
    session.add(Audit(at=runtime.clock.now(), actor=actor, action=f"from_number.{act}", subject=subject, detail=detail))
