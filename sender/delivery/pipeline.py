"""How a batch of texts leaves. Read this file from top to bottom.

    deliver(ids)                                                       only while this process's clock is right
      for each handful that fits on the wire now:
        gate     one durable transaction: locks, facts, guard chain; what may go is `sending`          (gate.py)
        post     one request each, all at once, no transaction open; nothing is ever posted twice
      record     one short transaction for whatever has come back in this process: the state, and the provider's id

A process that dies between gate and record leaves `sending` behind; the sweeper calls it unconfirmed, and only a
receipt or the provider's list can say more (reconciler.py). Nothing here resends.
"""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, or_, select, update
from sqlmodel import Session, col

from guards.base import Purpose
from sender import closures
from sender.audience.ledger import Act, record
from sender.audience.opt_outs import scopes_of
from sender.delivery.brakes import pause
from sender.delivery.gate import Opened, open_gate
from sender.delivery.timekeeping import Timekeeper
from sender.delivery.wire import Slots, Wire
from sender.group_commit import GroupCommit
from sender.halt import halt
from sender.models import Attempt, FromNumber, Message, Number
from sender.providers.base import (
    Accepted,
    AccountFault,
    AnotherDay,
    Crowded,
    Misconfigured,
    NumberRefused,
    OptedOut,
    OutcomeUnknown,
    Rejected,
    Retryable,
    SendError,
)
from sender.rewriting import rewrite
from sender.runtime import Runtime
from sender.states import Status, advance

log = structlog.get_logger()

HANDFUL = 128
"""Texts of a gate, if there are as many: its two commits and some twenty questions are paid once for all of them."""
GATE_SECONDS = 2.0
GATHER_SECONDS = 0.03
LONGEST_WAIT = 3600.0
MISCONFIGURED_WAIT = 60.0
CLOCK_TRIES, CLOCK_PAUSE = 50, 0.1
LEAST_SECONDS = 1.0
RECORD_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)


Posted = Future[list[Future[None]]]
"""One handful on the wire: done when all of it is answered, with a future for each answer's record."""


class Stale(SendError):
    """The permission aged in our own hands: we know that we have not posted."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What came of one text that had passed the gate."""

    opened: Opened
    outcome: Accepted | SendError


