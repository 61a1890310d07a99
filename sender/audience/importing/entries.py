"""Who was in an import and what it changed of them, kept so that it can be undone."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.db import insert_all, upsert
from sender.models import ImportEntry

FIELDS = ("language", "postal_code", "region", "zone", "import_id")
Contacts = Mapping[int, Mapping[str, Any]]


def write(session: Session, import_id: int, former: Contacts, contacts: Contacts, own: Collection[int]) -> None:
    """Note each of these contacts (by number id) with its fields as they were before this slice of the import.

    Numbers in ``own`` are new in this slice.
    """
    rows = []
    again = _known(session, import_id, [number for number, one in former.items() if one["import_id"] == import_id])
    for number_id, contact in sorted(contacts.items()):
        before = former.get(number_id)
        was = None if before is None else changes(before, contact)
        if number_id in again:
            if again[number_id] is None or not was:
                continue
            was = _joined(again[number_id] or {}, was)
        rows.append({"import_id": import_id, "number_id": number_id, "was": was})
    insert_all(session, ImportEntry, [row for row in rows if row["number_id"] in own])
    upsert(session, ImportEntry, [row for row in rows if row["number_id"] not in own], ["import_id", "number_id"])


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Each field that differs, as [before, after]; attributes as "attributes.name"."""
    found = {name: [before[name], after[name]] for name in FIELDS if before[name] != after[name]}
    old, new = before["attributes"], after["attributes"]
    if old != new or list(map(type, old.values())) != list(map(type, new.values())):
        for name in {**old, **new}:
            was, now = old.get(name), new.get(name)
            if was != now or type(was) is not type(now):
                found[f"attributes.{name}"] = [was, now]
    return found


def _joined(first: Mapping[str, list[Any]], second: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """What two rows of one file changed: from before the first to after the second."""
    return {**first, **{name: [first.get(name, pair)[0], pair[1]] for name, pair in second.items()}}


def _known(session: Session, import_id: int, number_ids: list[int]) -> dict[int, dict[str, Any] | None]:
    """The entries that earlier slices of this import wrote for these numbers."""
    if not number_ids:
        return {}
    mine = col(ImportEntry.import_id) == import_id, col(ImportEntry.number_id).in_(number_ids)
    found = session.execute(select(col(ImportEntry.number_id), col(ImportEntry.was)).where(*mine))
    return {row[0]: row[1] for row in found}
