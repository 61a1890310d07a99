"""The gate: one durable transaction that locks the numbers, runs the chain and marks what may go as ``sending``.

Its commit is the point of no return: from then on the text counts as sent until the opposite is proven.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from guards.base import Block, Defer, Draft, Kind, Purpose
from guards.chain import VERSION, Cleared, Refused, run
from sender import spend
from sender.among import among
from sender.approved import strayed
from sender.audience.decisions import decision
from sender.audience.facts import Asked, FactsLoader, Known
from sender.audience.pools import EVERYWHERE
from sender.backup.place import advance_mark
from sender.crypto import Keyring, text_hash, unseal
from sender.db import clock_of_database, insert_all, run_below
from sender.delivery.queued import Row, queued
from sender.delivery.reserving import BUDGET_USED, WHOLE, reserve
from sender.halt import is_halted
from sender.locks import lock_free_numbers, share
from sender.models import Attempt, Campaign, Decision, FromNumber, Message
from sender.providers.base import Outbound
from sender.runtime import Runtime
from sender.states import Status, advance, wait_again, wait_again_unheld
from sender.watching import notices

LONGEST_VALIDITY = 36_000
SHORTEST_VALIDITY = timedelta(seconds=120)
LINE_GONE = "Its from_number has left the program's pool for this country; send to the rest of the campaign."
STATUS_PATH = "/hooks/twilio/status/"
# Twilio repeats a lost callback only when the address asks for it: five times, whatever went wrong.
RETRY_ALL = "#rc=5&rp=all"


@dataclass(frozen=True, slots=True)
class Opened:
    """One text that passed: what to post, and since when (monotonic seconds) its permission ages."""

    message_id: int
    number_id: int
    program_id: int
    campaign_id: int | None
    token: str
    tries: int
    outbound: Outbound
    gated: float


class Line(NamedTuple):
    """What the gate needs of a from_number."""

    id: int
    program_id: int
    country: str
    address: str
    kind: str
    retired_at: datetime | None

    def serves(self, row: Row, country: str | None) -> bool:
        """Whether the text may still leave from here: answers from where they were asked, others out of their pool."""
        if row.kind == Kind.ANSWER.value:
            return True
        return self.program_id == row.program_id and self.retired_at is None and self.country in (EVERYWHERE, country)


_CAMPAIGNS, _LINES = Campaign.__table__, FromNumber.__table__  # type: ignore[attr-defined]
_STATUSES = select(_CAMPAIGNS.c.id, _CAMPAIGNS.c.status).where(among(_CAMPAIGNS.c.id, "ids"))
_NEWEST = select(func.max(Attempt.__table__.c.id))  # type: ignore[attr-defined]
_ADDRESSES = select(*(_LINES.c[name] for name in Line._fields)).where(among(_LINES.c.id, "ids"))


def open_gate(runtime: Runtime, ids: Sequence[int]) -> list[Opened]:
    """Let through what the chain clears of these queued messages; everything else is moved on with its reason."""
    with runtime.db.write() as session:
        rows = queued(session, ids)
        share(session, {row.campaign_id for row in rows if row.campaign_id})
        rows = _of_free_numbers(runtime, session, rows)
        rows = _of_running_campaigns(runtime, session, rows)
        gated, now = runtime.clock.elapsed(), runtime.watch.right(runtime.clock)
        rows = _one_per_number(runtime, session, rows, now)
        known = FactsLoader(runtime.keys, runtime.settings.address).load(
            session, [_asked(row) for row in rows], now, runtime.clock.margin
        )
        lines = _lines(session, {row.from_number_id for row in rows if row.from_number_id})
        outcomes = {row.id: judge(runtime, row, known.get(row.id), lines.get(row.from_number_id or 0)) for row in rows}
        used_up = reserve(runtime, session, rows, outcomes, now)
        _refuse(runtime, session, rows, known, outcomes, now)
        opened = _pass(runtime, session, rows, known, outcomes, lines, gated, now)
        newest = run_below(session, _NEWEST).scalar() if opened else None
    if newest:
        advance_mark(runtime, newest)
    if used_up:
        with runtime.db.write() as session:
            spend.pause_where_used(session, [campaign for campaign in used_up if campaign], now)
            if WHOLE in used_up:
                notices.begin(session, "budget", "alarm", BUDGET_USED, runtime.clock.real())
    return opened


def judge(runtime: Runtime, row: Row, known: Known | None, line: Line | None) -> Cleared | Refused:
    """The chain's answer for the frozen text; never other words than were planned (promise 7)."""
    if row.is_test and not runtime.settings.reaches_nobody:
        return Refused(
            Block("test_key", note="Texts of a test key go to a simulator on this machine only."), "gate", ()
        )
    if known is None or row.text_cipher is None:
        return Refused(Block("erased"), "gate", ())
    if line is None or not line.serves(row, known.facts.country):
        return Refused(Block("from_number_gone", note=LINE_GONE), "gate", ())
    words = unseal(known.data_key, row.text_cipher).decode()
    if text_hash(words) != row.text_hash:
        return Refused(Block("text_changed"), "gate", ())
    # What follows the colon only keeps one press of a button one text.
    answers = row.answers.partition(":")[0] if row.answers else None
    draft = Draft(words, Purpose(row.purpose), Kind(row.kind), answers, row.subject)
    outcome = run(draft, known.facts, runtime.chain)
    if isinstance(outcome, Refused):
        return outcome
    if outcome.draft.text != words:
        return Refused(Block("words_outdated"), "gate", ())
    if outcome.until is not None and outcome.until - known.facts.now < shortest(runtime) + known.facts.queue:
        return _at_the_next_opening(runtime, draft, known, outcome.until)
    return outcome


