"""Nothing that sells goes to a number on a national do-not-call register, unless a strong enough consent lifts it.

The registers, what lifts each, and how old a copy may be are in registers.toml. People take in their files with
the day they were drawn; a number is looked up by its keyed hash.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from guards.base import ALLOW, Block, Draft, Facts, Kind, Purpose, Verdict

name = "do_not_call"

LONGEST_DAYS = 31
"""47 CFR 64.1200(c)(2)(i)(D): a version of the registry that is no more than 31 days old."""


@dataclass(frozen=True, slots=True)
class Register:
    """One country's register, as registers.toml explains; ``lifted_by`` are levels of consent."""

    country: str
    name: str = "do-not-call register"
    lifted_by: tuple[str, ...] = ()
    days: int = LONGEST_DAYS
    basis: str = "law-text"
    citation: str = "no source on record; taken as strictly as can be"
    confidence: str = "low"

    @property
    def rule(self) -> str:
        """The id that stands in decisions."""
        return f"register-{self.country}"

    def outdated(self, drawn: date, today: date) -> bool:
        """Whether a copy that was drawn on a day is too old to rely on."""
        return (today - drawn).days > self.days


def check(draft: Draft, facts: Facts) -> Verdict:
    """Block marketing to a listed number; other purposes and answers are no solicitation."""
    if not facts.registers or draft.purpose is not Purpose.MARKETING or draft.kind is Kind.ANSWER:
        return ALLOW
    closed = [one for one in map(of, sorted(facts.registers)) if not _lifts(one, facts)]
    if not closed:
        return ALLOW
    names = " and ".join(f"{one.name} ({one.country})" for one in closed)
    return Block(
        "do_not_call", tuple(one.rule for one in closed), note=f"The number is on a do-not-call register: {names}."
    )


def of(country: str) -> Register:
    """Return the register of a country; one that nobody described is lifted by nothing."""
    return book().get(country) or Register(country)


@cache
def book() -> Mapping[str, Register]:
    """Every register of registers.toml by country."""
    return {country: _register(country, row) for country, row in tomllib.loads(toml_text()).items()}


@cache
def toml_text() -> str:
    """The file itself, for the version of the chain."""
    return (files("guards") / "registers.toml").read_text("utf-8")


def _register(country: str, row: dict[str, object]) -> Register:
    return Register(country, **{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})  # type: ignore[arg-type]


def _lifts(register: Register, facts: Facts) -> bool:
    return facts.standing.state == "in" and facts.standing.level in register.lifted_by
