"""Exports of other systems, recognised by their column names (``exports.toml`` says what each column means)."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from sender.audience.importing.values import word

ALL_OTHERS = "*"


@dataclass(frozen=True, slots=True)
class Words:
    """What a system writes in its consent column beside what anybody writes; "*" in one of them: all other words."""

    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Export:
    """One system's export: its name, what its consent columns do and do not mean, its columns and its words."""

    name: str
    title: str
    means: str
    headers: frozenset[str]
    columns: Mapping[str, str]
    second: tuple[str, ...] = ()
    words: Words = field(default_factory=Words)

    def mapping(self, header: Sequence[str]) -> dict[str, str]:
        """Column to field for the columns this file has."""
        have = {name.casefold(): name for name in header if name}
        found = {have[name.casefold()]: meant for name, meant in self.columns.items() if name.casefold() in have}
        spare = [have[name.casefold()] for name in self.second if name.casefold() in have]
        # Where consent stands in the file it was given for the first phone column, never for another.
        if "number" not in found.values() and "consent" not in found.values() and spare:
            found[spare.pop(0)] = "number"
        found |= {name: f"number_{place}" for place, name in enumerate(spare, start=2)}
        if ALL_OTHERS in self.columns:
            found = {**dict.fromkeys(filter(None, header), self.columns[ALL_OTHERS]), **found}
        return _first_of_each(found)


def _first_of_each(found: Mapping[str, str]) -> dict[str, str]:
    """Exports of several years name a thing twice: the column that comes first in the table of names wins."""
    taken: set[str] = set()
    kept = {}
    for name, meant in found.items():
        kept[name] = "skip" if meant in taken and meant != "skip" else meant
        taken.add(meant)
    return kept


def recognise(header: Sequence[str]) -> Export | None:
    """The system whose export has this line of column names, or None."""
    have = {name.strip().casefold() for name in header}
    return next((export for export in known() if export.headers <= have), None)


@cache
def known() -> tuple[Export, ...]:
    """Every export that is recognised, in the order of the table."""
    text = (resources.files("sender.audience.importing") / "exports.toml").read_text("utf-8")
    return tuple(_export(name, body) for name, body in tomllib.loads(text).items())


def _export(name: str, body: dict[str, Any]) -> Export:
    words = {kind: frozenset(word(one) for one in body.get(kind, ())) for kind in ("yes", "no", "out")}
    return Export(
        name=name,
        title=body["title"],
        means=body["means"],
        headers=frozenset(header.casefold() for header in body["headers"]),
        columns=body["columns"],
        second=tuple(body.get("second", ())),
        words=Words(**words),
    )
