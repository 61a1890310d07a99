"""Segments that ask about other segments: {"segment": 12} or {"segment": "VIP"} is whoever is in that saved one.

They are written out before anything is asked of the database, so that there is one language underneath, and so that a
campaign keeps what was approved whatever becomes of the saved ones. A saved segment names others by their ids.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.segment_language import DEEPEST, SegmentError, parse
from sender.models import Segment

NAMED = "segment"
Rows = Mapping[int, Segment]


def written_out(session: Session, definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with every saved segment in it written out; SegmentError where one is missing or contains itself.

    A definition that names none comes back as it is.
    """
    if not names_any(definition):
        return dict(definition)
    return _written_out(_all(session), definition, "segment", ())


def every_one(session: Session, rows: list[Segment]) -> list[Segment]:
    """These saved segments with their definitions written out; for showing and comparing, not for saving."""
    known = _all(session) if any(names_any(row.definition) for row in rows) else {}
    return [Segment(id=row.id, name=row.name, created_at=row.created_at, definition=_shown(known, row)) for row in rows]


def by_ids(session: Session, definition: Mapping[str, Any], name: str, segment_id: int | None) -> dict[str, Any]:
    """A definition to be saved under this name, naming others by id; SegmentError says where it means nothing.

    It is judged as it would be once saved: neither it nor what it names may contain itself, and whoever asks about it
    must still mean something.
    """
    rows = _all(session)
    mine: dict[str, Any] = _each(definition, "segment", lambda asked, path: {NAMED: _found(rows, asked, path).id})
    own = segment_id or 0
    with_mine = {**rows, own: Segment(id=own, name=name, definition=mine)}  # type: ignore[call-arg]
    parse(_written_out(with_mine, mine, "segment", (own,)))
    for user in _users(with_mine, own):
        try:
            parse(_shown(with_mine, user))
        except SegmentError as error:
            raise SegmentError(f"“{user.name}” asks about it and could not be asked any more: {error}") from error
    return mine


def users_of(session: Session, segment_id: int) -> list[str]:
    """The names of the saved segments that ask about this one."""
    return sorted(row.name for row in _all(session).values() if segment_id in _asked_about(row.definition))


def names_any(definition: object) -> bool:
    """Whether a definition names a saved segment anywhere."""
    if isinstance(definition, Mapping):
        return NAMED in definition or any(names_any(part) for part in definition.values())
    return isinstance(definition, list) and any(names_any(part) for part in definition)


def _all(session: Session) -> dict[int, Segment]:
    return {row.id or 0: row for row in session.execute(select(Segment).order_by(col(Segment.id))).scalars()}


def _asked_about(definition: object) -> set[int]:
    if isinstance(definition, Mapping):
        if isinstance(asked := definition.get(NAMED), int):
            return {asked}
        definition = list(definition.values())
    return set().union(*map(_asked_about, definition)) if isinstance(definition, list) else set()


def _users(rows: Rows, own: int) -> list[Segment]:
    """Who asks about this segment, also by way of others."""
    found = {own}
    while more := {row.id or 0 for row in rows.values() if _asked_about(row.definition) & found} - found:
        found |= more
    return [rows[one] for one in sorted(found - {own})]


def _shown(rows: Rows, row: Segment) -> dict[str, Any]:
    return _written_out(rows, row.definition, "segment", (row.id or 0,)) if rows else row.definition


def _written_out(rows: Rows, definition: Mapping[str, Any], path: str, inside: tuple[int, ...]) -> dict[str, Any]:
    def instead(asked: object, where: str) -> dict[str, Any]:
        row = _found(rows, asked, where)
        own = row.id or 0
        if own in inside:
            ways = " in ".join(f"“{rows[one].name}”" for one in (*inside[inside.index(own) :], own)[::-1])
            raise SegmentError(f"{where}: would ask about itself ({ways}); take one of them out.")
        if len(inside) >= DEEPEST:
            raise SegmentError(f"{where}: is the {DEEPEST + 1}th segment inside another; make it flatter.")
        return _written_out(rows, row.definition, where, (*inside, own))

    found: dict[str, Any] = _each(definition, path, instead)
    return found


def _each(definition: Any, path: str, instead: Callable[[object, str], dict[str, Any]]) -> Any:
    """The definition with every name of a saved segment replaced; what is no definition is left for the reader."""
    if isinstance(definition, list):
        return [_each(part, f"{path}[{at}]", instead) for at, part in enumerate(definition)]
    if not isinstance(definition, Mapping) or "field" in definition:
        return definition
    if NAMED in definition:
        if len(definition) != 1:
            raise SegmentError(f"{path}: names a segment and must have nothing beside it.")
        return instead(definition[NAMED], f"{path}.{NAMED}")
    return {word: _each(part, f"{path}.{word}", instead) for word, part in definition.items()}


def _found(rows: Rows, asked: object, path: str) -> Segment:
    """By id, or by the whole name."""
    for row in rows.values():
        if not isinstance(asked, bool) and asked in (row.id, row.name):
            return row
    raise SegmentError(f"{path}: there is no saved segment {asked!r}; give the name or number of one.")
