"""Every place a person may be, from what is known: the number's area or country code and what the person declared.

No source overrules another: each adds its jurisdictions and zones, and hours are kept in all of them. Evidence names
the source and what it gave, never the number itself. ``area_codes.toml`` says where our table comes from.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers

from guards.base import Places
from guards.zips import zips
from guards.zones import NORTH_AMERICA, TERRITORIES, country_zones, table

_ZIP = re.compile(r"(\d{5})(?:-?\d{4})?")
_CANADIAN = re.compile(r"([ABCEGHJ-NPRSTVXY])\d[A-Z](?:[ -]?\d[A-Z]\d)?")
_OVERSEAS: Mapping[str, tuple[re.Pattern[str], Mapping[str, str]]] = {
    "FR": (
        re.compile(r"(97[1-8]|98[678])\d\d"),
        {
            "971": "GP", "972": "MQ", "973": "GF", "974": "RE", "975": "PM", "976": "YT", "977": "BL", "978": "MF",
            "986": "WF", "987": "PF", "988": "NC",
        },
    ),
    "DK": (re.compile(r"(39)\d\d"), {"39": "GL"}),
}  # fmt: skip
"""Postal codes that lie across the sea, in a country of their own to the phone system: La Poste, PostNord."""
_NOT_UNDERSTOOD = "not understood"
_WHOLE_COUNTRY = "anywhere in its country"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one source says: its name as evidence, jurisdiction codes, zones; ``remark`` where it says nothing."""

    source: str
    codes: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    remark: str = ""

    @property
    def evidence(self) -> tuple[str, str]:
        """Return the pair kept with every decision."""
        return self.source, self.remark or " ".join((*self.codes, *self.zones))


def places_of(
    e164: str,
    *,
    postal_code: str | None = None,
    state: str | None = None,
    zone: str | None = None,
    country: str | None = None,
) -> Places:
    """Return all candidate places of a number and of a declared address; no codes or no zones means nobody knows.

    ``postal_code`` is a US ZIP, a Canadian code or one of a French or Danish land overseas (others tell nothing that
    the country does not), ``state`` "NY", "US-NY" or "New York", ``zone`` an IANA name, ``country`` the declared
    address's ISO code (default: the number's). What is not understood stands in the evidence and adds nothing. A +1
    number without a place (toll-free) of a person who declared none may be anywhere in the United States.
    """
    if not (postal_code or state or zone or country):
        return _of_number(e164[:5]) if e164.startswith("+1") else _merged(_number(e164))
    found = _number(e164)
    declared = _declared(postal_code, state, (country or "").strip().upper(), found)
    return _merged((*found, *declared, *_zone(zone)))


@lru_cache(maxsize=1024)
def _of_number(prefix: str) -> Places:
    return _merged(_number(prefix))


def _merged(found: Iterable[Finding]) -> Places:
    findings = tuple(found)
    codes = {code for finding in findings for code in finding.codes}
    zones = {zone for finding in findings for zone in finding.zones}
    if not codes and any(finding.source.startswith("area_code:") for finding in findings):
        codes, zones = {"US"}, zones or set(country_zones("US"))
    return Places(tuple(sorted(codes)), tuple(sorted(zones)), tuple(finding.evidence for finding in findings))


def _number(e164: str) -> tuple[Finding, ...]:
    if e164.startswith("+1"):
        return (_area_code(e164[2:5]),)
    return tuple(Finding(f"country:{code}", (code,), country_zones(code)) for code in _countries(e164))


@lru_cache(maxsize=1024)
def _area_code(code: str) -> Finding:
    source = f"area_code:{code}" if re.fullmatch(r"\d{3}", code) else "area_code:none"
    known = table().area_codes.get(code)
    return Finding(source, *known) if known else Finding(source, remark="anywhere in the United States")


def _countries(e164: str) -> tuple[str, ...]:
    """Return the number's country; for a number no plan knows, the main country of its calling code."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return ()
    region = phonenumbers.region_code_for_number(number)
    code = region or phonenumbers.region_code_for_country_code(number.country_code or 0)
    return (code,) if country_zones(code) else ()


def _declared(postal_code: str | None, state: str | None, country: str, number: Iterable[Finding]) -> list[Finding]:
    at_home = {code[:2] for finding in number for code in finding.codes}
    american = country in NORTH_AMERICA if country else any(found.source.startswith("area_code:") for found in number)
    abroad = {country} if country else at_home
    found = [_american(postal_code) if american else _postal(postal_code, abroad)] if postal_code else []
    if state:
        found.append(_state(state, american, {code for finding in found for code in finding.codes}))
    if country and country not in {code[:2] for finding in found for code in finding.codes} | at_home:
        found.append(_country(country))
    return found


def _country(country: str) -> Finding:
    code = f"US-{country}" if country in TERRITORIES else country
    zones = country_zones(code)
    return Finding("country", (code,), zones) if zones else Finding("country", remark=_NOT_UNDERSTOOD)


def _american(postal_code: str) -> Finding:
    text = postal_code.strip().upper()
    if match := _ZIP.fullmatch(text):
        return _zip(match[1])
    if match := _CANADIAN.fullmatch(text):
        return Finding("postal_code", *table().postal_letters[match[1]])
    return Finding("postal_code", remark=_NOT_UNDERSTOOD)


def _postal(postal_code: str, countries: Iterable[str]) -> Finding:
    for country in sorted(countries):
        pattern, lands = _OVERSEAS.get(country, (None, {}))
        if pattern and (match := pattern.fullmatch(postal_code.strip())):
            return Finding("postal_code", (lands[match[1]],), country_zones(lands[match[1]]))
    return Finding("postal_code", remark=_WHOLE_COUNTRY)


def _zip(code: str) -> Finding:
    """Return the ZIP's state and zone; an unlisted ZIP gets those of all that share its first three digits."""
    return Finding("postal_code", *(zips().where(code) or ((), ())))


def _state(state: str, american: bool, by_postal: set[str]) -> Finding:
    code = _state_code(state.strip()) if american else None
    if code is None:
        return Finding("state", remark=_NOT_UNDERSTOOD)
    return Finding("state", (code,), () if code in by_postal else table().states[code])


def _state_code(state: str) -> str | None:
    known = table()
    spelled = state.upper()
    for code in (spelled, f"US-{spelled}", f"CA-{spelled}"):
        if code in known.states:
            return code
    return known.names.get(state.casefold())


def _zone(zone: str | None) -> tuple[Finding, ...]:
    if not zone:
        return ()
    name = zone.strip()
    return (Finding("zone", zones=(name,)) if _is_zone(name) else Finding("zone", remark=_NOT_UNDERSTOOD),)


@lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
