"""One text of kind test, judged and kept like all others: what it would be refused for refuses it at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Defer, Draft, Kind, Purpose
from guards.chain import Refused, run
from guards.explain import explain
from sender.audience.facts import Asked, FactsLoader
from sender.audience.pools import line_for
from sender.campaigns import parts, prices, short_links
from sender.campaigns.moves import ControlError
from sender.campaigns.planning import final_text, most_parts
from sender.crypto import seal, text_hash
from sender.models import FromNumber, Message, Program
from sender.runtime import Runtime
from sender.states import Status


@dataclass(frozen=True, slots=True)
class Single:
    """What is wanted: words without brand and footer to one number of a country, before ``ends_at``."""

    program_id: int
    number_id: int
    country: str | None
    words: str
    purpose: Purpose
    ends_at: datetime
    language: str = ""
    subject: str | None = None


class _Text(NamedTuple):
    words: str
    parts: int
    send_after: datetime
    data_key: bytes
    links: Mapping[str, str]


def keep(runtime: Runtime, session: Session, single: Single) -> int:
    """Judge the text and write its row for the gate; returns the message's id. ControlError says why it may not go.

    Callers hold the number's row.
    """
    lines = select(FromNumber).where(col(FromNumber.program_id) == single.program_id)
    mine = list(session.execute(lines.order_by(col(FromNumber.id))).scalars())
    line = line_for(session, mine, single.program_id, single.number_id, single.country)
    if line is None:
        raise ControlError(f"The program has no from_number for {single.country}; add one first.")
    rule = short_links.rule_of(session.get_one(Program, single.program_id))
    text, now = _judged(runtime, session, single, line, rule), runtime.clock.now()
    row = Message(
        program_id=single.program_id,
        number_id=single.number_id,
        from_number_id=line.id,
        kind=Kind.TEST.value,
        purpose=single.purpose.value,
        subject=single.subject,
        status=Status.PENDING.value,
        text_cipher=seal(text.data_key, text.words.encode()),
        text_hash=text_hash(text.words),
        parts=text.parts,
        cost=text.parts * prices.reserved_price(single.country, line.kind, now.date()),
        send_after=text.send_after,
        expires_at=single.ends_at,
        created_at=now,
        changed_at=now,
        touched_at=runtime.clock.real(),
    )
    session.add(row)
    session.flush()
    if rule is not None:
        kept = short_links.Kept(row.id or 0, single.number_id, text.data_key, text.links)
        short_links.keep(session, [kept], rule.days, now)
    return row.id or 0


def _judged(
    runtime: Runtime, session: Session, single: Single, line: FromNumber, rule: short_links.Rule | None
) -> _Text:
    now = runtime.clock.now()
    asked = Asked(single.number_id, single.number_id, single.program_id, single.purpose, line.id, single.ends_at)
    loader = FactsLoader(runtime.keys, runtime.settings.address)
    known = loader.load(session, [asked], now, runtime.clock.margin).get(single.number_id)
    if known is None:
        raise ControlError("The data of the person with this number was erased.")
    policy, address = known.facts.policy, runtime.settings.address
    short = short_links.shorten(single.words, single.purpose, policy, rule, address)
    draft = Draft(short.words, single.purpose, Kind.TEST, subject=single.subject, language=single.language)
    text, outcome = final_text(run(draft, known.facts, runtime.chain), draft, known.facts)
    later = now
    if isinstance(outcome, Refused):
        if not isinstance(outcome.verdict, Defer):
            raise ControlError(" ".join(explain(draft, known.facts, outcome)))
        later = outcome.verdict.until
    if len(text) > parts.MAX_BODY:
        raise ControlError(f"The text has {len(text)} characters with its footer; the most is {parts.MAX_BODY}.")
    return _Text(text, most_parts(text, draft, known.facts), later, known.data_key, short.targets)
