"""The real audience through the real guards at the planned time, with nothing written and nothing sent."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from guards import content
from guards.base import Defer, Policy, Purpose
from guards.chain import Cleared, run
from guards.finding import Finding
from sender.ahead import Lanes, lanes
from sender.audience import registers
from sender.audience.queues import busy_until
from sender.campaigns import findings, frozen
from sender.campaigns.audience import Member, members, to_come
from sender.campaigns.forecast import Forecast, Group, Load, forecast
from sender.campaigns.planning import Plan, Planned, decide, load_plan
from sender.campaigns.prices import Price
from sender.models import Campaign, Contact, Program
from sender.runtime import Runtime

SLICE = 500
SAMPLES = 3
NAMED = 12
"""So many people are named for each reason."""
JUDGED = 300
"""The texts of each variant whose words are judged in full; what would stop a text counts for every one."""
_ATTEMPTS = 4


@dataclass
class CountryCost:
    """What texts to one country cost at least: ``amount`` in ten-thousandths, None where no price is known.

    ``since`` is the day of the oldest price in it.
    """

    texts: int = 0
    parts: int = 0
    amount: int | None = 0
    since: date | None = None

    def add(self, parts: int, each: Price | None) -> None:
        """Count one text."""
        self.texts, self.parts = self.texts + 1, self.parts + parts
        self.amount = None if each is None or self.amount is None else self.amount + parts * each.amount
        if each is not None:
            self.since = min(each.since, self.since or each.since)

    def absorb(self, other: "CountryCost") -> None:
        """Count what somebody else has counted."""
        self.texts, self.parts = self.texts + other.texts, self.parts + other.parts
        self.amount = None if self.amount is None or other.amount is None else self.amount + other.amount
        self.since = min(filter(None, (self.since, other.since)), default=None)


@dataclass
class LineLoad:
    """What would leave from one from_number; ``kept`` texts go to people whom it texted before, out of several."""

    address: str
    country: str
    kind: str
    texts: int = 0
    parts: int = 0
    kept: int = 0


@dataclass
class Rehearsal:
    """What would happen at ``at``: numbers per verdict and reason, parts, the longest text, a few samples.

    ``costs`` are lower bounds by country; ``findings`` counts each finding (the first of its code and words) over the
    texts that were judged; ``forecast`` says when texts would leave and how many would not make it. ``people`` are the
    contact ids of the first few of each verdict and reason, ``lines`` what leaves from each from_number, ``zones`` on
    whose clocks they live who get it.
    """

    at: datetime
    total: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)
    parts: int = 0
    worst_text: str = ""
    worst_parts: int = 0
    samples: dict[str, list[str]] = field(default_factory=dict)
    costs: dict[str, CountryCost] = field(default_factory=dict)
    findings: dict[tuple[str, str], tuple[Finding, int]] = field(default_factory=dict)
    forecast: Forecast = field(default_factory=Forecast)
    loads: dict[Group, Load] = field(default_factory=dict)
    people: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    lines: dict[int, LineLoad] = field(default_factory=dict)
    zones: set[str] = field(default_factory=set)

    @property
    def cost(self) -> int:
        """The lower bound of everything with a known price, in ten-thousandths."""
        return sum(one.amount or 0 for one in self.costs.values())

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The countries whose texts are in no sum, because no price is known."""
        return tuple(sorted(country for country, one in self.costs.items() if one.amount is None))

    def add(self, one: Planned, variant: str) -> str:
        """Count one member; returns the verdict."""
        verdict, reason = _verdict(one)
        self.total += 1
        self.verdicts[verdict] += 1
        self.reasons[verdict, reason] += 1
        self.variants[variant] += 1
        some = self.people.setdefault((verdict, reason), [])
        if len(some) < NAMED:
            some.append(one.member.contact_id)
        if verdict == "block":
            return verdict
        self.parts += one.parts
        self.zones.update(one.known.facts.places.zones if one.known else ())
        if (one.parts, len(one.text)) > (self.worst_parts, len(self.worst_text)):
            self.worst_text, self.worst_parts = one.text, one.parts
        samples = self.samples.setdefault(variant, [])
        if len(samples) < SAMPLES:
            samples.append(one.text)
        return verdict

    def price(self, one: Planned, each: Price | None) -> None:
        """Count what one text costs at least."""
        country = one.member.country or ""
        if country not in self.costs:
            self.costs[country] = CountryCost()
        self.costs[country].add(one.parts, each)

    def note(self, found: Finding) -> None:
        """Count one finding."""
        first, times = self.findings.get((found.code, found.sentence), (found, 0))
        self.findings[found.code, found.sentence] = first, times + 1

    def absorb(self, other: "Rehearsal") -> None:
        """Count the people behind these, whom somebody else has counted; their findings aside."""
        self.total, self.parts = self.total + other.total, self.parts + other.parts
        self.verdicts.update(other.verdicts)
        self.reasons.update(other.reasons)
        self.variants.update(other.variants)
        self.zones.update(other.zones)
        if (other.worst_parts, len(other.worst_text)) > (self.worst_parts, len(self.worst_text)):
            self.worst_text, self.worst_parts = other.worst_text, other.worst_parts
        for variant, texts in other.samples.items():
            self.samples[variant] = [*self.samples.get(variant, ()), *texts][:SAMPLES]
        for key, ids in other.people.items():
            self.people[key] = [*self.people.get(key, ()), *ids][:NAMED]
        for country, cost in other.costs.items():
            self.costs.setdefault(country, CountryCost()).absorb(cost)
        for group, load in other.loads.items():
            mine = self.loads.setdefault(group, Load())
            mine.texts, mine.parts = mine.texts + load.texts, mine.parts + load.parts
        for line_id, more in other.lines.items():
            line = self.lines.setdefault(line_id, LineLoad(more.address, more.country, more.kind))
            line.texts, line.parts, line.kept = line.texts + more.texts, line.parts + more.parts, line.kept + more.kept


