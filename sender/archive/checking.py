"""Whether the archive is whole: every page is what the audit says was written, and no page is missing."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.archive import pages
from sender.archive.pages import ArchiveError
from sender.models import ArchivePage, Audit

FORGOTTEN = "archived_decisions"
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Verified:
    """Pages that hold, the texts on them, and pages whose decisions retention has forgotten."""

    pages: int
    texts: int
    forgotten: int


def verify(session: Session) -> Verified:
    """Walk every page against the audit, which is sealed itself. ArchiveError names the first that does not hold."""
    known = _written(session)
    count = texts = forgotten = 0
    wanted = select(ArchivePage).order_by(col(ArchivePage.id)).execution_options(yield_per=AT_ONCE)
    for page in session.execute(wanted).scalars():
        _hold(page, known.pop(f"page {page.id}", None))
        count, texts = count + 1, texts + page.texts
        forgotten += not page.decisions
        session.expunge(page)
    if known:
        raise ArchiveError(f"{min(known).capitalize()} of the archive is missing; take it from a backup.")
    _forgotten_by_rule(session, forgotten)
    return Verified(count, texts, forgotten)


def _written(session: Session) -> dict[str, dict[str, Any]]:
    wanted = select(col(Audit.subject), col(Audit.detail)).where(col(Audit.action) == "archive.page")
    return dict(session.execute(wanted).all())


def _hold(page: ArchivePage, said: dict[str, Any] | None) -> None:
    if said is None:
        raise ArchiveError(f"Page {page.id} of the archive was not written by us: the audit does not know it.")
    named = said["passages_hash"], said["decisions_hash"]
    if (page.passages_hash.hex(), page.decisions_hash.hex()) != named:
        raise ArchiveError(f"Page {page.id} of the archive was changed after it was written; take it from a backup.")
    pages.passages(page)
    pages.decisions(page)


def _forgotten_by_rule(session: Session, found: int) -> None:
    """Pages without decisions are those that retention emptied, and the audit says how many these are."""
    acts = select(col(Audit.detail)).where(col(Audit.action) == "retention.forget", col(Audit.subject) == FORGOTTEN)
    told = sum(int(detail["rows"]) for detail in session.execute(acts).scalars())
    if found != told:
        raise ArchiveError(
            f"{found} pages of the archive have no decisions, but retention emptied {told}; take them from a backup."
        )
