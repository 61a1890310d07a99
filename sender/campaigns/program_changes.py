"""Changing a program that people said yes to: all of it is checked anew, words get another version, all is audited."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from guards.base import Cap, Purpose, Window
from sender import audit
from sender.campaigns.programs import FromNumberIn, ProgramIn, check, program_row, wording_row
from sender.models import FromNumber, Program, Wording
from sender.runtime import Runtime

CHANGEABLE = (
    "brand", "help_contact", "purposes", "countries", "footer", "link_footer", "caps", "hours", "opt_out_scope",
    "footer_every_days", "refusals", "max_parts", "domains", "age_gate", "resends", "frequency", "terms_url",
    "privacy_url",
)  # fmt: skip
"""Everything but the short name, which commands and keys hold; rules and from_numbers have doors of their own."""


def words_of_program(session: Session, program_id: int) -> dict[str, Wording]:
    """The newest version of each kind of words that a program has."""
    newest = select(func.max(col(Wording.id))).where(col(Wording.program_id) == program_id).group_by(col(Wording.kind))
    rows = session.execute(select(Wording).where(col(Wording.id).in_(newest)).order_by(col(Wording.kind))).scalars()
    return {row.kind: row for row in rows}


def versions_of_words(session: Session, program_id: int) -> list[Wording]:
    """Every version of every kind of words, newest first within its kind."""
    mine = select(Wording).where(col(Wording.program_id) == program_id)
    return list(session.execute(mine.order_by(col(Wording.kind), col(Wording.version).desc())).scalars())


def lines_of_program(session: Session, program_id: int) -> list[FromNumber]:
    """Its from_numbers by country, the retired ones last."""
    mine = select(FromNumber).where(col(FromNumber.program_id) == program_id)
    order = col(FromNumber.retired_at).is_not(None), col(FromNumber.country), col(FromNumber.id)
    return list(session.execute(mine.order_by(*order)).scalars())


def as_written(session: Session, program: Program) -> ProgramIn:
    """The program as somebody would write it today, with its living from_numbers and newest words."""
    program_id = program.id or 0
    plain = {name: getattr(program, name) for name in CHANGEABLE if name not in ("purposes", "caps", "hours")}
    return ProgramIn(
        slug=program.slug,
        purposes=[Purpose(name) for name in program.purposes],
        caps=[Cap(**_cap(cap)) for cap in program.caps],
        hours=None if program.hours is None else [Window(*one) for one in program.hours],
        loosened=program.loosened,
        from_numbers=[_line(one) for one in lines_of_program(session, program_id) if one.retired_at is None],
        wordings={kind: row.text for kind, row in words_of_program(session, program_id).items()},
        **plain,
    )


def change_program(runtime: Runtime, program_id: int, wanted: ProgramIn, actor: str) -> list[str]:
    """Keep it as it is written now, and new words as new versions; returns the names of what is different.

    Name, from_numbers and loosened rules stay as they are. Approved and running campaigns of the program wait until
    they are approved again where what people get has changed. ProgramError says what to mend.
    """
    now = runtime.clock.now()
    with runtime.db.write() as session:
        locked = select(Program).where(col(Program.id) == program_id).with_for_update()
        program: Program = session.execute(locked).scalar_one()
        before = as_written(session, program)
        kept = {name: getattr(before, name) for name in ("slug", "from_numbers", "loosened")}
        wanted = replace(wanted, **kept)
        check(wanted, now.astimezone(UTC).date())
        fresh = program_row(wanted, now)
        changed = [name for name in CHANGEABLE if getattr(fresh, name) != getattr(program, name)]
        for name in changed:
            setattr(program, name, getattr(fresh, name))
        session.add(program)
        said = _say(session, program_id, wanted, now)
        if changed or said:
            audit.note(session, now, actor, "program.change", f"program {program_id}", {"changed": changed, **said})
    return [*changed, *said]


def _say(session: Session, program_id: int, wanted: ProgramIn, now: datetime) -> dict[str, int]:
    """Keep the words that differ from the newest ones; returns their versions by kind."""
    known = words_of_program(session, program_id)
    versions = {}
    for kind, text in wanted.wordings.items():
        newest = known.get(kind)
        if newest is None or newest.text != text.strip():
            versions[kind] = newest.version + 1 if newest else 1
            session.add(wording_row(program_id, kind, versions[kind], text.strip(), now))
    return versions


def _cap(cap: dict[str, Any]) -> dict[str, Any]:
    return {**cap, **({"purpose": Purpose(cap["purpose"])} if cap.get("purpose") else {})}


def _line(row: FromNumber) -> FromNumberIn:
    return FromNumberIn(**{name: getattr(row, name) for name in FromNumberIn.__slots__})
