"""Reads, in a handful of queries per batch, everything the guard chain may know about each text.

The gate calls this after it holds the numbers' locks; planning and rehearsal call it without, and are asked again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Row, bindparam, select
from sqlmodel import Session, col

from guards import frequency_cap, quiet_hours
from guards.base import Cap, Facts, Kind, Policy, Purpose, Sent, Window
from guards.frequency_cap import lookback
from guards.places import places_of
from guards.purposes import stricter
from sender.among import among
from sender.audience.emergencies import declared_places
from sender.audience.footers import earlier_texts, last_said
from sender.audience.ledger import CHUNK, load_standings, standing
from sender.audience.links import opt_out_token
from sender.audience.numbers import SealedNumber
from sender.audience.queues import queues
from sender.audience.records import kept
from sender.audience.registers import Files, listed, live
from sender.crypto import Keyring, unseal
from sender.db import run_below
from sender.models import (
    Attempt,
    Campaign,
    Contact,
    FromNumber,
    Message,
    Number,
    OptInRequest,
    Program,
    Reply,
    Wishes,
)
from sender.states import Status

COUNTED = ("live", "accepted", "unconfirmed", "unproven")


class Asked(NamedTuple):
    """One text that somebody wants sent; ``key`` is the caller's own name for it (a message or contact id).

    ``asks_back``: it is the question of a double opt-in that did not begin with a reply.
    """

    key: int
    number_id: int
    program_id: int
    purpose: Purpose
    from_number_id: int | None = None
    ends_at: datetime | None = None
    reply_id: int | None = None
    campaign_id: int | None = None
    asks_back: bool = False


@dataclass(frozen=True, slots=True)
class Common:
    """What all texts of a campaign share: policy and link footer by program, drops by campaign, from_numbers by id.

    ``registers`` are the do-not-call files that there are."""

    policies: Mapping[int, tuple[Policy, str]]
    drops: Mapping[int, frozenset[str]]
    lines: Mapping[int, FromNumber]
    registers: Files = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What was read for one text: the facts for the chain, and the number itself in E.164 for the provider.

    ``data_key`` is the number's own key, unwrapped: what is written to the person is sealed with it.
    """

    facts: Facts
    e164: str
    sealed: SealedNumber
    data_key: bytes = field(repr=False)

    def record(self) -> dict[str, Any]:
        """The facts as they are kept beside a decision: where the person may be and why, consent, caps, end."""
        return kept(self.facts)


class _Person(NamedTuple):
    sealed: SealedNumber
    country: str | None
    line_type: str
    state: str
    postal_code: str | None
    region: str | None
    zone: str | None
    paused_until: datetime | None
    hours: list[int] | None
    unwanted: list[str] | None


class FactsLoader:
    """Loads facts with one installation's keys; ``address`` is the public address that opt-out links begin with."""

    def __init__(self, keys: Keyring, address: str) -> None:
        self.keys = keys
        self.address = address

    def load(
        self,
        session: Session,
        asked: Sequence[Asked],
        now: datetime,
        margin: timedelta,
        *,
        waiting: bool = False,
        common: Common | None = None,
    ) -> dict[int, Known]:
        """Facts by key. Who was erased is missing from the answer: the caller must not send it.

        ``margin`` is three real seconds on the campaign's clock; it also tells how long the from_number's queue takes.

        What is on the wire always counts for caps. ``waiting`` counts what is queued as if it were sent now: for those
        who look ahead. The gate does without, because it asks for queued texts, one after the other under the lock.
        """
        people = _people(session, {one.number_id for one in asked})
        standings = load_standings(session, people)
        common = common or read_common(session, asked)
        policies = {
            one: (_with_own_domain(policy, self.address), link) for one, (policy, link) in common.policies.items()
        }
        lines, drops = common.lines, common.drops
        since = now - max((lookback(policy.caps) for policy, _ in policies.values()), default=timedelta())
        sends = _sends(session, people, since)
        for number_id, queued in (_queued(session, people, now) if waiting else {}).items():
            sends.setdefault(number_id, []).extend(queued)
        emergencies = declared_places(session, now)
        answered = _answered(session, [one.reply_id for one in asked if one.reply_id], now)
        wished = _wished(session, [one.number_id for one in asked if one.asks_back], now)
        used = {one.from_number_id for one in asked if one.from_number_id}
        busy = queues(session, [line for line in lines.values() if line.id in used], margin)
        earlier = earlier_texts(session, (policy for policy, _ in policies.values()), people, now)
        known: dict[int, Known] = {}
        keys = self.keys.as_of_now()
        opened = {one: _opened(keys, person.sealed) for one, person in people.items()}
        registers = listed(session, keys, common.registers, {one: e164 for one, (_, e164) in opened.items()})
        for one in asked:
            person = people.get(one.number_id)
            if person is None:
                continue
            data_key, e164 = opened[one.number_id]
            policy = self._policy(policies[one.program_id], lines.get(one.from_number_id or 0), one)
            if person.hours is not None:
                policy = replace(policy, hours=narrowed(policy.hours, person.hours))
            purpose = stricter(one.purpose, policy.least)
            facts = Facts(
                now=now,
                country=person.country,
                places=places_of(e164, postal_code=person.postal_code, state=person.region, zone=person.zone),
                standing=standing(standings.get(one.number_id, ()), one.program_id, purpose),
                policy=policy,
                number_state=person.state,  # type: ignore[arg-type]
                line_type=person.line_type,
                sends=tuple(sends.get(one.number_id, ())),
                ends_at=one.ends_at,
                margin=margin,
                answered_within=answered.get(one.reply_id or 0, wished.get((one.number_id, one.program_id))),
                emergencies=emergencies,
                queue=busy.get(one.from_number_id or 0, timedelta()),
                drops=drops.get(one.campaign_id or 0, _NEVER),
                paused_until=person.paused_until,
                unwanted=frozenset(person.unwanted) if person.unwanted else _NEVER,
                chose_hours=person.hours is not None,
                registers=registers.get(one.number_id, _NEVER),
            )
            if texts := earlier.get((one.number_id, one.program_id)):
                said = last_said(texts, data_key, facts)
                facts = replace(facts, last_footer_at=said)
            known[one.key] = Known(facts, e164, person.sealed, data_key)
        return known

    def _policy(self, of_program: tuple[Policy, str], line: FromNumber | None, one: Asked) -> Policy:
        policy, link_footer = of_program
        if line is None or line.can_receive:
            return policy
        link = f"{self.address}/o/{opt_out_token(self.keys, one.number_id, one.program_id)}"
        return replace(policy, footer=link_footer.replace("{link}", link))


