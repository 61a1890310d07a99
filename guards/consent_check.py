"""Did the person say yes to this kind of text, in the form the law asks for, and does that yes still stand?

Express written consent for marketing: 47 CFR 64.1200(f)(9); express for informational texts: 64.1200(a)(1); implied
consent that lapses: CASL s. 10(9), Canada only. One confirmation within five minutes: 47 CFR 64.1200(a)(12).
"""

from collections.abc import Mapping
from datetime import timedelta

from guards.base import ALLOW, Block, Draft, Facts, Kind, Verdict
from guards.purposes import terms_of

name = "consent_check"

CONFIRMATION_WITHIN = timedelta(minutes=5)
_AUTOMATIC_WITHIN: Mapping[str, timedelta] = {
    "confirm": timedelta(hours=1),
    "auto": timedelta(minutes=15),
    "away": timedelta(minutes=15),
}
_CONVERSING = frozenset({"reply", *_AUTOMATIC_WITHIN})
_REFUSED = {
    "out": Block("opted_out", note="The person said stop, and nothing since revived it."),
    "held": Block("held", note="A reply waits for a person to read it."),
    "none": Block("no_consent", note="No consent is on record."),
}
_STOPPED = frozenset({"out", "held"})
_IMPLIED_COUNTS_IN = "CA"


def check(draft: Draft, facts: Facts) -> Verdict:
    """Weigh the standing against the purpose; answers are weighed by what they answer."""
    if draft.kind is Kind.ANSWER:
        return _answer(draft, facts)
    state, needed = facts.standing.state, terms_of(draft).consent
    if state in _STOPPED or (needed and state != "in"):
        return _REFUSED[state]
    return (_lapsed(facts) or _strong_enough(needed, draft, facts)) if needed else ALLOW


def _answer(draft: Draft, facts: Facts) -> Verdict:
    if draft.answers in ("help", "start"):
        return ALLOW
    if draft.answers == "welcome":
        return ALLOW if facts.standing.state == "in" else _REFUSED[facts.standing.state]
    if draft.answers in _CONVERSING:
        return _conversation(draft.answers or "", facts)
    if draft.answers != "stop":
        return Block("answers_nothing", note="An answer must name what it answers, such as stop, help or reply.")
    if facts.answered_within is None or facts.answered_within > CONFIRMATION_WITHIN:
        return Block("answer_too_late", note="A stop is confirmed within five minutes or not at all.")
    return ALLOW


def _conversation(answers: str, facts: Facts) -> Verdict:
    """An answer to what the person wrote needs no consent (CTIA 5.1, conversational) but ends with STOP and time."""
    if facts.standing.state in _STOPPED:
        return _REFUSED[facts.standing.state]
    within = _AUTOMATIC_WITHIN.get(answers, timedelta(hours=facts.policy.reply_hours))
    if facts.answered_within is None or facts.answered_within > within:
        return Block("answer_too_late", note="The time in which this person's text may be answered is over.")
    return ALLOW


def _lapsed(facts: Facts) -> Block | None:
    lapses_at = facts.standing.lapses_at
    if lapses_at is not None and lapses_at <= facts.now:
        return Block("consent_lapsed", note="The consent was for a time that is over.")
    return None


def _strong_enough(needed: frozenset[str], draft: Draft, facts: Facts) -> Verdict:
    level = facts.standing.level
    if level in needed or (level == "implied" and _implied_counts(facts)):
        return ALLOW
    words = min(needed, key=len).replace("_", " ")
    return Block("consent_too_weak", note=f"For {draft.purpose} texts consent must be {words}; on record is {level}.")


def _implied_counts(facts: Facts) -> bool:
    """Implied consent is Canada's, for people who are nowhere else, and only with its end on record."""
    if facts.standing.lapses_at is None or facts.country != _IMPLIED_COUNTS_IN:
        return False
    return all(code.split("-")[0] == _IMPLIED_COUNTS_IN for code in facts.places.codes)
