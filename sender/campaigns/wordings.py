"""The words of a program, in versions: what was shown or answered on a day can always be read again."""

from sqlalchemy import func, select
from sqlmodel import col

from sender.campaigns.programs import WORDING_KINDS, ProgramError, check_wording, wording_row
from sender.models import Audit, Program, Wording
from sender.runtime import Runtime


def add_wording(runtime: Runtime, slug: str, kind: str, text: str, actor: str) -> int:
    """Keep new words as the next version; returns its number. ProgramError says what to mend."""
    if kind not in WORDING_KINDS:
        raise ProgramError(f"There is no wording {kind!r}; it is one of {', '.join(WORDING_KINDS)}.")
    if not text.strip():
        raise ProgramError(f"The {kind} wording is empty; write what people are shown or answered.")
    now = runtime.clock.now()
    with runtime.db.write() as session:
        program = session.execute(select(Program).where(col(Program.slug) == slug)).scalar()
        if program is None:
            raise ProgramError(f"There is no program {slug!r}; `tactful program list` shows them.")
        check_wording(kind, text, program.brand, program.help_contact)
        program_id = program.id or 0
        mine = (col(Wording.program_id) == program_id, col(Wording.kind) == kind)
        version = (session.execute(select(func.max(col(Wording.version))).where(*mine)).scalar() or 0) + 1
        session.add(wording_row(program_id, kind, version, text.strip(), now))
        detail = {"kind": kind, "version": version}
        session.add(Audit(at=now, actor=actor, action="program.word", subject=f"program {program_id}", detail=detail))
    return version
