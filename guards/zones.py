"""Which zones a country, state or area code has: ``area_codes.toml`` for North America, IANA's zone.tab elsewhere."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from guards import rules

Where = tuple[tuple[str, ...], tuple[str, ...]]
"""Jurisdiction codes and zones."""

NORTH_AMERICA = frozenset({"US", "CA", "PR", "VI", "GU", "MP", "AS"})
TERRITORIES = frozenset({"PR", "VI", "GU", "MP", "AS"})
_NOT_KEPT = frozenset({"Asia/Urumqi"})
"""Zones that no law or operator keeps: all of China runs on Beijing time."""


@dataclass(frozen=True, slots=True)
class Table:
    """``area_codes.toml`` as read; ``names`` maps a state's name, casefolded, to its code."""

    area_codes: Mapping[str, Where]
    states: Mapping[str, tuple[str, ...]]
    postal_letters: Mapping[str, Where]
    names: Mapping[str, str]


def area_codes_text() -> str:
    """Return the shipped table as text."""
    return files("guards").joinpath("area_codes.toml").read_text("utf-8")


@cache
def table() -> Table:
    """Return the shipped table, read on first use."""
    raw = tomllib.loads(area_codes_text())
    states = {code: tuple(zones) for code, zones in raw["states"].items()}
    return Table(
        {code: _where(entry, states) for code, entry in raw["area_codes"].items()},
        states,
        {letter: _where(entry, states) for letter, entry in raw["postal_letters"].items()},
        {found.versions[0].name.casefold(): code for code, found in rules.book().jurisdictions.items() if "-" in code},
    )


def _where(entry: list[str], states: Mapping[str, tuple[str, ...]]) -> Where:
    codes = tuple(item for item in entry if "/" not in item)
    zones = {item for item in entry if "/" in item} or {
        zone for code in codes for state, own in states.items() if state.startswith(code) for zone in own
    }
    return codes, tuple(sorted(zones))


@lru_cache(maxsize=512)
def country_zones(code: str) -> tuple[str, ...]:
    """Return all zones of a country ("FR") or US territory ("US-PR"), sorted; empty where nobody knows.

    A mobile number tells its country, not the part of it, so a number of Brazil or Australia has them all. The United
    States are the fifty states and the District of Columbia, without the territories.
    """
    states = table().states
    if code in states:
        return states[code]
    if code in ("US", "CA"):
        outside = {f"US-{territory}" for territory in TERRITORIES}
        return tuple(sorted({z for s, own in states.items() if s.startswith(code) and s not in outside for z in own}))
    return _zone_tab().get(code, ())


@cache
def _zone_tab() -> Mapping[str, tuple[str, ...]]:
    """Read IANA's zone.tab: one line per zone, its country first."""
    found: dict[str, list[str]] = {}
    for line in files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found.setdefault(country, []).append(zone)
    return {country: tuple(sorted(set(zones) - _NOT_KEPT)) for country, zones in found.items()}
