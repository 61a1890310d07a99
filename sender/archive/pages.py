"""A page: rows as JSON, compressed, with their hash. What is read back is what was packed, or an error.

Keys keep their order: it is the order in which evidence is told.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from sender.models import ArchivePage, Attempt, Decision, Receipt


class ArchiveError(Exception):
    """A page is not what was written; the sentence names it and the mend."""


class Passages(NamedTuple):
    """The attempts and the receipts of some texts, each oldest first."""

    attempts: list[Attempt]
    receipts: list[Receipt]


def pack(*tables: tuple[type[SQLModel], Sequence[SQLModel]]) -> tuple[bytes, bytes]:
    """The compressed bytes of these rows, table by table, and their SHA-256."""
    body = {_name(table): _columns(table, rows) for table, rows in tables}
    packed = zlib.compress(json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(), 9)
    return packed, hashlib.sha256(packed).digest()


def passages(page: ArchivePage) -> Passages:
    """The attempts and receipts of a page. ArchiveError where its bytes have changed."""
    body = _open(page, page.passages, page.passages_hash)
    return Passages(_rows(Attempt, body), _rows(Receipt, body))


def decisions(page: ArchivePage) -> list[Decision]:
    """The decisions of a page, oldest first; none once retention has forgotten them. ArchiveError as above."""
    return _rows(Decision, _open(page, page.decisions, page.decisions_hash)) if page.decisions else []


def _open(page: ArchivePage, packed: bytes, expected: bytes) -> dict[str, Any]:
    if hashlib.sha256(packed).digest() != expected:
        period = f", with decisions of {page.decided_from:%Y-%m-%d} to {page.decided_until:%Y-%m-%d}"
        raise ArchiveError(
            f"Page {page.id} of the archive is not what was written: {page.texts} texts, packed on "
            f"{page.packed_at:%Y-%m-%d}{period if page.decided_from else ''}. See `tactful archive verify`, and take "
            "the page from a backup."
        )
    body: dict[str, Any] = json.loads(zlib.decompress(packed))
    return body


def _columns(table: type[SQLModel], rows: Sequence[SQLModel]) -> dict[str, Any]:
    """Column by column: what is alike lies side by side and packs to half of the size."""
    names = [column.name for column in table.__table__.columns]  # type: ignore[attr-defined]
    return {name: [_plain(getattr(row, name)) for row in rows] for name in names}


def _rows(table: type[SQLModel], body: dict[str, Any]) -> list[Any]:
    """Rows as the database would give them; a column that is younger than the page has its default."""
    columns = dict(body[_name(table)])
    for column in table.__table__.columns:  # type: ignore[attr-defined]
        if isinstance(column.type, UTCDateTime) and column.name in columns:
            columns[column.name] = [value and datetime.fromisoformat(value) for value in columns[column.name]]
    return [table(**dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)]


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _name(table: type[SQLModel]) -> str:
    return str(table.__table__.name)  # type: ignore[attr-defined]
