"""Loosening a rule for one program, and keeping it again: by an owner, for a reason, with a line in the audit.

Only rules that are no law on texts can be loosened (basis courtesy or law-call); no guard can be switched off.
"""

from datetime import UTC

from sqlalchemy import func, select
from sqlmodel import Session, col

from guards import rules
from guards.rules import Rule
from sender.accounts import Person
from sender.models import Audit, Campaign, Program
from sender.runtime import Runtime

COMMAND_LINE = "command line"


class LooseningError(Exception):
    """A rule cannot be loosened or kept like this; the sentence says why."""


def loosen(runtime: Runtime, program: str, rule_id: str, why: str, by: Person | None = None) -> None:
    """Have a program not keep a rule from now on. ``by`` None: whoever has the machine's command line, an owner."""
    rule = _rule(runtime, rule_id)
    if not rule.may_be_loosened:
        raise LooseningError(f"{rule.id} is {rule.basis} ({rule.citation}): nobody can loosen it.")
    with runtime.db.write() as session:
        found = _program(session, program, why, by)
        found.loosened = {**found.loosened, rule.id: why.strip()}
        _audit(runtime, session, found, "rule.loosen", {"rule": rule.id, "basis": rule.basis, "why": why.strip()}, by)


def keep(runtime: Runtime, program: str, rule_id: str, why: str, by: Person | None = None) -> None:
    """Have a program keep a rule again that it loosened."""
    with runtime.db.write() as session:
        found = _program(session, program, why, by)
        if rule_id not in found.loosened:
            raise LooseningError(f"{program} does not loosen {rule_id}; `tactful rules loosened` shows what it does.")
        found.loosened = {rule: reason for rule, reason in found.loosened.items() if rule != rule_id}
        _audit(runtime, session, found, "rule.keep", {"rule": rule_id, "why": why.strip()}, by)


def affected(session: Session, program_id: int) -> int:
    """How many campaigns of a program are bound to the rules it keeps now: a change stops them until approved again."""
    bound = col(Campaign.program_id) == program_id, col(Campaign.status).in_(("approved", "scheduled", "running"))
    return int(session.execute(select(func.count()).select_from(Campaign).where(*bound)).scalar_one())


def loosened(session: Session) -> list[dict[str, str]]:
    """Every rule that some program does not keep, with the reason."""
    rows = session.execute(select(Program).order_by(col(Program.slug))).scalars()
    return [
        {"program": row.slug, "rule": rule, "why": why} for row in rows for rule, why in sorted(row.loosened.items())
    ]


def _rule(runtime: Runtime, rule_id: str) -> Rule:
    if rule_id not in rules.book().jurisdictions:
        raise LooseningError(f"There is no rule {rule_id!r}; `tactful rules list` shows those there are.")
    return rules.on(rule_id, runtime.clock.now().astimezone(UTC).date())


def _program(session: Session, slug: str, why: str, by: Person | None) -> Program:
    found: Program | None = session.execute(select(Program).where(col(Program.slug) == slug).with_for_update()).scalar()
    if found is None:
        raise LooseningError(f"There is no program {slug!r}; `tactful program list` shows them.")
    if by is not None and not by.may("owner", found.id or 0):
        raise LooseningError("Only an owner may change which rules a program keeps; ask one.")
    if not why.strip():
        raise LooseningError("A rule is loosened or kept for a reason, which is on record; write why.")
    return found


def _audit(
    runtime: Runtime, session: Session, program: Program, action: str, detail: dict[str, str], by: Person | None
) -> None:
    actor = by.actor if by else COMMAND_LINE
    session.add(
        Audit(at=runtime.clock.now(), actor=actor, action=action, subject=f"program {program.id}", detail=detail)
    )
