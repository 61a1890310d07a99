"""Once a day the provider's list of the day before is held against our attempts, in both directions.

A text of ours that it does not list, and one from our from_numbers that no attempt explains (another program on the
same account, a clone of this one), are kept and shown to people. Nothing is sent because of it.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from sender.db import insert_new
from sender.delivery.wire import Wire
from sender.models import Attempt, Comparison, FromNumber
from sender.providers.base import Found, SendError
from sender.runtime import Runtime
from sender.watching import notices

OVERLAP = timedelta(minutes=15)
KEPT = 1_000
CHUNK = 500
DAY = timedelta(days=1)


def compare(runtime: Runtime, wire: Wire) -> int:
    """Compare yesterday (UTC) if nobody has; returns how many ids only one side knows. It asks again if it cannot."""
    end = runtime.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day = (end - DAY).date().isoformat()
    with runtime.db.read() as session:
        if session.get(Comparison, day) or not _sent_since(session, end - DAY):
            return 0
    try:
        listed = wire.ask(runtime.provider.messages_since(end - DAY - OVERLAP))
    except SendError:
        return 0
    with runtime.db.write() as session:
        agreed, ours, theirs = _differences(session, listed, end)
        row = {"day": day, "at": runtime.clock.now(), "agreed": agreed}
        insert_new(session, Comparison, [{**row, "ours_alone": ours[:KEPT], "theirs_alone": theirs[:KEPT]}])
        if ours or theirs:
            notices.begin(session, f"comparison:{day}", "alarm", _sentence(day, ours, theirs), runtime.clock.real())
    return len(ours) + len(theirs)


def _sent_since(session: Session, start: datetime) -> bool:
    return session.execute(select(col(Attempt.id)).where(col(Attempt.gated_at) >= start).limit(1)).first() is not None


def _differences(session: Session, listed: list[Found], end: datetime) -> tuple[int, list[str], list[str]]:
    """How many texts both sides know, the ids that the provider does not list, and those that no attempt has."""
    lines = set(session.execute(select(col(FromNumber.address))).scalars())
    outbound = [one for one in listed if one.direction != "inbound"]
    from_here = [one for one in outbound if lines & {one.from_address, one.service}]
    of_day = [one.sid for one in from_here if end - DAY <= one.created_at < end]
    known = _known(session, of_day)
    mine = select(col(Attempt.sid)).where(
        col(Attempt.outcome) == "accepted",
        col(Attempt.sid).is_not(None),
        col(Attempt.gated_at) >= end - DAY,
        col(Attempt.gated_at) < end,
    )
    theirs = {one.sid for one in outbound}
    ours_alone = sorted(sid for sid in session.execute(mine).scalars() if sid and sid not in theirs)
    return len(known), ours_alone, sorted(set(of_day) - known)


def _known(session: Session, sids: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(sids), CHUNK):
        some = select(col(Attempt.sid)).where(col(Attempt.sid).in_(sids[start : start + CHUNK]))
        found |= {sid for sid in session.execute(some).scalars() if sid}
    return found


def _sentence(day: str, ours: list[str], theirs: list[str]) -> str:
    """What differs, with an id to look for in the provider's log; the table keeps up to a thousand of each side."""
    told = [
        f"lists {len(theirs):,} texts from our from_numbers that were not sent here (such as {theirs[0]}): if no other "
        "program uses the account, somebody else may have its token"
        if theirs
        else "",
        f"lacks {len(ours):,} that were sent (such as {ours[0]}): ask its support" if ours else "",
    ]
    ends = f"This notice ends after {notices.COMPARED.days} days."
    return f"Of {day} the provider {'; and it '.join(filter(None, told))}. {ends}"