def shortest(runtime: Runtime) -> timedelta:
    """The least time a text must have at the provider before its window ends."""
    return max(SHORTEST_VALIDITY, runtime.clock.margin)


def _at_the_next_opening(runtime: Runtime, draft: Draft, known: Known, closed: datetime) -> Refused:
    again = run(draft, replace(known.facts, now=closed), runtime.chain)
    return again if isinstance(again, Refused) else Refused(Defer(closed, "window_closing"), "gate", ())


def _of_running_campaigns(runtime: Runtime, session: Session, rows: list[Row]) -> list[Row]:
    """Read after the shared lock: a pause that committed before it is seen, one that comes later waits for us."""
    runtime.watch.hear_database(clock_of_database(session), runtime.clock)
    if is_halted(session) or runtime.watch.trouble(runtime.clock):
        _move(runtime, session, [row.id for row in rows], Status.PENDING)
        return []
    ids = {row.campaign_id for row in rows if row.campaign_id}
    status = dict(run_below(session, _STATUSES, {"ids": list(ids)}).all())
    status |= dict.fromkeys(strayed(session, ids), "paused")
    open_rows = [row for row in rows if row.campaign_id is None or status[row.campaign_id] == "running"]
    gone = [row.id for row in rows if row.campaign_id and status[row.campaign_id] == "cancelled"]
    _move(runtime, session, gone, Status.CANCELLED)
    kept = {row.id for row in open_rows} | set(gone)
    _move(runtime, session, [row.id for row in rows if row.id not in kept], Status.PENDING)
    return open_rows


def _of_free_numbers(runtime: Runtime, session: Session, rows: list[Row]) -> list[Row]:
    """Texts to a number that somebody else holds (a STOP, an import, another gate) ask again, and nobody waits."""
    free = lock_free_numbers(session, (row.number_id for row in rows))
    taken = [row.id for row in rows if row.number_id not in free]
    wait_again_unheld(session, taken, now=runtime.clock.now(), real=runtime.clock.real())
    return [row for row in rows if row.number_id in free]


def _one_per_number(runtime: Runtime, session: Session, rows: list[Row], now: datetime) -> list[Row]:
    """Two texts to one number in one batch would not see each other in the caps: the second asks again."""
    first: dict[int, Row] = {}
    for row in rows:
        first.setdefault(row.number_id, row)
    later = [row.id for row in rows if first[row.number_id].id != row.id]
    _move(runtime, session, later, Status.PENDING)
    return list(first.values())


def _move(runtime: Runtime, session: Session, ids: list[int], to: Status) -> None:
    change = {"now": runtime.clock.now(), "real": runtime.clock.real()}
    # Another worker's gate may have let it through since it was read: what is on the wire waits no more.
    wait_again(session, ids, **change) if to is Status.PENDING else advance(session, ids, to, **change)


