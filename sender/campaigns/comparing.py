"""Which of a campaign's texts did better: the difference of two shares, its interval, and a sentence that says it.

Intervals are Newcombe's hybrid score intervals for the difference of two independent proportions, built from Wilson's
for each (R. G. Newcombe, Statistics in Medicine 17, 1998, pages 873-890, method 10; E. B. Wilson, JASA 22, 1927). With
more than two texts each is compared with the first, and the error is divided among them (Bonferroni).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import NormalDist
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from sender.campaigns.figures import Asked, Figures, figures
from sender.models import Campaign, Variant

ERROR = 0.05
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
MEASURES = {"delivered": "delivered", "clicked": "clicked", "replies": "replied to", "opt_outs": "answered by a stop"}
APART = "These texts went to different people, so what they came to cannot be compared."


class Interval(NamedTuple):
    """From and to, as shares of one (-1 to 1 for a difference)."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """One text against the first by one measure: shares of one, and the interval of ``other`` minus ``first``."""

    measure: str
    first: str
    other: str
    first_share: float
    other_share: float
    interval: Interval
    verdict: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A campaign's variants with what they came to; ``why_not`` says why nothing may be concluded."""

    lines: list[Figures]
    differences: list[Difference]
    why_not: str


def wilson(hits: int, of: int, error: float = ERROR) -> Interval:
    """The interval of a share that was seen ``hits`` times in ``of``; everything where nothing was seen."""
    if of == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf(1 - error / 2)
    share, width = hits / of, z * math.sqrt(hits * (of - hits) / of + z * z / 4)
    middle, below = share * of + z * z / 2, of + z * z
    return Interval(max(0.0, (middle - width) / below), min(1.0, (middle + width) / below))


def newcombe(first: tuple[int, int], other: tuple[int, int], error: float = ERROR) -> Interval:
    """The interval of ``other``'s share minus ``first``'s; each is (hits, of)."""
    one, two = (hits / of if of else 0.5 for hits, of in (first, other))
    a, b = wilson(*first, error), wilson(*other, error)
    low = two - one - math.hypot(two - b.low, a.high - one)
    high = two - one + math.hypot(b.high - two, one - a.low)
    return Interval(max(-1.0, low), min(1.0, high))


def compare(session: Session, campaign: Campaign) -> Comparison:
    """How the variants of a campaign differ, by every measure that has figures."""
    asked = Asked("variant", *EVER, campaign_id=campaign.id)
    mine = select(Variant).where(col(Variant.campaign_id) == campaign.id).order_by(col(Variant.position))
    variants = list(session.execute(mine).scalars())
    found = {line.id: line for line in figures(session, asked)}
    lines = [found[one.id] for one in variants if one.id in found]
    for one in variants:
        if one.id in found:
            found[one.id].name = one.name
    why_not = _why_not(variants, lines)
    return Comparison(lines, [] if why_not else _differences(lines), why_not)


def _why_not(variants: Sequence[Variant], lines: Sequence[Figures]) -> str:
    if len(variants) < 2:
        return "The campaign has one text; two or more with a share of the people can be compared."
    if any(one.share is None for one in variants) or any(one.segment != variants[0].segment for one in variants):
        return APART
    if len(lines) < 2 or not all(line.left for line in lines):
        return "Not every text has left yet; come back when some of each have."
    return ""


def _differences(lines: Sequence[Figures]) -> list[Difference]:
    first, error = lines[0], ERROR / (len(lines) - 1)
    measured = [name for name in MEASURES if any(getattr(line, name) for line in lines)]
    return [_difference(name, first, other, error) for name in measured for other in lines[1:]]


def _difference(measure: str, first: Figures, other: Figures, error: float) -> Difference:
    hits = [min(getattr(line, measure), line.left) for line in (first, other)]
    interval = newcombe((hits[0], first.left), (hits[1], other.left), error)
    verdict = _verdict(MEASURES[measure], first.name, other.name, interval)
    return Difference(measure, first.name, other.name, hits[0] / first.left, hits[1] / other.left, interval, verdict)


def _verdict(words: str, first: str, other: str, interval: Interval) -> str:
    if interval.low <= 0 <= interval.high:
        return f"No difference is shown: “{other}” is {words} between {_points(interval)} than “{first}”."
    word = "more" if interval.low > 0 else "less"
    small, large = sorted(100 * abs(edge) for edge in interval)
    return f"“{other}” is {words} {word} often than “{first}”, by {small:.1f} to {large:.1f} points in a hundred."


def _points(interval: Interval) -> str:
    return f"{-100 * interval.low:.1f} points in a hundred less and {100 * interval.high:.1f} more often"