_NUMBERS, _CONTACTS, _WISHES = Number.__table__, Contact.__table__, Wishes.__table__  # type: ignore[attr-defined]
_ATTEMPTS, _CAMPAIGNS, _MESSAGES = Attempt.__table__, Campaign.__table__, Message.__table__  # type: ignore[attr-defined]
_PEOPLE = (
    select(
        _NUMBERS.c.id,
        _NUMBERS.c.cipher,
        _NUMBERS.c.data_key,
        _NUMBERS.c.country,
        _NUMBERS.c.line_type,
        _NUMBERS.c.state,
        _CONTACTS.c.postal_code,
        _CONTACTS.c.region,
        _CONTACTS.c.zone,
        _WISHES.c.paused_until,
        _WISHES.c.hours,
        _WISHES.c.unwanted,
    )
    .select_from(
        _NUMBERS.outerjoin(_CONTACTS, _CONTACTS.c.number_id == _NUMBERS.c.id).outerjoin(
            _WISHES, _WISHES.c.number_id == _NUMBERS.c.id
        )
    )
    .where(among(_NUMBERS.c.id, "ids"))
)
_SENDS = select(
    _ATTEMPTS.c.number_id,
    _ATTEMPTS.c.gated_at,
    _ATTEMPTS.c.program_id,
    _ATTEMPTS.c.purpose,
    _ATTEMPTS.c.subject,
    _ATTEMPTS.c.kind,
).where(
    among(_ATTEMPTS.c.number_id, "ids"),
    _ATTEMPTS.c.gated_at > bindparam("since"),
    _ATTEMPTS.c.outcome.in_(COUNTED),
)
_PROGRAMS = select(Program.__table__).where(among(Program.__table__.c.id, "ids"))  # type: ignore[attr-defined]
_LINES = select(FromNumber).where(among(FromNumber.__table__.c.id, "ids"))  # type: ignore[attr-defined]
_DROPS = select(_CAMPAIGNS.c.id, _CAMPAIGNS.c.outside_hours, _CAMPAIGNS.c.over_cap).where(among(_CAMPAIGNS.c.id, "ids"))
_QUEUED = select(_MESSAGES.c.number_id, _MESSAGES.c.program_id, _MESSAGES.c.purpose, _MESSAGES.c.subject).where(
    among(_MESSAGES.c.number_id, "ids"), _MESSAGES.c.status == Status.QUEUED.value, _MESSAGES.c.kind != "answer"
)
_NEVER: frozenset[str] = frozenset()


def read_common(session: Session, asked: Sequence[Asked]) -> Common:
    """Read it, fresh from the database."""
    return Common(
        _policies(session, {one.program_id for one in asked}),
        _drops(session, {one.campaign_id for one in asked if one.campaign_id}),
        _from_numbers(session, {one.from_number_id for one in asked if one.from_number_id}),
        live(session),
    )


def _opened(keys: Keyring, sealed: SealedNumber) -> tuple[bytes, str]:
    """The number's own key, and the number in E.164."""
    data_key = keys.unwrap(sealed.data_key)
    return data_key, unseal(data_key, sealed.cipher).decode()


def _people(session: Session, number_ids: Collection[int]) -> dict[int, _Person]:
    found: dict[int, _Person] = {}
    wanted = sorted(number_ids)
    for start in range(0, len(wanted), CHUNK):
        for row in run_below(session, _PEOPLE, {"ids": wanted[start : start + CHUNK]}).all():
            if row.data_key:
                found[row[0]] = _Person(SealedNumber(row[1], row[2]), *row[3:])
    return found