class Pipeline:
    """Delivers batches in one worker process; ``stop`` lets what is on the wire finish and opens no more gates.

    ``places`` are how many requests it may have on the wire; None: as many as the settings say.
    """

    def __init__(self, runtime: Runtime, wire: Wire, places: int | None = None) -> None:
        self.runtime = runtime
        self.wire = wire
        self.slots = Slots(places or runtime.settings.places)
        self.timekeeper = Timekeeper(runtime, wire)
        self._stopping = threading.Event()
        self._answers: GroupCommit[Returned] = GroupCommit(
            runtime.db,
            lambda session, returned: record_outcomes(runtime, session, returned),
            after=self._pause_for,
            gather=GATHER_SECONDS,
            pauses=RECORD_PAUSES,
        )

    def stop(self) -> None:
        """Open no more gates; what was handed over but not gated is found by the sweep."""
        self._stopping.set()

    def finish(self, within: float) -> None:
        """Wait so many seconds for what is on the wire, and write down what has come; nothing goes out after that."""
        self.stop()
        over = time.monotonic() + within
        self.slots.await_all_free(within)
        self._answers.close(max(LEAST_SECONDS, over - time.monotonic()))

    def deliver(self, ids: Sequence[int]) -> None:
        """Gate, post and record these queued messages; ids that are no longer queued are passed over."""
        self._await_records(self.begin(ids))

    def take(self, ids: Sequence[int]) -> None:
        """Gate and post these queued messages for the bell, which is told nothing."""
        self.begin(ids)

    def begin(self, ids: Sequence[int]) -> "list[Posted]":
        """Gate and post these queued messages and return: the next gate need not wait until these are answered."""
        posted: list[Posted] = []
        if not self._has_the_time():
            return posted
        for some in self._handfuls(ids):
            opened: list[Opened] = []
            try:
                opened = open_gate(self.runtime, some)
            finally:
                self.slots.give_back(len(some) - len(opened))
            posted.append(self.wire.start(self._post_all(opened)))
        return posted

    def _has_the_time(self) -> bool:
        """Hold still while this process's clock is wrong: the bell rings for others, and the sweep finds the rest."""
        for _ in range(CLOCK_TRIES):
            if self.timekeeper.is_right():
                return True
            if self._stopping.wait(CLOCK_PAUSE):
                break
        return False

    def _handfuls(self, ids: Sequence[int]) -> Iterator[Sequence[int]]:
        """As many as can be on the wire at once; the places are taken before the gate, so permissions do not age."""
        start = 0
        while start < len(ids) and not self._stopping.is_set():
            left = len(ids) - start
            taken = self.slots.take(min(HANDFUL, left))
            if self._stopping.is_set():
                self.slots.give_back(taken)
                return
            yield ids[start : start + taken]
            start += taken

    def post_and_record(self, opened: Sequence[Opened]) -> None:
        """Post what has passed the gate, all at once, and return when each answer is recorded."""
        self._await_records([self.wire.start(self._post_all(opened))])

    async def _post_all(self, opened: Sequence[Opened]) -> "list[Future[None]]":
        return await asyncio.gather(*map(self._post, opened))

    def _await_records(self, posted: "Sequence[Posted]") -> None:
        """Wait until every answer is written down; one that could not be is found by the sweep, and stays unknown."""
        for written in posted:
            futures.wait(written.result())

    def _pause_for(self, returned: Sequence[Returned]) -> None:
        """Every next text would fail the same way: stop the campaign, or everything, and say so."""
        wrong = {
            (one.opened.campaign_id, one.outcome.code): one.outcome
            for one in returned
            if isinstance(one.outcome, Misconfigured)
        }
        for (campaign_id, code), error in wrong.items():
            if isinstance(error, AccountFault):
                halt(self.runtime, error.sentence, "system")
            elif campaign_id is not None:
                pause(self.runtime, campaign_id, error.sentence, {"why": error.sentence, "code": code})

    async def _post(self, one: Opened) -> "Future[None]":
        """Post one text and hand its answer in to be recorded; the future is done when it is."""
        outcome: Accepted | SendError
        try:
            if self.runtime.clock.elapsed() - one.gated > GATE_SECONDS:
                outcome = Stale("the gate was open for too long")
            else:
                outcome = await self.runtime.provider.send(one.outbound)
        except SendError as error:
            outcome = error
        except BaseException as error:
            # Whatever else went wrong, the request may have left: this is never proof that it did not.
            outcome = OutcomeUnknown(f"unexpected {type(error).__name__}; the text may have been accepted")
        _say(one, outcome)
        self._heed(outcome)
        written = self._answers.put(Returned(one, outcome))
        self.slots.give_back(1)
        return written

    def _heed(self, outcome: Accepted | SendError) -> None:
        """Have fewer on the wire while the account has too many there, whoever else sends for it."""
        if isinstance(outcome, Crowded):
            self.slots.narrow(time.monotonic())
        elif isinstance(outcome, Accepted):
            self.slots.widen()


def _say(one: Opened, outcome: Accepted | SendError) -> None:
    """The line that joins a message to what the provider calls it, or to why it did not take it."""
    name = f"msg_{one.message_id}"
    if isinstance(outcome, Accepted):
        log.debug("accepted", message=name, sid=outcome.sid)
    elif isinstance(outcome, Retryable | Stale):
        log.debug("not accepted yet", message=name, why=type(outcome).__name__, code=outcome.code)
    else:
        log.info("not accepted", message=name, why=type(outcome).__name__, code=outcome.code)


def record_outcomes(runtime: Runtime, session: Session, returned: Sequence[Returned]) -> None:
    """Write down what came back; nothing in it is fallible but the database itself, and twice is as good as once."""
    accepted = [(one.opened, one.outcome) for one in returned if isinstance(one.outcome, Accepted)]
    _record_accepted(runtime, session, accepted)
    for one in returned:
        if isinstance(one.outcome, SendError):
            _record_error(runtime, session, one.opened, one.outcome)


def _record_accepted(runtime: Runtime, session: Session, accepted: Sequence[tuple[Opened, Accepted]]) -> None:
    if not accepted:
        return
    now, real = runtime.clock.now(), runtime.clock.real()
    rows = [{"token": opened.token, "outcome": "accepted", "sid": answer.sid} for opened, answer in accepted]
    still = or_(col(Attempt.outcome) == "live", col(Attempt.outcome) == "unconfirmed")
    rewrite(session, Attempt.__table__, "token", rows, still)  # type: ignore[attr-defined]
    advance(session, [opened.message_id for opened, _ in accepted], Status.SENT, now=now, real=real, sent_at=now)


