"""What texts that were cleared may cost, and how many parts may go today: set aside in the gate's transaction.

Money is set aside once per message, parts for every attempt. A text takes from all that limit it or from none: one that
has no budget uses up no part of the day, and one whose from_number is at its cap no money.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import RESTRAINED, Defer, Kind, Purpose
from guards.chain import Cleared, Refused
from sender import allowances, closures, spend
from sender.allowances import Purse, Shortage, Wish
from sender.delivery.queued import Row
from sender.models import FromNumber
from sender.runtime import Runtime

WHOLE = 0
"""Stands for the whole installation where campaigns are named by their ids."""
MIDNIGHT = "{} has sent its {:,} parts of the day; more goes after midnight in Los Angeles."
BUDGET_USED = "The installation's budget of the day is used; more goes tomorrow (UTC), or raise TACTFUL_DAILY_BUDGET."


def reserve(
    runtime: Runtime, session: Session, rows: Sequence[Row], outcomes: dict[int, Cleared | Refused], now: datetime
) -> set[int]:
    """Set aside what was cleared costs, and its parts of the day; what does not fit waits. Returns whose money is used.

    Rows are locked in one order everywhere: from_numbers by address, campaigns by id, the installation.
    """
    _rest(session, rows, outcomes, now)
    cleared = [row for row in rows if isinstance(outcomes[row.id], Cleared)]
    first = [row for row in cleared if not row.tries]
    lines = _of_lines(session, cleared, now)
    campaigns = spend.purses(session, {row.campaign_id for row in first if row.campaign_id}, now)
    whole = _of_installation(runtime, session, first, now)
    wishes = []
    for row in cleared:
        money = [] if row.tries else [(purse, row.cost) for purse in (*campaigns.get(row.campaign_id or 0, ()), *whole)]
        parts = [(purse, max(1, row.parts)) for purse in lines.get(row.from_number_id or 0, ())]
        wishes.append(Wish(row.id, [*money, *parts]))
    short = allowances.share_out(session, wishes)
    for message_id, lacking in short.items():
        outcomes[message_id] = Refused(Defer(lacking.until, lacking.reason, note=lacking.note), "spend", ())
    used_up = {row.campaign_id for row in cleared if row.id in short and short[row.id].reason == "budget"}
    return {one for one in used_up if one} | {WHOLE for one in short.values() if one.reason == "installation_budget"}


def _rest(session: Session, rows: Sequence[Row], outcomes: dict[int, Cleared | Refused], now: datetime) -> None:
    """Put off what was cleared while its from_number, or everything, rests until the next day.

    What somebody waits for goes on from a from_number that one carrier stopped: others take it.
    """
    resting = closures.closed(session, now)
    if not resting:
        return
    lines = select(col(FromNumber.id), col(FromNumber.address))
    keys = {line_id: closures.key_of(address) for line_id, address in session.execute(lines)}
    for row in rows:
        whole, line = resting.get(allowances.INSTALLATION), resting.get(keys.get(row.from_number_id or 0, ""))
        one = whole or (None if _is_awaited(row) else line)
        if one is not None and isinstance(outcomes[row.id], Cleared):
            reason = "account_day" if one is whole else "carrier_day"
            outcomes[row.id] = Refused(Defer(one.until, reason, note=one.why), "provider", ())


def _is_awaited(row: Row) -> bool:
    return row.kind == Kind.ANSWER.value or Purpose(row.purpose) not in RESTRAINED


def _of_lines(session: Session, rows: Sequence[Row], now: datetime) -> dict[int, list[Purse]]:
    """The parts that each from_number may still send until midnight in Los Angeles.

    An address has one purse, whichever programs share it: with the lowest of their caps.
    """
    day = allowances.day_of(now, allowances.PACIFIC)
    capped = allowances.capped_lines(session, {row.from_number_id for row in rows if row.from_number_id})
    caps: dict[str, int] = {}
    for line in capped:
        caps[line.address] = min(line.cap, caps.get(line.address, line.cap))
    purses = {}
    for address, cap in caps.items():
        shortage = Shortage("daily_parts", day.ends, MIDNIGHT.format(address, cap))
        purses[address] = allowances.open_purse(session, f"line:{address}", day, cap, shortage)
    return {line.line_id: [purses[line.address]] for line in capped}


def _of_installation(runtime: Runtime, session: Session, rows: Sequence[Row], now: datetime) -> list[Purse]:
    """What the whole installation may spend in a day (UTC); beyond it all wait for tomorrow."""
    cap, day = runtime.settings.daily_budget, allowances.day_of(now)
    if cap is None or not rows:
        return []
    shortage = Shortage("installation_budget", day.ends, BUDGET_USED)
    return [allowances.open_purse(session, allowances.INSTALLATION, day, int(cap * allowances.UNIT), shortage)]