class Lists(NamedTuple):
    """What lists say beside the people: how many of a fixed audience are ``gone``, and the do-not-call files."""

    gone: int
    registers: Sequence[registers.Kept]


class _Found(NamedTuple):
    """Members up to contact ``stop``; ``seen`` are how many of each variant were counted before them, at least."""

    stop: int
    members: list[Member]
    seen: Counter[str]


class _Text(NamedTuple):
    """A text whose words may have to be judged: the ``place``-th of its variant in its slice, from 1."""

    variant: str
    place: int
    text: str
    policy: Policy


class _Counted(NamedTuple):
    stop: int
    part: Rehearsal
    texts: list[_Text]


def rehearse(
    runtime: Runtime, campaign_id: int, at: datetime | None = None, told: Callable[[int, int], object] | None = None
) -> Rehearsal:
    """Rehearse a campaign at ``at``, at its start, or now. Raises SegmentError or TemplateError, each one sentence.

    ``told`` hears after each slice how far it is: the last contact id, and the one it ends with.
    """
    with runtime.db.read() as session:
        campaign = session.get_one(Campaign, campaign_id)
        when = at or max(campaign.start_at or runtime.clock.now(), runtime.clock.now())
        policy = findings.policy_for(session.get_one(Program, campaign.program_id))
        plan = load_plan(session, campaign)
        end = session.execute(select(func.max(col(Contact.id)))).scalar() or 0
        busy = busy_until(session, plan.lines, campaign_id, runtime.clock.now(), when)
        lists = Lists(
            frozen.gone(session, campaign_id) if plan.audience.frozen else 0,
            registers.kept(session, when.date()) if plan.purpose is Purpose.MARKETING else (),
        )
    rehearsal = Rehearsal(when)
    count = partial(_count, plan, when)
    with lanes(runtime) as beside:
        for one in beside.ahead(_found(runtime, plan, rehearsal, end, beside), count):
            _judge(rehearsal, plan, one.texts)
            rehearsal.absorb(one.part)
            if told is not None:
                told(one.stop, end)
    return _finished(rehearsal, plan, policy, busy, lists)


def _found(runtime: Runtime, plan: Plan, rehearsal: Rehearsal, end: int, beside: Lanes) -> Iterator[_Found]:
    """Slice by slice, while they are counted."""
    stop = 0
    while stop < end:
        after = stop
        with runtime.db.read() as session:
            some = members(session, plan.audience, rehearsal.at, after, end, SLICE)
        stop = some[-1].contact_id if len(some) == SLICE else end
        beside.expect(to_come(some, after, stop, end))
        yield _Found(stop, some, rehearsal.variants.copy())


