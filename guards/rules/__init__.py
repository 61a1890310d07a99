"""When the law, the carriers or courtesy let a marketing text arrive: one dated, cited TOML file per jurisdiction.

``docs/places-and-hours.md`` explains the files. They are read once, checked field by field, and asked by date, so that
the rule of a past day can be replayed.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from phonenumbers import SUPPORTED_REGIONS

from guards.rules.reading import Jurisdiction, Rule, RuleFault, read_jurisdiction

__all__ = ["Book", "Jurisdiction", "Rule", "RuleFault", "book", "load", "of_places", "on"]


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """All jurisdictions by code; ``version`` is a digest that changes whenever any rule file does."""

    jurisdictions: Mapping[str, Jurisdiction]
    version: str

    def on(self, code: str, day: date) -> Rule:
        """Return the rule in force in ``code`` on ``day``: its own, else its parent's, else the courtesy default.

        Raises KeyError where ``code`` is neither a jurisdiction nor a country of the phone system.
        """
        found = self.jurisdictions.get(code)
        if found is None:
            return self._elsewhere(code, day)
        for rule in found.versions:
            if rule.in_force(day):
                return _own_calendar(rule, code)
        return self.on(found.parent or "default", day)

    def _elsewhere(self, code: str, day: date) -> Rule:
        country, _, subdivision = code.partition("-")
        if country not in SUPPORTED_REGIONS and country not in self.jurisdictions:
            raise KeyError(code)
        return self.on(country if subdivision else "default", day)

    def applying(self, code: str, day: date) -> tuple[Rule, ...]:
        """Return every rule to keep in ``code`` on ``day``: its own first, then its parents'."""
        rule = self.on(code, day)
        return (rule, *self.applying(rule.parent, day)) if rule.parent else (rule,)

    def within(self, country: str) -> tuple[str, ...]:
        """Return the codes of the country's subdivisions that have a file, sorted."""
        return tuple(sorted(code for code, found in self.jurisdictions.items() if found.parent == country))


@lru_cache(maxsize=512)
def _own_calendar(rule: Rule, code: str) -> Rule:
    return replace(rule, calendar=code) if rule.calendar == "own" else rule


def load(folder: Traversable) -> Book:
    """Read every ``*.toml`` of ``folder``. Raises RuleFault naming file and field for the first thing that is wrong."""
    texts = {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".toml")}
    read = [read_jurisdiction(name, texts[name]) for name in sorted(texts)]
    codes = _by_code(read)
    for found in read:
        if found.parent and found.parent not in codes:
            raise RuleFault(f"{found.file}: parent {found.parent!r} has no file; add it or correct the code.")
    digest = hashlib.sha256("\0".join(f"{name}\0{texts[name]}" for name in sorted(texts)).encode()).hexdigest()
    return Book(codes, digest[:12])


def _by_code(read: Iterable[Jurisdiction]) -> dict[str, Jurisdiction]:
    codes: dict[str, Jurisdiction] = {}
    for found in read:
        for code in (found.code, *found.also):
            if code in codes:
                raise RuleFault(f"{found.file}: {code} is already ruled by {codes[code].file}; keep one of the two.")
            codes[code] = found
    return codes


@cache
def book() -> Book:
    """Return the shipped rules, read on first use."""
    return load(files(__name__))


def on(code: str, day: date) -> Rule:
    """Return the shipped rule of ``code`` on ``day``; see :meth:`Book.on`."""
    return book().on(code, day)


@lru_cache(maxsize=8192)
def of_places(codes: tuple[str, ...], day: date) -> tuple[Rule, ...]:
    """Return every shipped rule to keep on ``day`` by someone who may be in any of ``codes``, sorted by id.

    A bare country ("US") is a person somewhere in it: the rules of all its subdivisions count. Raises KeyError for a
    code nobody knows.
    """
    everywhere = {inner for code in codes for inner in (code, *book().within(code))}
    # One file may rule several countries, each with its own holidays.
    found = {(rule.id, rule.calendar or ""): rule for code in everywhere for rule in book().applying(code, day)}
    return tuple(found[key] for key in sorted(found))