def _sends(session: Session, number_ids: Iterable[int], since: datetime) -> dict[int, list[Sent]]:
    found: dict[int, list[Sent]] = {}
    wanted = sorted(number_ids)
    for start in range(0, len(wanted), CHUNK):
        asked = {"ids": wanted[start : start + CHUNK], "since": since}
        for number_id, at, program_id, purpose, subject, kind in run_below(session, _SENDS, asked):
            sent = Sent(at, program_id, Purpose(purpose), subject, kind == Kind.ANSWER)
            found.setdefault(number_id, []).append(sent)
    return found


def _queued(session: Session, number_ids: Iterable[int], now: datetime) -> dict[int, list[Sent]]:
    found: dict[int, list[Sent]] = {}
    wanted = sorted(number_ids)
    for start in range(0, len(wanted), CHUNK):
        for number_id, program_id, purpose, subject in run_below(
            session, _QUEUED, {"ids": wanted[start : start + CHUNK]}
        ):
            found.setdefault(number_id, []).append(Sent(now, program_id, Purpose(purpose), subject))
    return found


def _drops(session: Session, campaign_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """The guards whose deferral ends a text, by campaign: quiet_hours, frequency_cap."""
    rows = run_below(session, _DROPS, {"ids": list(campaign_ids)}) if campaign_ids else ()
    return {campaign_id: drops_of(hours, cap) for campaign_id, hours, cap in rows}


def drops_of(outside_hours: str, over_cap: str) -> frozenset[str]:
    """The guards that a campaign which says so ("drop") lets end a text."""
    pairs = ((quiet_hours, outside_hours), (frequency_cap, over_cap))
    return frozenset(guard.name for guard, how in pairs if how == "drop")


def _policies(session: Session, program_ids: Collection[int]) -> dict[int, tuple[Policy, str]]:
    rows = run_below(session, _PROGRAMS, {"ids": list(program_ids)})
    return {row.id: (policy_of(row), row.link_footer) for row in rows}


def _with_own_domain(policy: Policy, address: str) -> Policy:
    """Short links stand on our own domain and lead to the program's: where those are listed, ours is one of them."""
    own = urlsplit(address).hostname or ""
    return replace(policy, domains=(*policy.domains, own)) if policy.domains and own else policy


def policy_of(program: Program | Row[Any]) -> Policy:
    """The program's own rules as the guards read them, with the footer for from_numbers that can receive."""
    return Policy(
        program_id=program.id or 0,
        brand=program.brand,
        footer=program.footer,
        caps=tuple(_cap(cap) for cap in program.caps),
        hours=None if program.hours is None else tuple(Window(*window) for window in program.hours),
        countries=frozenset(program.countries),
        loosened=program.loosened,
        least=next((purpose for purpose in Purpose if purpose in program.purposes), Purpose.MARKETING),
        footer_every_days=program.footer_every_days,
        refusals=program.refusals,
        max_parts=program.max_parts,
        domains=tuple(program.domains),
        age_gate=program.age_gate,
        reply_hours=program.reply_hours,
    )


def narrowed(hours: tuple[Window, ...] | None, own: Sequence[int]) -> tuple[Window, ...]:
    """The program's hours (None: any) as far as they lie in the person's own, [start, end] in minutes of each day."""
    first, last = own
    of_program = hours if hours is not None else tuple(Window(day, 0, 24 * 60) for day in range(7))
    inner = (Window(one.day, max(one.start, first), min(one.end, last)) for one in of_program)
    return tuple(one for one in inner if one.start < one.end)


def _cap(kept: Mapping[str, Any]) -> Cap:
    purpose = kept.get("purpose")
    return Cap(**{**kept, "purpose": Purpose(purpose) if purpose else None})


def _from_numbers(session: Session, ids: Collection[int]) -> dict[int, FromNumber]:
    if not ids:
        return {}
    return {row.id or 0: row for row in session.execute(_LINES, {"ids": list(ids)}).scalars()}


def _answered(session: Session, reply_ids: Collection[int], now: datetime) -> dict[int, timedelta]:
    if not reply_ids:
        return {}
    rows = session.execute(select(col(Reply.id), col(Reply.received_at)).where(col(Reply.id).in_(reply_ids)))
    return {reply_id: now - received for reply_id, received in rows if reply_id is not None}


def _wished(session: Session, number_ids: Collection[int], now: datetime) -> dict[tuple[int, int], timedelta]:
    """How long the open wishes to get texts of these numbers have waited, by number and program."""
    if not number_ids:
        return {}
    columns = col(OptInRequest.number_id), col(OptInRequest.program_id), col(OptInRequest.asked_at)
    statement = select(*columns).where(col(OptInRequest.number_id).in_(number_ids), col(OptInRequest.state) == "open")
    return {(number_id, program_id): now - asked_at for number_id, program_id, asked_at in session.execute(statement)}
