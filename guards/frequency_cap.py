"""Not more often than the program, the installation and the law of every place allow, in any rolling window."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from guards import rules
from guards.base import ALLOW, Block, Cap, Defer, Draft, Facts, Kind, Sent, Verdict
from guards.purposes import TERMS

name = "frequency_cap"

HARD_LIMIT = 20
"""Texts of any purpose to one number in 24 hours: the last brake on runaway software, which no setting lifts."""
LONGEST_HOURS = 120 * 24
"""No cap looks further back: what is older may be archived."""
_DAY, _WEEK = 24, 7 * 24

Full = tuple[datetime, str]
"""When a full window has room again, and the id of the rule that asks for it ("" for a cap of the program)."""
LegalCap = tuple[int, int, bool, str]
"""At most so many, in so many hours, on the same subject only, because of this rule id."""
ANY_SUBJECT = "*"


def lookback(caps: Iterable[Cap]) -> timedelta:
    """Return how far back ``Facts.sends`` must reach for these caps and every legal one."""
    return timedelta(hours=max((_WEEK, *(cap.hours for cap in caps))))


def check(draft: Draft, facts: Facts) -> Verdict:
    """Defer to the instant at which every full window has room again; block where that comes too late.

    The confirmation of a stop is exempt from everything; other answers know the hard limit only, so that two machines
    answering each other come to rest, and so do codes and transactional texts unless a cap names their purpose. A legal
    cap counts the restrained texts of all programs.
    """
    answer = draft.kind is Kind.ANSWER
    if not facts.sends or (answer and draft.answers == "stop"):
        return ALLOW
    if len(facts.sends) >= HARD_LIMIT and _frees_at(facts.sends, HARD_LIMIT, _DAY, facts.now):
        return Block("hard_limit", note=f"No number gets more than {HARD_LIMIT} texts within 24 hours.")
    return ALLOW if answer else _capped(draft, facts)


def _capped(draft: Draft, facts: Facts) -> Verdict:
    try:
        full = _full(draft, facts)
    except KeyError as unknown:
        return Block("unknown_place", note=f"No rules are known for {unknown.args[0]}.")
    if not full:
        return ALLOW
    until, ids = max(frees_at for frees_at, _ in full), tuple(sorted({rule for _, rule in full if rule}))
    if facts.ends_at is not None and until >= facts.ends_at:
        return Block("frequency_cap", ids, note="The cap frees only after the campaign or message ends.")
    return Defer(until, "frequency_cap", ids, note="As many texts as the cap allows were sent already.")


def _full(draft: Draft, facts: Facts) -> list[Full]:
    """Return every full window; sends that are fewer than a limit need no counting.

    A test text to somebody's own phone keeps the law's caps, not the program's.
    """
    sends, now, full = [sent for sent in facts.sends if not sent.answer], facts.now, []
    for cap in () if draft.kind is Kind.TEST else facts.policy.caps:
        if len(sends) >= cap.limit and _concerns(cap, draft):
            own = [sent for sent in sends if _counts(cap, sent, draft, facts.policy.program_id)]
            if frees_at := _frees_at(own, cap.limit, cap.hours, now):
                full.append((frees_at, ""))
    if not TERMS[draft.purpose].restrained:
        return full
    today = (now if now.tzinfo is UTC else now.astimezone(UTC)).date()
    for limit, hours, same_subject, rule in _legal(facts.places.codes, today):
        if len(sends) >= limit:
            about = draft.subject if same_subject else None
            counted = [sent for sent in sends if TERMS[sent.purpose].restrained and _on(about, sent.subject)]
            if frees_at := _frees_at(counted, limit, hours, now):
                full.append((frees_at, rule))
    return full


def _concerns(cap: Cap, draft: Draft) -> bool:
    purpose = TERMS[draft.purpose].restrained if cap.purpose is None else draft.purpose is cap.purpose
    return purpose and (cap.subject is None or cap.subject == ANY_SUBJECT or _on(cap.subject, draft.subject))


def _counts(cap: Cap, sent: Sent, draft: Draft, program_id: int) -> bool:
    if cap.scope == "program" and sent.program_id != program_id:
        return False
    purpose = TERMS[sent.purpose].restrained if cap.purpose is None else sent.purpose is cap.purpose
    if cap.subject is None or not purpose:
        return purpose
    return _on(draft.subject if cap.subject == ANY_SUBJECT else cap.subject, sent.subject)


def _on(wanted: str | None, subject: str | None) -> bool:
    """Say whether a text on ``subject`` counts for ``wanted``; what nobody knows may be the same."""
    return wanted is None or subject is None or subject == wanted


@lru_cache(maxsize=8192)
def _legal(codes: tuple[str, ...], day: date) -> tuple[LegalCap, ...]:
    # A rolling day or week is never laxer than a calendar one.
    return tuple(
        (limit, hours, rule.same_subject_only, rule.id)
        for rule in rules.of_places(codes, day)
        for limit, hours in ((rule.max_per_24h, _DAY), (rule.max_per_day, _DAY), (rule.max_per_week, _WEEK))
        if limit is not None
    )


def _frees_at(sends: Sequence[Sent], limit: int, hours: int, now: datetime) -> datetime | None:
    """Return when the window of ``hours`` has room again, None if it has now. A text leaves it exactly then."""
    if len(sends) < limit:
        return None
    window = timedelta(hours=hours)
    inside = sorted((sent.at for sent in sends if sent.at > now - window), reverse=True)
    return inside[limit - 1] + window if len(inside) >= limit else None
