"""Pack what became of old texts: up to 100 texts make a page, and a page is one transaction, or nothing.

The message itself stays: reports, the one text a campaign has for a number, and links rest on it. What goes into a page
is read seldom and takes most of the room: attempts, receipts and decisions. It is off until somebody says after how
many days a text is old.

A killed process leaves either all rows in their tables or all of them in a page that is named by their messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, select, update
from sqlmodel import Session, SQLModel, col

from guards.frequency_cap import LONGEST_HOURS
from sender import schema
from sender.archive.pages import pack
from sender.audit import note
from sender.db import Pace, run_below, upsert
from sender.models import ArchivePage, Attempt, Decision, Message, Receipt, RetentionRule
from sender.processes import presence
from sender.runtime import Runtime
from sender.states import OPEN, Status

log = structlog.get_logger()
KIND = "archive"
TEXTS = 100
"""On one page: its transaction holds SQLite's lock for some 20 ms, and larger pages pack no tighter."""
LEAST_DAYS, USUAL_DAYS, MOST_DAYS = LONGEST_HOURS // 24 + 1, 180, 36_500
OFF_SECONDS, OVER_SECONDS = 60.0, 3_600.0
SETTLED = frozenset({"accepted", "refused", "refuted"})
"""Outcomes that nothing changes any more."""
_OPEN = tuple(status.value for status in (*sorted(OPEN), Status.UNPROVEN))


class ArchiveRefused(Exception):
    """Nothing can be archived like this; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is in the archive, and when the newest of it was packed."""

    texts: int
    pages: int
    bytes: int
    packed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """What one look at the next texts did: how many it packed, where the next begins, and whether all was seen."""

    texts: int
    looked_to: int
    over: bool


def days(session: Session) -> int | None:
    """After how many days a text is old; None: nothing is archived."""
    return session.execute(select(col(RetentionRule.days)).where(col(RetentionRule.kind) == KIND)).scalar()


def keep_open_for(session: Session, wanted: int | None, actor: str, now: datetime) -> None:
    """Archive what is so many days old from now on (None: nothing). ArchiveRefused for days that caps still need."""
    if wanted is not None and not LEAST_DAYS <= wanted <= MOST_DAYS:
        raise ArchiveRefused(
            f"{wanted} days cannot be: caps look back over {LEAST_DAYS - 1} days; give {LEAST_DAYS} to {MOST_DAYS:,}."
        )
    before = days(session)
    upsert(session, RetentionRule, [{"kind": KIND, "days": wanted, "set_by": actor, "set_at": now}], ["kind"])
    note(session, now, actor, "archive.set", KIND, {"days": wanted, "before": before})


def check(session: Session, before: datetime, now: datetime) -> None:
    """ArchiveRefused where a text of that day may still count for a cap, or a process does not know pages as we do."""
    latest = now - timedelta(days=LEAST_DAYS)
    if before > latest:
        raise ArchiveRefused(
            f"Caps look back over {LEAST_DAYS - 1} days; give a day up to {latest:%Y-%m-%d}, or leave --before out."
        )
    if older := presence.behind(session, schema.known()):
        raise ArchiveRefused(f"An older version still works: {', '.join(older)}; upgrade it first, then archive.")


class Archiver:
    """The scheduler's step: a page at a time while there is something, then once an hour.

    It goes on where the newest page ends: a text that was still open when its neighbours went stays in the tables
    until `tactful archive run` looks from the beginning.
    """

    def __init__(self, runtime: Runtime, texts: int = TEXTS) -> None:
        self._runtime, self._texts, self._next, self._after = runtime, texts, float("-inf"), -1
        self.waits = False

    def step(self) -> int:
        """One page, if archiving is on and there is something; returns how many texts were packed."""
        elapsed = self._runtime.clock.elapsed()
        if elapsed < self._next:
            return 0
        with self._runtime.db.read() as session:
            old = days(session)
            if self._after < 0:
                self._after = session.execute(select(func.max(col(ArchivePage.looked_to)))).scalar() or 0
            older = presence.behind(session, schema.known()) if old is not None else []
        self.waits = bool(older)
        if older:
            log.warning("nothing is archived while an older version works", who=older)
        if older or old is None:
            self._next = elapsed + OFF_SECONDS
            return 0
        before = self._runtime.clock.now() - timedelta(days=old)
        packed = pack_next(self._runtime, before, self._after, "scheduler", self._texts)
        self._after = packed.looked_to
        if packed.over:
            self._next = elapsed + OVER_SECONDS
        return packed.texts


def pack_next(runtime: Runtime, before: datetime, after: int, actor: str, texts: int = TEXTS) -> Packed:
    """Pack what is older than ``before`` among the next texts behind the id ``after``, in one transaction."""
    with runtime.db.read() as session:
        seen = _next(session, after, texts)
    old = [message_id for message_id, created_at in seen if created_at < before]
    looked_to, over = (old[-1] if old else after), len(old) < texts
    if not old:
        return Packed(0, looked_to, over)
    with runtime.db.write(Pace.BULK) as session:
        packed = _pack(session, old, before, looked_to, runtime.clock.now(), actor)
    return Packed(packed, looked_to, over)


