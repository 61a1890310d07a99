"""One file of cases read and checked: text in, frozen :class:`Case` objects out, one clear sentence per fault."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from guards.base import Cap, Draft, Facts, Kind, Places, Policy, Purpose, Sent, Standing, Window
from guards.places import places_of
from guards.zones import country_zones

FIELDS = frozenset({
    "says", "number", "place", "zone", "postal_code", "state", "declared_zone", "clock", "country", "countries", "at",
    "purpose", "kind", "answers", "answered_minutes", "subject", "least", "consent", "consent_ends", "history", "caps",
    "hours", "loosened", "emergencies", "ends", "drops", "margin_minutes", "paused_until", "unwanted",
    "registers",
    "line_type", "number_state", "verdict", "reason", "until", "rule",
})  # fmt: skip
VERDICTS = ("allow", "defer", "block")
LEVELS = ("express_written", "express", "implied")
STATES = ("out", "held", "none")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"(?:(?P<day>[A-Z][a-z]{2}) )?(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?:[+-]\d\d:\d\d)?)")
_SENT = re.compile(
    r"(?P<time>.+? \d\d:\d\d)(?: (?P<purpose>[a-z]+))?(?: about (?P<subject>\w+))?(?: program (?P<id>\d+))?"
)
_CAP = re.compile(
    r"(?P<limit>\d+) per (?P<hours>\d+) h(?: (?P<scope>installation))?"
    r"(?: (?P<purpose>[a-z]+))?(?: about (?P<subject>[\w*]+))?"
)
_WINDOW = re.compile(r"(?P<day>[a-z]{3}) (?P<start>\d\d):(?P<start_m>\d\d)-(?P<end>\d\d):(?P<end_m>\d\d)")
_BRAND, _FOOTER = "Acme", "Reply STOP to opt out."


class CaseFault(ValueError):
    """A case that cannot be read; the sentence names the file, the case and the field."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question and its answer. ``clock`` is the zone in which its times are written; ``until`` is when a deferral
    ends or a permission does, None where the case does not say; ``rules`` must have had a part in the answer.
    """

    file: str
    says: str
    clock: str
    draft: Draft
    facts: Facts
    verdict: str
    reason: str
    until: datetime | None
    rules: tuple[str, ...]


def read_cases(file: str, text: str) -> list[Case]:
    """Read one file of ``[[case]]`` tables. Raises CaseFault with one sentence for the first thing that is wrong."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CaseFault(f"{file}: not readable as TOML ({error}); correct that line.") from error
    entries = table.get("case")
    if not isinstance(entries, list) or not entries or set(table) != {"case"}:
        raise CaseFault(f"{file}: holds something else than [[case]] tables; write each case as one.")
    return [_Entry(file, n, entry).case() for n, entry in enumerate(entries, 1)]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One ``[[case]]`` table; every reader raises a fault that names the case and the field."""

    file: str
    number: int
    table: Mapping[str, Any]

    def case(self) -> Case:
        for field in self.table:
            if field not in FIELDS:
                raise self.fault(field, "is not a field of cases; correct its name or remove it")
        places = self.places()
        clock = self.clock(places)
        return Case(
            self.file,
            self.words("says"),
            clock,
            self.draft(),
            self.facts(places, clock),
            self.one_of("verdict", VERDICTS),
            self.words("reason", ""),
            self.time("until", clock),
            self.strings("rule"),
        )

    def fault(self, field: str, problem: str) -> CaseFault:
        says = self.table.get("says", "no sentence")
        return CaseFault(f"{self.file}: case {self.number} ({says}): {field} {problem}.")

    def words(self, field: str, absent: str | None = None) -> str:
        value = self.table.get(field, absent)
        if not isinstance(value, str) or (not value and absent is None):
            raise self.fault(field, "is missing; give it as text in quotes")
        return value

    def strings(self, field: str) -> tuple[str, ...]:
        value = self.table.get(field, [])
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fault(field, "is neither a text nor a list of texts")
        return tuple(value)

    def one_of(self, field: str, allowed: tuple[str, ...], absent: str | None = None) -> str:
        value = self.words(field, absent)
        if value not in allowed:
            raise self.fault(field, f"is {value!r}; it must be one of {', '.join(allowed)}")
        return value

    def minutes(self, field: str) -> timedelta | None:
        value = self.table.get(field)
        if value is not None and type(value) is not int:
            raise self.fault(field, "is not a whole number of minutes")
        return None if value is None else timedelta(minutes=value)

    def places(self) -> Places:
        codes = self.strings("place")
        if bool(codes) == ("number" in self.table):
            raise self.fault("place", "or number is needed, and not both")
        if not codes:
            declared = {name: self.table.get(name) for name in ("postal_code", "state")}
            return places_of(self.words("number"), zone=self.table.get("declared_zone"), **declared)
        zones = self.strings("zone") or tuple(zone for code in codes for zone in country_zones(code))
        return Places(tuple(sorted(codes)), tuple(sorted(set(zones))), (("case", " ".join(codes)),))

    def clock(self, places: Places) -> str:
        zones = self.strings("clock") or places.zones or ("UTC",)
        if len(zones) > 1:
            raise self.fault("clock", f"must say which of {', '.join(zones)} its times are written in")
        try:
            return ZoneInfo(zones[0]).key
        except (ValueError, OSError, KeyError):
            raise self.fault("clock", f"is {zones[0]!r}, which no zone is called") from None

    def time(self, field: str, clock: str) -> datetime | None:
        return self.instant(field, self.words(field), clock) if field in self.table else None

    def instant(self, field: str, text: str, clock: str) -> datetime:
        parts = _TIME.fullmatch(text)
        if parts is None:
            raise self.fault(field, f'has {text!r}; write a time as "Mon 2026-11-23 07:59"')
        wall = datetime.fromisoformat(parts["time"])
        if parts["day"] not in (None, f"{wall:%a}"):
            raise self.fault(field, f"says {parts['day']} but {wall:%Y-%m-%d} is a {wall:%a}")
        return (wall if wall.tzinfo else wall.replace(tzinfo=ZoneInfo(clock))).astimezone(UTC)

    def draft(self) -> Draft:
        kind = Kind(self.one_of("kind", tuple(Kind), Kind.CAMPAIGN.value))
        words = f"{_BRAND}: new beans are in.\n{_FOOTER}"
        answers, subject = self.table.get("answers"), self.table.get("subject")
        return Draft(words, self.purpose("purpose", Purpose.MARKETING), kind, answers, subject)

    def purpose(self, field: str, absent: Purpose) -> Purpose:
        return Purpose(self.one_of(field, tuple(Purpose), absent.value))

    def facts(self, places: Places, clock: str) -> Facts:
        country = self.words("country", places.codes[0].split("-")[0] if places.codes else "unknown")
        return Facts(
            now=self.instant("at", self.words("at"), clock),
            country=None if country == "unknown" else country,
            places=places,
            standing=self.standing(clock),
            policy=self.policy(country),
            number_state=cast(Literal["ok"], self.words("number_state", "ok")),
            line_type=self.words("line_type", "fixed_line_or_mobile"),
            sends=tuple(self.sent(text, clock) for text in self.strings("history")),
            ends_at=self.time("ends", clock),
            margin=self.minutes("margin_minutes") or timedelta(),
            answered_within=self.minutes("answered_minutes"),
            emergencies=frozenset(self.strings("emergencies")),
            drops=frozenset(self.strings("drops")),
            paused_until=self.time("paused_until", clock),
            unwanted=frozenset(self.strings("unwanted")),
            registers=frozenset(self.strings("registers")),
        )

    def policy(self, country: str) -> Policy:
        return Policy(
            program_id=1,
            brand=_BRAND,
            footer=_FOOTER,
            caps=tuple(self.cap(text) for text in self.strings("caps")),
            hours=tuple(self.window(text) for text in self.strings("hours")) if "hours" in self.table else None,
            countries=frozenset(self.strings("countries") or (country,)),
            loosened=self.table.get("loosened", {}),
            least=self.purpose("least", Purpose.CODE),
        )

    def standing(self, clock: str) -> Standing:
        consent = self.one_of("consent", (*LEVELS, *STATES), LEVELS[0])
        state = consent if consent in STATES else "in"
        level = consent if consent in LEVELS else "none"
        return Standing(cast(Any, state), cast(Any, level), lapses_at=self.time("consent_ends", clock))

    def sent(self, text: str, clock: str) -> Sent:
        parts = _SENT.fullmatch(text)
        if parts is None or parts["purpose"] not in (None, *Purpose):
            raise self.fault("history", f'has {text!r}; write a text as "Mon 2026-11-23 07:59 marketing about sale"')
        purpose = Purpose(parts["purpose"] or Purpose.MARKETING)
        return Sent(self.instant("history", parts["time"], clock), int(parts["id"] or 1), purpose, parts["subject"])

    def cap(self, text: str) -> Cap:
        parts = _CAP.fullmatch(text)
        if parts is None or parts["purpose"] not in (None, *Purpose):
            raise self.fault("caps", f'has {text!r}; write a cap as "3 per 24 h installation marketing about sale"')
        purpose = Purpose(parts["purpose"]) if parts["purpose"] else None
        scope: Literal["program", "installation"] = "installation" if parts["scope"] else "program"
        return Cap(int(parts["limit"]), int(parts["hours"]), scope, purpose, parts["subject"])

    def window(self, text: str) -> Window:
        parts = _WINDOW.fullmatch(text)
        if parts is None or parts["day"] not in DAYS:
            raise self.fault("hours", f'has {text!r}; write a window as "mon 10:00-12:00"')
        start, end = int(parts["start"]) * 60 + int(parts["start_m"]), int(parts["end"]) * 60 + int(parts["end_m"])
        return Window(DAYS.index(parts["day"]), start, end)