def _count(plan: Plan, when: datetime, runtime: Runtime, found: _Found) -> _Counted:
    """Count one slice, anywhere; what is counted across slices is left to who asks."""
    with runtime.db.read() as session:
        planned = decide(runtime, session, plan, found.members, when)
    part, texts = Rehearsal(when), []
    for one in planned:
        variant = plan.names[one.member.variant_id]
        verdict = part.add(one, variant)
        place = part.variants[variant]
        if one.text and one.known and found.seen[variant] + place <= JUDGED:
            texts.append(_Text(variant, place, one.text, one.known.facts.policy))
        if verdict != "block" and one.from_number_id is not None:
            _load(runtime, part, plan, one, one.from_number_id)
    return _Counted(found.stop, part, texts)


def _judge(rehearsal: Rehearsal, plan: Plan, texts: Sequence[_Text]) -> None:
    for one in texts:
        if rehearsal.variants[one.variant] + one.place <= JUDGED:
            for found in content.findings(one.text, plan.purpose, one.policy):
                rehearsal.note(found)


def _load(runtime: Runtime, rehearsal: Rehearsal, plan: Plan, one: Planned, line_id: int) -> None:
    line = rehearsal.lines.get(line_id) or _line(rehearsal, plan, line_id)
    line.texts, line.parts, line.kept = line.texts + 1, line.parts + one.parts, line.kept + one.keeps
    rehearsal.price(one, plan.price(one.member.country, line.kind, rehearsal.at.date()))
    opening = _opening(runtime, one)
    if opening is not None:
        group = Group(line_id, *opening)
        load = rehearsal.loads.get(group) or rehearsal.loads.setdefault(group, Load())
        load.texts, load.parts = load.texts + 1, load.parts + one.parts


def _line(rehearsal: Rehearsal, plan: Plan, line_id: int) -> LineLoad:
    line = next(line for line in plan.lines if line.id == line_id)
    return rehearsal.lines.setdefault(line_id, LineLoad(line.address, line.country, line.kind))


def _opening(runtime: Runtime, one: Planned) -> tuple[datetime, datetime | None] | None:
    """When this text may leave and until when; None where no opening was found within a few steps."""
    if one.known is None or one.draft is None:
        return None
    outcome, facts = one.outcome, one.known.facts
    for _ in range(_ATTEMPTS):
        if isinstance(outcome, Cleared):
            return facts.now, outcome.until
        if not isinstance(outcome.verdict, Defer):
            return None
        facts = replace(facts, now=outcome.verdict.until, queue=timedelta())
        outcome = run(one.draft, facts, runtime.chain)
    return None


def _finished(
    rehearsal: Rehearsal, plan: Plan, policy: Policy, busy: Mapping[int, datetime], lists: Lists
) -> Rehearsal:
    for found in (
        *findings.of_countries(rehearsal.costs, plan.lines, policy),
        *findings.of_registers(rehearsal.costs, lists.registers, rehearsal.at.date()),
        *findings.of_list(lists.gone),
    ):
        rehearsal.note(found)
    rehearsal.forecast = forecast(rehearsal.loads, _rates(rehearsal, plan), rehearsal.at, plan.ends_at, busy)
    return rehearsal


def _rates(rehearsal: Rehearsal, plan: Plan) -> dict[int, float]:
    """What each from_number takes a second; a campaign's own rate is shared among them as its parts are."""
    rates = {line.id or 0: line.rate for line in plan.lines}
    if plan.rate is None or not rehearsal.loads:
        return rates
    parts: Counter[int] = Counter()
    for group, load in rehearsal.loads.items():
        parts[group.line_id] += load.parts
    return {line: min(rate, plan.rate * parts[line] / parts.total()) or rate for line, rate in rates.items()}


def _verdict(one: Planned) -> tuple[str, str]:
    if isinstance(one.outcome, Cleared):
        return "allow", ""
    return ("defer" if isinstance(one.outcome.verdict, Defer) else "block"), one.outcome.verdict.reason