def _record_error(runtime: Runtime, session: Session, opened: Opened, error: SendError) -> None:
    """What each kind of error does to the attempt and the message; the tree stands in providers/base.py."""
    match error:
        case Stale():
            _try_again(runtime, session, opened, error)
        case AnotherDay():
            now = runtime.clock.now()
            until = closures.close(session, opened.outbound.from_address, error.whole, error.sentence, now)
            _try_again(runtime, session, opened, error, until=until)
        case Retryable():
            _try_again(runtime, session, opened, error, wait=min(LONGEST_WAIT, error.wait * 2**opened.tries))
        case Misconfigured():
            # What pauses (a campaign, the installation) holds the rest; texts without a campaign ask seldom.
            _try_again(runtime, session, opened, error, wait=0.0 if opened.campaign_id else MISCONFIGURED_WAIT)
        case Rejected():
            _fail(runtime, session, opened, error)
        case _:
            _close(session, opened, "unconfirmed", error)
            _to(runtime, session, opened, Status.UNCONFIRMED, error)


def _try_again(
    runtime: Runtime,
    session: Session,
    opened: Opened,
    error: SendError,
    wait: float = 0.0,
    until: datetime | None = None,
) -> None:
    _close(session, opened, "refuted", error)
    later = until or runtime.clock.now() + timedelta(seconds=wait * runtime.clock.speed)
    _to(runtime, session, opened, Status.PENDING, error, send_after=later, tries=opened.tries + 1)


def _fail(runtime: Runtime, session: Session, opened: Opened, error: SendError) -> None:
    _close(session, opened, "refused", error)
    _to(runtime, session, opened, Status.FAILED, error)
    learn(runtime, session, opened.number_id, opened.program_id, opened.token, error)


def learn(
    runtime: Runtime, session: Session, number_id: int, program_id: int, source_ref: str, error: SendError
) -> None:
    """What a refusal says beyond its text: an opt-out, a number that cannot be texted, a from_number at its cap."""
    now = runtime.clock.now()
    if isinstance(error, OptedOut):
        scopes = scopes_of(session, _programs_of_line(session, source_ref) or [program_id])
        record(session, [_provider_act(number_id, scope, source_ref, error, now) for scope in scopes], now)
    elif isinstance(error, AnotherDay):
        for address in session.execute(_address_of(source_ref)).scalars():
            closures.close(session, address, error.whole, error.sentence, now)
    elif isinstance(error, NumberRefused):
        session.execute(
            update(Number).where(col(Number.id) == number_id).values(state="invalid", state_reason=str(error.code))
        )


def _programs_of_line(session: Session, token: str) -> list[int]:
    """Every program of the from_number that an attempt used: the provider blocks a number, not a program."""
    used = col(FromNumber.address).in_(_address_of(token))
    return list(session.execute(select(col(FromNumber.program_id)).where(used).distinct()).scalars())


def _address_of(token: str) -> Select[str]:
    """The address that an attempt was posted from."""
    return (
        select(col(FromNumber.address))
        .join(Message, col(Message.from_number_id) == col(FromNumber.id))
        .join(Attempt, col(Attempt.message_id) == col(Message.id))
        .where(col(Attempt.token) == token)
    )


def _provider_act(number_id: int, scope: int | None, source_ref: str, error: SendError, now: datetime) -> Act:
    ref = f"provider:{source_ref}:{scope or 'all'}"
    evidence = {"code": error.code}
    return Act(number_id, scope, "opt_out", Purpose.MARKETING, now, "provider", ref, evidence=evidence)


def _close(session: Session, opened: Opened, outcome: str, error: SendError) -> None:
    session.execute(
        update(Attempt)
        .where(col(Attempt.token) == opened.token, col(Attempt.outcome) == "live")
        .values(outcome=outcome, error_code=error.code)
    )


def _to(
    runtime: Runtime, session: Session, opened: Opened, status: Status, error: SendError, **columns: object
) -> None:
    now, real = runtime.clock.now(), runtime.clock.real()
    reason = reason_of(error)
    advance(
        session,
        [opened.message_id],
        status,
        now=now,
        real=real,
        reason=reason,
        error_code=error.code,
        **columns,
    )


def reason_of(error: SendError) -> str:
    """The reason code a report counts by: the provider's code where there is one."""
    if error.code:
        return f"twilio_{error.code}"
    return {Stale: "gate_aged", Retryable: "unreachable", OutcomeUnknown: "answer_lost"}.get(type(error), "refused")
