"""Facts about made-up people, one plain text each, and a slow honest reading of the rules to compare guards with."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from guards import rules
from guards.base import Draft, Facts, Kind, Places, Policy, Purpose, Standing, Window
from guards.places import places_of

POLICY = Policy(program_id=1, brand="Acme", footer="Reply STOP to opt out.")
MONDAY_NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
"""12:00 in New York, an ordinary working day."""


def draft(purpose: Purpose = Purpose.MARKETING, kind: Kind = Kind.CAMPAIGN, **more: Any) -> Draft:
    """Return a text that names the brand and the way out."""
    return Draft("Acme: new beans are in.\nReply STOP to opt out.", purpose, kind, **more)


def facts(number: str = "+12125550100", **more: Any) -> Facts:
    """Return facts under which a marketing text may go at once, changed by ``more``."""
    base: dict[str, Any] = {
        "now": MONDAY_NOON,
        "country": "US",
        "places": places_of(number),
        "standing": Standing("in", "express_written"),
        "policy": POLICY,
        "line_type": "fixed_line_or_mobile",
    }
    return Facts(**(base | more))


def at(text: str, zone: str) -> datetime:
    """Return local wall time such as "2026-07-04 09:00" in ``zone`` as an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@cache
def _open_minutes(rule: rules.Rule, day: date) -> frozenset[int]:
    if rule.closed(day):
        return frozenset()
    minutes = {m for start, end in rule.week[day.weekday()] for m in range(start, end)}
    if rule.eve and rule.closed(day + timedelta(days=1)):
        minutes &= {m for start, end in rule.eve for m in range(start, end)}
    return frozenset(minutes)


def _inside(rule: rules.Rule, zone: str, instant: datetime) -> bool:
    local = instant.astimezone(ZoneInfo(zone))
    return local.hour * 60 + local.minute in _open_minutes(rule, local.date())


def allowed(places: Places, instant: datetime, own: Iterable[Window] | None = None) -> bool:
    """Say whether every rule of every place holds in every zone, read minute by minute from the wall clock."""
    for zone in places.zones:
        local = instant.astimezone(ZoneInfo(zone))
        for rule in rules.of_places(places.codes, local.date()):
            if not _inside(rule, zone, instant) or (rule.clock and not _inside(rule, rule.clock, instant)):
                return False
        minute = local.hour * 60 + local.minute
        if own is not None and not any(w.day == local.weekday() and w.start <= minute < w.end for w in own):
            return False
    return True
