"""A verdict in plain sentences: what, why, under which law, until when, and who could change it. No personal data."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from guards import rules
from guards.base import Block, Defer, Draft, Facts
from guards.chain import Cleared, Refused
from guards.purposes import terms_of
from guards.rules import Rule
from guards.rules.showing import closed_because, windows_text

MOST = 6
"""So many closed rules are named one by one; a person who may be anywhere meets dozens."""

_OWNER = "Whoever may edit the program"
_PERSON = "Only the person, by an act of their own"
WHO: Mapping[str, str] = {
    "unknown_country": "Nobody: a number of no known country is never texted.",
    "country_not_allowed": f"{_OWNER}, by adding the country to it.",
    "no_country": "Nobody: no setting opens these ranges.",
    "premium_number": "Nobody: no setting opens these ranges.",
    "suppressed": "An operator, by taking the number off the suppression list.",
    "invalid_number": "Nobody, until the number is found to be alive again.",
    "landline": "Nobody, unless a look-up finds that the line reads texts.",
    "not_mobile": "Nobody, unless a look-up finds that it is a person's phone.",
    "opted_out": f"{_PERSON}: START, or a new sign-up. No import, key or operator can.",
    "held": "A person who reads the waiting reply and says what it meant.",
    "no_consent": f"{_PERSON}, or an import of a consent they gave, with its proof.",
    "consent_lapsed": f"{_PERSON}: the old consent has run out.",
    "consent_too_weak": f"{_PERSON}: a consent in the form that is needed.",
    "answers_nothing": "Nobody: an answer belongs to a reply.",
    "answer_too_late": "Nobody: the law gives five minutes.",
    "do_not_call": f"{_PERSON}: a written consent where that counts more, else they leave the register.",
    "emergency": "Whoever may end the emergency: `tactful rules emergency end`.",
    "own_pause": f"{_PERSON}: they end the pause on their page.",
    "own_topics": f"{_PERSON}: they choose their subjects on their page.",
    "hard_limit": "Nobody: no setting lifts this limit.",
    "too_late": f"{_OWNER} or the campaign, by a later end.",
    "test_key": "Nobody: use a live key for a real text.",
    "unknown_place": "Nobody, until something tells where the person may be.",
    "guard_error": "Whoever runs Tactful: a guard broke, and what breaks is not sent.",
}
_BY_BASIS: Mapping[str, str] = {
    "law-text": "{ids}: nobody, it is law for texts.",
    "carrier": "{ids}: nobody, carriers enforce it.",
    "inherit": "{ids}: nobody, the law above it holds.",
    "law-call": "{ids}: the owner, with a reason on record; it is law for calls, kept for texts as a precaution.",
    "courtesy": "{ids}: the owner, with a reason on record; it is courtesy, not law.",
}


def explain(draft: Draft, facts: Facts, outcome: Cleared | Refused, opens: datetime | None = None) -> tuple[str, ...]:
    """Return the answer first, then why, then where the person may be, then who could change it.

    ``opens`` is the first instant at which every guard allows, where the caller has looked for it.
    """
    return (_answer(draft, facts, outcome, opens), *_why(outcome, facts), _where(facts), *_who(outcome, facts))


def _answer(draft: Draft, facts: Facts, outcome: Cleared | Refused, opens: datetime | None) -> str:
    asked = f"a {draft.purpose} text" if draft.purpose != "informational" else "an informational text"
    if isinstance(outcome, Cleared):
        return f"Yes: {asked} may go now{f', until {_when(outcome.until, facts)}' if outcome.until else ''}."
    if isinstance(outcome.verdict, Defer):
        first = f"the first allowed moment is {_when(opens or outcome.verdict.until, facts)}"
        return f"Not now: {asked} has to wait; {first}."
    return f"No: {asked} may not go. {outcome.verdict.note}".strip()


def _why(outcome: Cleared | Refused, facts: Facts) -> Iterator[str]:
    if isinstance(outcome, Cleared):
        yield from _consent(facts) if terms_of(outcome.draft).consent else ()
    elif outcome.guard == "quiet_hours" and outcome.verdict.reason != "unknown_place":
        yield from _hours(facts) if any(True for _ in _closed(facts)) else _ending(facts)
    elif outcome.guard == "frequency_cap":
        yield from _caps(outcome.verdict, facts)
    elif outcome.guard == "consent_check":
        yield from _consent(facts)


def _consent(facts: Facts) -> Iterator[str]:
    standing = facts.standing
    if standing.state != "none":
        known = [
            _STATES[standing.state],
            standing.level.replace("_", " ") if standing.level != "none" else "",
            f"since {standing.since.astimezone(UTC):%Y-%m-%d}" if standing.since else "",
            f"until {standing.lapses_at.astimezone(UTC):%Y-%m-%d}" if standing.lapses_at else "",
            f"ledger event {standing.event_id}" if standing.event_id else "",
        ]
        yield f"Consent on record: {', '.join(filter(None, known))}."


def _hours(facts: Facts) -> Iterator[str]:
    closed = list(dict.fromkeys(sentence for _, sentence in _closed(facts)))
    yield from closed[:MOST]
    if len(closed) > MOST:
        yield f"{len(closed) - MOST} more rules are closed at this hour."


def _ending(facts: Facts) -> Iterator[str]:
    """Say why an hour that is allowed is none for this text."""
    busy = f", and its from_number is busy for {round(facts.queue.total_seconds()):,} more" if facts.queue else ""
    kept = f"{round(facts.margin.total_seconds()):,} seconds before their end are kept free{busy}"
    yield f"The hours are open, but end before this text would have left: {kept}."


def _closed(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield each rule that is closed now by some clock, "" for the program's own hours, with its sentence."""
    for zone in facts.places.zones:
        local = facts.now.astimezone(ZoneInfo(zone))
        for rule in rules.of_places(facts.places.codes, local.date()):
            clock = facts.now.astimezone(ZoneInfo(rule.clock)) if rule.clock else local
            for wall, name in ((local, _city(zone)), (clock, _city(rule.clock or zone))):
                if not _open(rule, wall):
                    said = f"It is {wall:%a %H:%M} in {name}: {rule.id} ({rule.citation}) {_state(rule, wall)}."
                    yield rule.id, said
        if facts.policy.hours is not None and not _own_open(facts, local):
            whose = "the hours that the person or the program chose" if facts.chose_hours else "the program's own hours"
            yield "", f"It is {local:%a %H:%M} in {_city(zone)}: {whose} are closed."


