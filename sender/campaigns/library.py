"""The library of texts: saved templates in versions. A version never changes; a campaign takes the words of one."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from sender.campaigns.moves import ControlError
from sender.campaigns.rendering import compile_template
from sender.models import Audit, Program, SavedTemplate, TemplateVersion
from sender.runtime import Runtime

_NAME = re.compile(r"[^\s@](?:[^@\n]{0,78}[^\s@])?")


@dataclass(frozen=True, slots=True)
class Saved:
    """One template of the library as a list shows it, with its newest version."""

    id: int
    name: str
    program_id: int | None
    version: int
    text: str
    defaults: dict[str, Any]
    changed_by: str
    changed_at: datetime


def save_template(
    runtime: Runtime,
    name: str,
    text: str,
    actor: str,
    *,
    defaults: Mapping[str, str | None] | None = None,
    program: str | None = None,
    note: str = "",
    told: Mapping[str, str] | None = None,
) -> int:
    """Keep words as the next version of a template, made if it is new; returns the version.

    Words that are those of the newest version make no other. ``told`` goes into the audit beside it. ControlError or
    TemplateError say what to mend.
    """
    if not _NAME.fullmatch(name):
        raise ControlError(f"The name {name[:40]!r} cannot be used: 1 to 80 characters without @ and outer spaces.")
    fields = dict(defaults or {})
    digest, now = compile_template(text, fields).hash, runtime.clock.now()
    with runtime.db.write() as session:
        template = _found_or_made(session, name, program, actor, now)
        newest = _version(session, template.id or 0, None)
        if newest is not None and newest.hash == digest:
            return newest.version
        number = newest.version + 1 if newest else 1
        row = TemplateVersion(template_id=template.id or 0, version=number, text=text, hash=digest, note=note,
                              created_by=actor, created_at=now)  # fmt: skip
        row.defaults = fields
        session.add(row)
        _audit(session, now, actor, "template.save", template, {"version": number, "note": note, **(told or {})})
        return number


def archive_template(runtime: Runtime, name: str, actor: str, archived: bool = True) -> None:
    """Take a template out of the lists, or put it back; its versions stay for the campaigns that took them."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        template = _named(session, name)
        values = {"archived_at": now if archived else None}
        session.execute(update(SavedTemplate).where(col(SavedTemplate.id) == template.id).values(**values))
        _audit(session, now, actor, "template.archive" if archived else "template.restore", template, {})


def templates(session: Session, program_id: int | None = None, archived: bool = False) -> list[Saved]:
    """The library by name: what is for every program and, with ``program_id``, what is for that one."""
    newest = select(func.max(col(TemplateVersion.id))).group_by(col(TemplateVersion.template_id))
    shown = col(SavedTemplate.archived_at).is_not(None) if archived else col(SavedTemplate.archived_at).is_(None)
    statement = (
        select(SavedTemplate, TemplateVersion)
        .join(TemplateVersion, col(TemplateVersion.template_id) == col(SavedTemplate.id))
        .where(col(TemplateVersion.id).in_(newest), shown)
        .order_by(col(SavedTemplate.name))
    )
    if program_id is not None:
        mine = col(SavedTemplate.program_id)
        statement = statement.where(mine.is_(None) | (mine == program_id))
    return [
        Saved(one.id or 0, one.name, one.program_id, last.version, last.text, last.defaults, last.created_by,
              last.created_at)
        for one, last in session.execute(statement)
    ]  # fmt: skip


def versions(session: Session, name: str) -> list[TemplateVersion]:
    """Every version of a template, newest first."""
    mine = col(TemplateVersion.template_id) == _named(session, name).id
    return list(
        session.execute(select(TemplateVersion).where(mine).order_by(col(TemplateVersion.version).desc())).scalars()
    )


def of_name(session: Session, name: str) -> SavedTemplate | None:
    """The template of this name, in the lists or out of them."""
    found: SavedTemplate | None = session.execute(_by_name(name)).scalar()
    return found


def difference(session: Session, name: str, old: int, new: int) -> list[str]:
    """The lines that differ between two versions, as a unified diff without its head; [] where none does."""
    before, after = (_lines(_asked(session, name, version)) for version in (old, new))
    return list(difflib.unified_diff(before, after, lineterm=""))[2:]


def taken(
    session: Session, saved: str, defaults: Mapping[str, str | None]
) -> tuple[str, dict[str, str | None], int | None]:
    """Text, defaults (its own, then these) and version id of "welcome" (the newest) or "welcome@3"."""
    name, _, version = saved.partition("@")
    if version and not version.isdigit():
        raise ControlError(f"The template {saved!r} names no version; write {name} or {name}@3.")
    found = _asked(session, name, int(version) if version else None)
    return found.text, {**found.defaults, **defaults}, found.id


def _lines(version: TemplateVersion) -> list[str]:
    fields = [f"{name} = {value!r}" for name, value in sorted(version.defaults.items())]
    return [*version.text.splitlines(), *fields]


def _asked(session: Session, name: str, version: int | None) -> TemplateVersion:
    found = _version(session, _named(session, name).id or 0, version)
    if found is None:
        raise ControlError(f"Template {name!r} has no version {version}; `tactful template show {name}` lists them.")
    return found


def _version(session: Session, template_id: int, version: int | None) -> TemplateVersion | None:
    mine = select(TemplateVersion).where(col(TemplateVersion.template_id) == template_id)
    if version is not None:
        mine = mine.where(col(TemplateVersion.version) == version)
    return session.execute(mine.order_by(col(TemplateVersion.version).desc()).limit(1)).scalar()


def _by_name(name: str) -> Any:
    return select(SavedTemplate).where(col(SavedTemplate.name) == name)


def _named(session: Session, name: str) -> SavedTemplate:
    found: SavedTemplate | None = session.execute(_by_name(name)).scalar()
    if found is None:
        raise ControlError(f"There is no saved template {name!r}; `tactful template list` shows them.")
    return found


def _found_or_made(session: Session, name: str, program: str | None, actor: str, now: datetime) -> SavedTemplate:
    found = session.execute(_by_name(name)).scalar()
    program_id = None
    if program is not None:
        program_id = session.execute(select(col(Program.id)).where(col(Program.slug) == program)).scalar()
        if program_id is None:
            raise ControlError(f"There is no program {program!r}; `tactful program list` shows them.")
    if found is None:
        found = SavedTemplate(name=name, program_id=program_id, created_by=actor, created_at=now)
        session.add(found)
        session.flush()
    elif program is not None and found.program_id != program_id:
        raise ControlError(f"Template {name!r} belongs to another program, or to all; take another name.")
    return found


def _audit(
    session: Session, now: datetime, actor: str, action: str, template: SavedTemplate, detail: Mapping[str, Any]
) -> None:
    subject = f"template {template.id}"
    session.add(Audit(at=now, actor=actor, action=action, subject=subject, detail={"name": template.name, **detail}))
