"""Texts that other software asks for: judged at once by the chain, kept with their words, sent as all others.

What is decided here is asked again by the gate at the moment of sending; nothing here hands a text to a provider.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import insert, select
from sqlmodel import Session, col

from guards.base import Block, Defer, Draft, Kind
from guards.chain import Cleared, Refused, run
from guards.explain import explain
from guards.purposes import held_to
from sender.api.wanted import Prepared, RequestError, Wanted, prepare, programs_named
from sender.audience.decisions import decision
from sender.audience.facts import Asked, FactsLoader, Known
from sender.audience.numbers import find_or_make
from sender.audience.pools import choose, last_lines
from sender.campaigns import parts, prices, short_links
from sender.campaigns.planning import final_text, most_parts
from sender.crypto import seal, text_hash
from sender.db import run_below
from sender.locks import lock_numbers
from sender.models import ApiKey, Decision, Message
from sender.runtime import Runtime
from sender.states import Status

log = structlog.get_logger()

CAME_TO_NOTHING = (Status.BLOCKED.value, Status.CANCELLED.value, Status.EXPIRED.value, Status.FAILED.value)
"""Such a text may be asked for again inside its ``dedupe`` window."""


@dataclass(frozen=True, slots=True)
class Said:
    """What became of one text that was asked for. ``repeated``: it is an earlier one, inside the ``dedupe`` window."""

    message_id: int
    outcome: Cleared | Refused | None
    sentences: tuple[str, ...] = ()
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Judged:
    """One text with its number, what was known of it, and the chain's answer to its words."""

    prepared: Prepared
    number_id: int
    known: Known
    draft: Draft
    text: str
    outcome: Cleared | Refused
    links: Mapping[str, str]


def ask(runtime: Runtime, session: Session, key: ApiKey, wanted: Sequence[Wanted]) -> list[Said | RequestError]:
    """Judge and keep these texts, in order; each answer is the text's fate so far, or what to mend in its request."""
    now = runtime.clock.now()
    programs = programs_named(session, key, {one.program for one in wanted})
    answers: list[Said | RequestError | None] = [None] * len(wanted)
    prepared: dict[int, Prepared] = {}
    for place, one in enumerate(wanted):
        try:
            prepared[place] = prepare(one, programs, now)
        except RequestError as error:
            answers[place] = error
    ids = find_or_make(session, runtime.keys, [one.phone for one in prepared.values()], now)
    lock_numbers(session, ids.values())
    prepared = _from_their_numbers(session, prepared, ids)
    for place, said in _judge_all(runtime, session, key, prepared, ids, now).items():
        answers[place] = said
    log.info("texts kept", messages=[f"msg_{one.message_id}" for one in answers if isinstance(one, Said)])
    return [answer for answer in answers if answer is not None]


def _from_their_numbers(session: Session, some: dict[int, Prepared], ids: dict[str, int]) -> dict[int, Prepared]:
    """Each text from the from_number that its person knows."""
    chosen: dict[int, Prepared] = {}
    for program_id in {one.program_id for one in some.values()}:
        mine = {place: one for place, one in some.items() if one.program_id == program_id}
        numbers = {place: ids[one.phone.e164] for place, one in mine.items()}
        last = last_lines(session, program_id, numbers.values(), [one.pool for one in mine.values()])
        for place, one in mine.items():
            line = choose(one.pool, numbers[place], last.get(numbers[place]))
            chosen[place] = replace(one, line=line or one.line)
    return dict(sorted(chosen.items()))


def _judge_all(
    runtime: Runtime, session: Session, key: ApiKey, some: dict[int, Prepared], ids: dict[str, int], now: datetime
) -> dict[int, Said | RequestError]:
    known = _known(runtime, session, some, ids)
    said: dict[int, Said | RequestError] = {}
    for place, one in some.items():
        number_id = ids[one.phone.e164]
        if place not in known:
            said[place] = RequestError("invalid_number", "The data of the person with this number was erased.")
            continue
        judged = _judge(runtime, key, one, number_id, known[place])
        earlier = _earlier(session, key, judged, now)
        said[place] = Said(earlier, None, repeated=True) if earlier else _keep(runtime, session, key, judged, now)
    return said