def _open(rule: Rule, wall: datetime) -> bool:
    minute = wall.hour * 60 + wall.minute
    return any(start <= minute < end for start, end in rule.windows(wall.date()))


def _own_open(facts: Facts, wall: datetime) -> bool:
    minute = wall.hour * 60 + wall.minute
    return any(w.day == wall.weekday() and w.start <= minute < w.end for w in facts.policy.hours or ())


def _state(rule: Rule, wall: datetime) -> str:
    """Say why the rule is closed at this wall time: a holiday, a closed weekday, or the hours of the day."""
    if holiday := closed_because(rule, wall.date()):
        return f"is closed for {holiday}"
    windows = rule.windows(wall.date())
    if not windows:
        return f"is closed on {wall:%A}s"
    return f"allows {windows_text(windows)} on this day"


def _caps(verdict: Defer | Block, facts: Facts) -> Iterator[str]:
    yield f"{len(facts.sends)} earlier texts to this number are on record for the windows of the caps."
    for rule_id in verdict.rules:
        rule = rules.on(rule_id, facts.now.astimezone(UTC).date())
        yield f"{rule.id} ({rule.citation}) allows no more for now."
    if not verdict.rules and verdict.reason == "frequency_cap":
        yield "A cap of the program is full."


def _where(facts: Facts) -> str:
    if not facts.places.codes:
        return "Nothing tells where the person may be."
    evidence = "; ".join(_plain(f"{source} says {found}") for source, found in facts.places.evidence)
    return f"Places that count: {', '.join(facts.places.codes)} ({evidence})."


def _plain(text: str) -> str:
    """Evidence as people read it: "area_code:212" is the area code 212."""
    return text.replace("_", " ").replace(":", " ")


def _who(outcome: Cleared | Refused, facts: Facts) -> Iterator[str]:
    if isinstance(outcome, Cleared):
        return
    verdict = outcome.verdict
    if outcome.guard in ("quiet_hours", "frequency_cap") and verdict.reason in WHO_BY_RULE:
        yield from _who_by_rule(verdict, facts)
    else:
        yield f"Who could change it: {WHO.get(verdict.reason, f'{_OWNER} or the text.')}"


_STATES = {"in": "they said yes", "out": "they said stop", "held": "held until somebody has judged a reply"}
WHO_BY_RULE = ("quiet_hours", "no_common_hour", "frequency_cap")


def _who_by_rule(verdict: Defer | Block, facts: Facts) -> Iterator[str]:
    """Name who could change the rules that are closed now; all that were kept where it is no matter of the clock."""
    closed = {rule_id for rule_id, _ in _closed(facts)} if verdict.reason == "quiet_hours" else set()
    if verdict.reason == "quiet_hours" and facts.queue and not closed:
        yield "Who could change it: whoever may raise the rate of the from_number with the provider."
    by_basis: dict[str, list[str]] = {}
    for rule in rules.of_places(facts.places.codes, facts.now.astimezone(UTC).date()):
        if rule.id in (closed & {*verdict.rules} if closed else verdict.rules):
            by_basis.setdefault(rule.basis, []).append(rule.id)
    for basis, ids in by_basis.items():
        yield f"Who could change it: {_BY_BASIS[basis].format(ids=', '.join(dict.fromkeys(ids)))}"
    own_hours = facts.policy.hours is not None and (not closed or "" in closed)
    if (own_hours and verdict.reason != "frequency_cap") or (verdict.reason == "frequency_cap" and not verdict.rules):
        yield f"Who could change the program's own: {_OWNER}."
    if own_hours and facts.chose_hours and verdict.reason != "frequency_cap":
        yield "Who could change the person's own: only they, on their page."


def _when(instant: datetime, facts: Facts) -> str:
    walls = [
        f"{instant.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M} in {_city(zone)}" for zone in facts.places.zones[:2]
    ]
    return ", ".join(walls) or f"{instant.astimezone(UTC):%a %Y-%m-%d %H:%M} UTC"


def _city(zone: str) -> str:
    return zone.split("/")[-1].replace("_", " ")
