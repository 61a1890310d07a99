"""Only when it is an allowed hour in every place the person may be, in local wall time, with room before it ends.

A person who may be in several places must be left alone by all of their rules wherever their clock may stand, so every
rule is kept in every candidate zone. Windows are cut to UTC spans once per place, policy and day, then only looked up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial

from guards import rules
from guards.base import ALLOW, Allow, Block, Defer, Draft, Facts, Places, Policy, Purpose, Verdict
from guards.base import Window as OwnWindow
from guards.intervals import DAY, Spans, common, local_windows, merge
from guards.purposes import TERMS, terms_of
from guards.rules import Rule

name = "quiet_hours"

HORIZON_DAYS = 8
"""An opening further away than this counts as none; long weekends close some states for 87 hours."""
_SPAN_DAYS = HORIZON_DAYS + 2
_EPOCH = date(1970, 1, 1)
_ALL_DAY: Spans = ((0, 24 * 60),)
_LOOSENED: Spans = ((8 * 60, 21 * 60),)
_NOTHING: frozenset[str] = frozenset()
_NO_QUEUE = timedelta()
_CLOSED = "Not an allowed hour in every place the person may be."
_TOO_SOON = "The allowed hours end before the text would have left its from_number."


@dataclass(frozen=True, slots=True)
class Hours:
    """The answer for one place and instant: ``until`` when it opens (defer), ``closes_at`` when it ends (allow).

    ``verdict`` is "allow", "defer" or "block"; ``rules`` are the ids kept; ``reason`` is the code of a defer or block.
    """

    verdict: str
    until: datetime | None
    closes_at: datetime | None
    rules: tuple[str, ...]
    places: tuple[str, ...]
    zones: tuple[str, ...]
    reason: str = ""


def check(draft: Draft, facts: Facts) -> Verdict:
    """Allow until the common window ends, defer to the exact start of the next, or block where none comes in time."""
    if not terms_of(draft).restrained:
        return ALLOW
    return _at(facts.places, facts.policy, facts.now, facts.margin, facts.ends_at, facts.queue)


def hours_at(
    places: Places,
    country: str | None,
    at: datetime,
    purpose: Purpose = Purpose.MARKETING,
    policy: Policy | None = None,
    margin: timedelta = timedelta(),
) -> Hours:
    """Answer ``tactful hours``: what this guard says for ``places`` at the aware instant ``at``."""
    if not country:
        return Hours("block", None, None, (), places.codes, places.zones, "unknown_country")
    if not TERMS[purpose].restrained:
        return Hours("allow", None, None, (), places.codes, places.zones)
    verdict = _at(places, policy or Policy(program_id=0, brand="", footer=""), at, margin, None)
    ids = _ids(places.codes, at)
    if isinstance(verdict, Allow):
        return Hours("allow", None, verdict.until, ids, places.codes, places.zones)
    until = verdict.until if isinstance(verdict, Defer) else None
    word = "defer" if until else "block"
    return Hours(word, until, None, ids, places.codes, places.zones, verdict.reason)


def _at(
    places: Places,
    policy: Policy,
    now: datetime,
    margin: timedelta,
    ends_at: datetime | None,
    queue: timedelta = _NO_QUEUE,
) -> Verdict:
    """Judge one instant. Only the window that is open now must outlast the queue: nobody knows a later one's."""
    if now.tzinfo is None:
        raise ValueError("The instant has no zone; give an aware one in UTC.")
    if not places.codes or not places.zones:
        return Block("unknown_place", note="Nothing tells where the person may be.")
    instant, room = now.timestamp(), margin.total_seconds()
    soon = instant + queue.total_seconds() if queue else instant
    try:
        loosened = _reasoned(policy.loosened) if policy.loosened else _NOTHING
        spans = open_spans(places.codes, places.zones, policy.hours, loosened, int(instant // DAY))
    except KeyError as unknown:
        return Block("unknown_place", note=f"No rules or no clock are known for {unknown.args[0]}.")
    note = _CLOSED
    for start, end in spans:
        if start <= instant:
            if end - room > soon:
                return _until(end, margin)
            if end > instant:
                note = _TOO_SOON
        elif end - room > start:
            return _later(places, policy, start, now, ends_at, note)
    return _none(places, policy, now)


@lru_cache(maxsize=4096)
def _until(end: int, margin: timedelta) -> Allow:
    return Allow(until=datetime.fromtimestamp(end, UTC) - margin)


def _reasoned(loosened: Mapping[str, str]) -> frozenset[str]:
    """Return the rules that the program names with a reason; without one a rule is kept."""
    return frozenset(rule_id for rule_id, reason in loosened.items() if reason.strip())


def _later(places: Places, policy: Policy, start: int, now: datetime, ends_at: datetime | None, note: str) -> Verdict:
    opens = datetime.fromtimestamp(start, UTC)
    if opens > now + timedelta(days=HORIZON_DAYS):
        return _none(places, policy, now)
    ids, kept = _ids(places.codes, now), _kept_anyway(places.codes, policy, now)
    if ends_at is not None and opens >= ends_at:
        return Block("too_late", ids, "The next allowed hour comes after the end." + kept)
    return Defer(opens, "quiet_hours", ids, note + kept)


def _none(places: Places, policy: Policy, now: datetime) -> Block:
    note = f"No hour of the next {HORIZON_DAYS} days is allowed in every place the person may be."
    return Block("no_common_hour", _ids(places.codes, now), note + _kept_anyway(places.codes, policy, now))


def _kept_anyway(codes: tuple[str, ...], policy: Policy, now: datetime) -> str:
    """Name the rules here that the program would loosen and may not, so that nobody wonders."""
    if not policy.loosened:
        return ""
    loosened = _reasoned(policy.loosened)
    kept = [r for r in rules.of_places(codes, now.astimezone(UTC).date()) if r.id in policy.loosened]
    stubborn = [rule.id for rule in kept if rule.id not in loosened or not rule.may_be_loosened]
    return f" Kept although the program loosens it: {', '.join(stubborn)}." if stubborn else ""


def _ids(codes: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    return _ids_on(codes, now.astimezone(UTC).date())


@lru_cache(maxsize=8192)
def _ids_on(codes: tuple[str, ...], day: date) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(rule.id for rule in rules.of_places(codes, day)))
    except KeyError:
        return ()


@lru_cache(maxsize=4096)
def open_spans(
    codes: tuple[str, ...],
    zones: tuple[str, ...],
    own: tuple[OwnWindow, ...] | None,
    loosened: frozenset[str],
    day: int,
) -> Spans:
    """Return the UTC spans of ten days from UTC day number ``day`` that every rule allows in every zone.

    Raises KeyError for an unknown code or zone.
    """
    first = _EPOCH + timedelta(days=day)
    spans: Spans = ((day * DAY, (day + _SPAN_DAYS) * DAY),)
    for zone in zones:
        spans = common(spans, local_windows(zone, first, _SPAN_DAYS, partial(_open, codes, own, loosened)))
    for clock in _clocks(codes, first):
        spans = common(spans, local_windows(clock, first, _SPAN_DAYS, partial(_by_clock, codes, loosened, clock)))
    return spans


@lru_cache(maxsize=16384)
def _open(codes: tuple[str, ...], own: tuple[OwnWindow, ...] | None, loosened: frozenset[str], day: date) -> Spans:
    """Return the minutes of a local day that all rules and the program's own hours leave open."""
    minutes = _ALL_DAY
    for rule in rules.of_places(codes, day):
        minutes = common(minutes, _kept(rule, loosened, day))
    if own is None:
        return minutes
    return common(minutes, merge((window.start, window.end) for window in own if window.day == day.weekday()))


def _kept(rule: Rule, loosened: frozenset[str], day: date) -> Spans:
    """Return the minutes a rule leaves open: its own, and where it is loosened the federal day of 8 to 21 besides."""
    if rule.id in loosened and rule.may_be_loosened:
        return merge((*rule.windows(day), *_LOOSENED))
    return rule.windows(day)


def _clocks(codes: tuple[str, ...], first: date) -> Iterable[str]:
    days = (first + timedelta(days=n) for n in range(_SPAN_DAYS))
    return sorted({rule.clock for day in days for rule in rules.of_places(codes, day) if rule.clock})


def _by_clock(codes: tuple[str, ...], loosened: frozenset[str], clock: str, day: date) -> Spans:
    """Return the minutes of a day of a rule's own clock (Mississippi's Central Standard Time) left open by it."""
    minutes = _ALL_DAY
    for rule in rules.of_places(codes, day):
        if rule.clock == clock:
            minutes = common(minutes, _kept(rule, loosened, day))
    return minutes
