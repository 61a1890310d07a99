"""What each purpose is held to: the one table that the guards of consent, hours, caps and emergencies read.

Codes and transactional texts answer an act of the person and go at once; what the sender wants to say waits for consent
of its level, for allowed hours and for room under the caps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from guards.base import Draft, Kind, Purpose


@dataclass(frozen=True, slots=True)
class Terms:
    """``consent``: the levels of which one is needed, none: no consent needed; ``restrained``: hours, legal caps, caps
    of the program that name no purpose, and declared emergencies apply; ``stopped_by``: the scopes of a STOP ("program"
    or "all") that end this purpose.

    Levels: 47 CFR 64.1200(f)(9) for marketing, (a)(1) for informational texts.
    """

    consent: frozenset[str]
    restrained: bool
    stopped_by: frozenset[str]


_WRITTEN = frozenset({"express_written"})
_EXPRESS = frozenset({"express_written", "express"})
_NOT_NEEDED: frozenset[str] = frozenset()
_ANY_STOP = frozenset({"program", "all"})

TERMS: Mapping[Purpose, Terms] = {
    Purpose.MARKETING: Terms(_WRITTEN, restrained=True, stopped_by=_ANY_STOP),
    Purpose.INFORMATIONAL: Terms(_EXPRESS, restrained=True, stopped_by=_ANY_STOP),
    Purpose.TRANSACTIONAL: Terms(_NOT_NEEDED, restrained=False, stopped_by=frozenset({"all"})),
    Purpose.CODE: Terms(_NOT_NEEDED, restrained=False, stopped_by=frozenset()),
}
_ANSWER = Terms(_NOT_NEEDED, restrained=False, stopped_by=frozenset())
_STRICTNESS = {purpose: rank for rank, purpose in enumerate(Purpose)}


def terms_of(draft: Draft) -> Terms:
    """Return what this text is held to; an answer to the person's own text is held to nothing of the table."""
    return _ANSWER if draft.kind is Kind.ANSWER else TERMS[draft.purpose]


def stricter(some: Purpose, other: Purpose) -> Purpose:
    """Return the stricter of two purposes: what a template says and what a caller asks for, for instance."""
    return some if _STRICTNESS[some] >= _STRICTNESS[other] else other


def held_to(draft: Draft, least: Purpose) -> Draft:
    """Return the draft with the stricter of its own purpose and ``least``; answers stay what they are."""
    if draft.purpose is least or draft.kind is Kind.ANSWER or stricter(draft.purpose, least) is draft.purpose:
        return draft
    return replace(draft, purpose=least)