def _known(runtime: Runtime, session: Session, some: dict[int, Prepared], ids: dict[str, int]) -> dict[int, Known]:
    """The facts of each text at the moment at which it would leave; one reading for all that leave together."""
    by_time: dict[datetime, list[Asked]] = defaultdict(list)
    for place, one in some.items():
        asked = Asked(place, ids[one.phone.e164], one.program_id, one.purpose, one.line.id, one.ends_at)
        by_time[one.at].append(asked)
    loader = FactsLoader(runtime.keys, runtime.settings.address)
    found: dict[int, Known] = {}
    for at, asked_then in by_time.items():
        found |= loader.load(session, asked_then, at, runtime.clock.margin)
    return found


def _judge(runtime: Runtime, key: ApiKey, one: Prepared, number_id: int, known: Known) -> _Judged:
    policy = known.facts.policy
    short = short_links.shorten(one.text, one.purpose, policy, one.links, runtime.settings.address)
    draft = held_to(Draft(short.words, one.purpose, Kind.API, subject=one.subject), policy.least)
    text, outcome = final_text(run(draft, known.facts, runtime.chain), draft, known.facts)
    if len(text) > parts.MAX_BODY:
        note = f"{len(text)} characters with its footer; the most is {parts.MAX_BODY}"
        outcome = Refused(Block("too_long", note=note), "api", ())
    if key.is_test and not runtime.settings.reaches_nobody:
        outcome = Refused(Block("test_key", note="Texts of a test key go to a simulator only."), "api", ())
    return _Judged(one, number_id, known, draft, text, outcome, short.targets)


def _earlier(session: Session, key: ApiKey, judged: _Judged, now: datetime) -> int | None:
    """The same text to the same number inside its window, unless that came to nothing."""
    one = judged.prepared
    if not one.dedupe:
        return None
    statement = select(col(Message.id)).where(
        col(Message.number_id) == judged.number_id,
        col(Message.program_id) == one.program_id,
        col(Message.kind) == Kind.API.value,
        col(Message.text_hash) == text_hash(judged.text),
        col(Message.is_test).is_(key.is_test),
        col(Message.created_at) > now - one.dedupe,
        col(Message.status).not_in(CAME_TO_NOTHING),
    )
    return session.execute(statement.order_by(col(Message.id).desc()).limit(1)).scalar()


def _keep(runtime: Runtime, session: Session, key: ApiKey, judged: _Judged, now: datetime) -> Said:
    """Write the text with its words; a refusal with its decision (promise 8)."""
    values = _row(runtime, key, judged, now)
    message_id = run_below(session, insert(Message).values(**values).returning(col(Message.id))).scalar_one()
    if judged.links and judged.prepared.links:
        kept = short_links.Kept(message_id, judged.number_id, judged.known.data_key, judged.links)
        short_links.keep(session, [kept], judged.prepared.links.days, now)
    if isinstance(judged.outcome, Refused):
        row = decision(message_id, judged.outcome, judged.known, "api", now)
        run_below(session, insert(Decision.__table__), [row])  # type: ignore[attr-defined]
    return Said(message_id, judged.outcome, explain(judged.draft, judged.known.facts, judged.outcome))


def _row(runtime: Runtime, key: ApiKey, judged: _Judged, now: datetime) -> dict[str, Any]:
    one, facts, refused = judged.prepared, judged.known.facts, judged.outcome
    verdict = refused.verdict if isinstance(refused, Refused) else None
    blocked = isinstance(verdict, Block)
    size = most_parts(judged.text, judged.draft, facts)
    each = prices.reserved_price(one.phone.region, one.line.kind, now.date())
    data_key = judged.known.data_key
    return {
        "program_id": one.program_id,
        "number_id": judged.number_id,
        "from_number_id": one.line.id,
        "kind": Kind.API.value,
        "purpose": one.purpose.value,
        "subject": one.subject,
        "status": (Status.BLOCKED if blocked else Status.PENDING).value,
        "reason": verdict.reason if verdict else "",
        "text_cipher": seal(data_key, judged.text.encode()),
        "text_hash": text_hash(judged.text),
        "parts": size,
        "cost": size * each,
        "send_after": verdict.until if isinstance(verdict, Defer) else one.at,
        "expires_at": one.ends_at,
        "deferrals": 1 if isinstance(verdict, Defer) else 0,
        "tries": 0,
        "key_id": key.id,
        "is_test": key.is_test,
        "created_at": now,
        "changed_at": now,
        "touched_at": runtime.clock.real(),
        "final_at": now if blocked else None,
    }