def count(session: Session, before: datetime) -> int:
    """How many texts are old and settled and not in the archive; reads all messages."""
    return int(session.execute(select(func.count()).select_from(Message).where(*_old(before))).scalar_one())


def size(session: Session) -> Size:
    """How much is in the archive."""
    weight = func.length(col(ArchivePage.passages)) + func.length(col(ArchivePage.decisions))
    summed = select(*(func.coalesce(func.sum(one), 0) for one in (col(ArchivePage.texts), 1, weight)))
    summed = summed.add_columns(func.max(col(ArchivePage.packed_at)))
    texts, pages, total, newest = session.execute(summed.select_from(ArchivePage)).one()
    return Size(int(texts), int(pages), int(total), newest)


def _next(session: Session, after: int, texts: int) -> list[tuple[int, datetime]]:
    columns = col(Message.id), col(Message.created_at)
    wanted = select(*columns).where(col(Message.id) > after, col(Message.archive_page).is_(None))
    rows = session.execute(wanted.order_by(col(Message.id)).limit(texts))
    return [(message_id or 0, created_at) for message_id, created_at in rows]


def _old(before: datetime) -> tuple[Any, ...]:
    return (
        col(Message.archive_page).is_(None),
        col(Message.created_at) < before,
        col(Message.changed_at) < before,
        col(Message.status).not_in(_OPEN),
    )


def _pack(session: Session, ids: Sequence[int], before: datetime, looked_to: int, now: datetime, actor: str) -> int:
    """Rows are read, packed and deleted under one lock: what comes meanwhile stays in its table."""
    these = select(col(Message.id)).where(col(Message.id).in_(ids), *_old(before)).with_for_update()
    wanted = set(session.execute(these).scalars())
    attempts = _rows(session, Attempt, col(Attempt.message_id), wanted)
    receipts = _rows(session, Receipt, col(Receipt.sid), {one.sid for one in attempts if one.sid})
    decisions = _rows(session, Decision, col(Decision.message_id), wanted)
    wanted -= _unfit(session, attempts, receipts, decisions)
    attempts = [one for one in attempts if one.message_id in wanted]
    sids = {one.sid for one in attempts}
    receipts = [one for one in receipts if one.sid in sids]
    decisions = [one for one in decisions if one.message_id in wanted]
    if not wanted:
        return 0
    page = _page(attempts, receipts, decisions, looked_to, len(wanted), now)
    session.add(page)
    session.flush()
    for table, rows in ((Attempt, attempts), (Receipt, receipts), (Decision, decisions)):
        _delete(session, table, [row.id or 0 for row in rows])
    session.execute(update(Message).where(col(Message.id).in_(wanted)).values(archive_page=page.id))
    counts = {"texts": page.texts, "attempts": len(attempts), "receipts": len(receipts), "decisions": len(decisions)}
    hashes = {"passages_hash": page.passages_hash.hex(), "decisions_hash": page.decisions_hash.hex()}
    note(session, now, actor, "archive.page", f"page {page.id}", {**counts, **hashes})
    return len(wanted)


def _page(
    attempts: Sequence[Attempt],
    receipts: Sequence[Receipt],
    decisions: Sequence[Decision],
    looked_to: int,
    texts: int,
    now: datetime,
) -> ArchivePage:
    packed, packed_hash = pack((Attempt, attempts), (Receipt, receipts))
    decided, decided_hash = pack((Decision, decisions))
    instants = [one.at for one in decisions]
    return ArchivePage(
        packed_at=now,
        looked_to=looked_to,
        texts=texts,
        passages=packed,
        passages_hash=packed_hash,
        decisions=decided,
        decisions_hash=decided_hash,
        decision_count=len(decisions),
        decided_from=min(instants, default=None),
        decided_until=max(instants, default=None),
    )


def _unfit(
    session: Session, attempts: Sequence[Attempt], receipts: Sequence[Receipt], decisions: Sequence[Decision]
) -> set[int]:
    """Texts that stay: an attempt or receipt is unsettled, or a row is its table's newest.

    The newest keep their ids from being given again, and say how far this database has come (sender/backup/place.py).
    """
    by_sid = {one.sid: one.message_id for one in attempts if one.sid}
    newest = {
        table: session.execute(select(func.max(col(table.id)))).scalar() for table in (Attempt, Receipt, Decision)
    }
    return {
        *(one.message_id for one in attempts if one.outcome not in SETTLED or one.id == newest[Attempt]),
        *(by_sid[one.sid] for one in receipts if one.state != "applied" or one.id == newest[Receipt]),
        *(one.message_id for one in decisions if one.id == newest[Decision]),
    }


def _rows(session: Session, table: type[SQLModel], column: Any, wanted: set[Any]) -> list[Any]:
    if not wanted:
        return []
    cells = table.__table__.c  # type: ignore[attr-defined]
    return list(session.execute(select(table).where(column.in_(wanted)).order_by(cells.id).with_for_update()).scalars())


def _delete(session: Session, table: type[SQLModel], ids: list[int]) -> None:
    """Exactly these rows, or the page is not made."""
    if ids:
        rows = table.__table__  # type: ignore[attr-defined]
        gone = run_below(session, delete(rows).where(rows.c.id.in_(ids)))
        if gone.rowcount != len(ids):
            raise ArchiveRefused(f"Rows of {table.__name__} changed while they were packed; nothing was archived.")
