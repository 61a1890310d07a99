"""The attempts, receipts and decisions of texts, wherever they lie: in their tables or packed in the archive.

Who asks about texts of any age asks here; the gate, receipts, brakes and reconciling look back over days and ask the
tables themselves (docs/scaling.md lists every reader).
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, SQLModel, col

from sender.archive import pages
from sender.models import ArchivePage, Attempt, Decision, Message, Receipt

CHUNK = 500
OPENED = 20
"""So many pages are held at once: some 10 kB each."""


class Past(NamedTuple):
    """What became of some texts, each kind oldest first."""

    decisions: list[Decision]
    attempts: list[Attempt]
    receipts: list[Receipt]


def past_of(session: Session, texts: Sequence[Message]) -> Past:
    """Every decision, attempt and receipt of these texts."""
    wanted = {text.id for text in texts}
    decisions = _some(session, Decision, col(Decision.message_id), wanted)
    attempts, receipts = _some(session, Attempt, col(Attempt.message_id), wanted), list[Receipt]()
    for page in _opened(session, _named(texts)):
        packed = pages.passages(page)
        mine = [one for one in packed.attempts if one.message_id in wanted]
        sids = {one.sid for one in mine}
        attempts += mine
        receipts += (one for one in packed.receipts if one.sid in sids)
        decisions += (one for one in pages.decisions(page) if one.message_id in wanted)
    receipts += _some(session, Receipt, col(Receipt.sid), {one.sid for one in attempts if one.sid})
    return Past(_in_order(decisions), _in_order(attempts), _in_order(receipts))


def decisions_of(session: Session, texts: Sequence[Message]) -> list[Decision]:
    """Every decision about these texts, oldest first."""
    wanted = {text.id for text in texts}
    found = _some(session, Decision, col(Decision.message_id), wanted)
    for page in _opened(session, _named(texts)):
        found += (one for one in pages.decisions(page) if one.message_id in wanted)
    return _in_order(found)


def decisions_between(session: Session, since: datetime, until: datetime) -> Iterator[list[Decision]]:
    """The archive's decisions that fell in this period, a page at a time; those in their table are not among them."""
    fell = col(ArchivePage.decided_until) >= since, col(ArchivePage.decided_from) < until
    for page in _opened(session, set(session.execute(select(col(ArchivePage.id)).where(*fell)).scalars())):
        yield [one for one in pages.decisions(page) if since <= one.at < until]


def attempts_on(session: Session, page_ids: Collection[int]) -> Iterator[Attempt]:
    """Every attempt on these pages."""
    for page in _opened(session, page_ids):
        yield from pages.passages(page).attempts


def _named(texts: Sequence[Message]) -> set[int]:
    return {text.archive_page for text in texts if text.archive_page is not None}


def _opened(session: Session, page_ids: Collection[int | None]) -> Iterator[ArchivePage]:
    ids = sorted(one for one in page_ids if one is not None)
    for start in range(0, len(ids), OPENED):
        some = select(ArchivePage).where(col(ArchivePage.id).in_(ids[start : start + OPENED]))
        yield from session.execute(some.order_by(col(ArchivePage.id))).scalars()


def _some(session: Session, table: type[SQLModel], column: Any, wanted: Collection[Any]) -> list[Any]:
    keys, found = sorted(wanted), list[Any]()
    for start in range(0, len(keys), CHUNK):
        found += session.execute(select(table).where(column.in_(keys[start : start + CHUNK]))).scalars()
    return found


def _in_order(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: row.id)