def _asked(row: Row) -> Asked:
    asks_back = row.answers == "confirm" and row.reply_id is None
    return Asked(
        row.id,
        row.number_id,
        row.program_id,
        Purpose(row.purpose),
        row.from_number_id,
        row.expires_at,
        row.reply_id,
        row.campaign_id,
        asks_back,
    )


def _refuse(
    runtime: Runtime,
    session: Session,
    rows: list[Row],
    known: dict[int, Known],
    outcomes: dict[int, Cleared | Refused],
    now: datetime,
) -> None:
    """Move what was deferred or blocked, and keep the decision with what it was based on (promise 8)."""
    real, decisions = runtime.clock.real(), []
    alike: dict[tuple[str, datetime | None], list[int]] = {}
    for row in rows:
        outcome = outcomes[row.id]
        if not isinstance(outcome, Refused):
            continue
        verdict = outcome.verdict
        decisions.append(decision(row.id, outcome, known.get(row.id), "gate", now))
        until = verdict.until if isinstance(verdict, Defer) else None
        alike.setdefault((verdict.reason, until), []).append(row.id)
    for (reason, until), ids in alike.items():
        if until is None:
            advance(session, ids, Status.BLOCKED, now=now, real=real, reason=reason)
        else:
            again = {"send_after": until, "deferrals": col(Message.deferrals) + 1}
            wait_again(session, ids, now=now, real=real, reason=reason, **again)
    insert_all(session, Decision, decisions)


def _pass(
    runtime: Runtime,
    session: Session,
    rows: Iterable[Row],
    known: dict[int, Known],
    outcomes: dict[int, Cleared | Refused],
    lines: Mapping[int, Line],
    gated: float,
    now: datetime,
) -> list[Opened]:
    real = runtime.clock.real()
    cleared = {row.id: (row, outcome) for row in rows if isinstance(outcome := outcomes[row.id], Cleared)}
    moved = advance(session, list(cleared), Status.SENDING, now=now, real=real, reason="")
    if not moved:
        return []
    opened, attempts = [], []
    keys, address = runtime.keys.as_of_now(), runtime.settings.hooks_address
    for message_id in sorted(moved):
        row, outcome = cleared[message_id]
        token, validity = secrets.token_urlsafe(16), _validity(outcome.until, row.expires_at, now)
        attempts.append(_attempt(row, known[message_id], outcome, token, validity, now, real))
        callback = f"{address}{STATUS_PATH}{signed_token(keys, token)}{RETRY_ALL}"
        line = lines[row.from_number_id or 0]
        outbound = Outbound(known[message_id].e164, line.address, line.kind, outcome, callback, validity)
        opened.append(Opened(row.id, row.number_id, row.program_id, row.campaign_id, token, row.tries, outbound, gated))
    insert_all(session, Attempt, attempts)
    return opened


def _lines(session: Session, ids: set[int]) -> dict[int, Line]:
    return {row.id: Line(*row) for row in run_below(session, _ADDRESSES, {"ids": list(ids)})}


def _validity(until: datetime | None, expires_at: datetime | None, now: datetime) -> int:
    """Whole seconds the provider may hold the text: never past the window's or the message's own end."""
    ends = [instant for instant in (until, expires_at) if instant is not None]
    left = (min(ends) - now).total_seconds() if ends else LONGEST_VALIDITY
    return max(1, min(LONGEST_VALIDITY, int(left)))


def _attempt(
    row: Row, known: Known, cleared: Cleared, token: str, validity: int, now: datetime, real: datetime
) -> dict[str, Any]:
    return {
        "message_id": row.id,
        "number_id": row.number_id,
        "program_id": row.program_id,
        "purpose": row.purpose,
        "kind": row.kind,
        "subject": row.subject,
        "token": token,
        "outcome": "live",
        "validity": validity,
        "gated_at": now,
        "touched_at": real,
        "searches": 0,
        "facts": {"chain": VERSION, "until": cleared.until.isoformat() if cleared.until else None, **known.record()},
    }


def signed_token(keys: Keyring, token: str) -> str:
    """The attempt's token as it stands in the callback address: only we could have made it."""
    return f"{token}.{keys.sign('receipt', token)}"
