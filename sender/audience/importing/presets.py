"""Saved ways to read files of one kind, so that the next export of the same system needs no mapping."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.importing.options import FileRefused
from sender.audit import note
from sender.models import ImportPreset
from sender.runtime import Runtime

LONGEST_NAME = 80


def listing(session: Session) -> list[ImportPreset]:
    """The saved mappings by name."""
    rows = list(session.execute(select(ImportPreset).order_by(col(ImportPreset.name))).scalars())
    session.expunge_all()
    return rows


def fitting(presets: Sequence[ImportPreset], headers: Sequence[str]) -> list[ImportPreset]:
    """Those whose columns a file has, the one that names most of them first."""
    have = set(headers)
    found = [preset for preset in presets if preset.mapping and set(preset.mapping) <= have]
    return sorted(found, key=lambda preset: -len(preset.mapping))


def save(runtime: Runtime, name: str, mapping: Mapping[str, str], region: str | None, actor: str) -> None:
    """Keep a mapping under a name; one that has it already is replaced. FileRefused: no fit name."""
    plain = name.strip()
    if not plain or len(plain) > LONGEST_NAME:
        raise FileRefused(f"Give the saved columns a name of at most {LONGEST_NAME} letters.")
    now = runtime.clock.now()
    with runtime.db.write() as session:
        found = session.execute(select(ImportPreset).where(col(ImportPreset.name) == plain)).scalar()
        row = found or ImportPreset(name=plain, created_by=actor, created_at=now)
        row.mapping, row.region = dict(mapping), region
        session.add(row)
        note(session, now, actor, "import_preset.save", "import preset", {"name": plain})
