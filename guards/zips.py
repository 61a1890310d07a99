"""Where a ZIP is, by ``zip_codes.toml``: most by their first three digits, by all five where those lie apart."""

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from guards.zones import Where, country_zones

START = 3


@dataclass(frozen=True, slots=True)
class Zips:
    """``zip_codes.toml`` as read. A start that lies in several places has all of them, for ZIPs nobody lists."""

    starts: Mapping[str, Where]
    singles: Mapping[str, Where]

    def where(self, code: str) -> Where | None:
        """Jurisdiction codes and zones of five digits; None where nothing is known that begins like them."""
        return self.singles.get(code) or self.starts.get(code[:START])


@cache
def zips() -> Zips:
    """Return the shipped table, read on first use."""
    raw = tomllib.loads(files("guards").joinpath("zip_codes.toml").read_text("utf-8"))
    singles = dict(_entries(raw["zips"]))
    by_start: dict[str, list[Where]] = defaultdict(list)
    for code, where in singles.items():
        by_start[code[:START]].append(where)
    return Zips(dict(_entries(raw["starts"])) | {start: _all(places) for start, places in by_start.items()}, singles)


def _entries(section: Mapping[str, str]) -> Iterator[tuple[str, Where]]:
    for words, listed in section.items():
        codes = tuple(word for word in words.split() if "/" not in word)
        zones = tuple(word for word in words.split() if "/" in word) or country_zones(*codes)
        yield from ((code, (codes, zones)) for code in listed.split())


def _all(places: list[Where]) -> Where:
    codes = {code for some, _ in places for code in some}
    if "US" in codes:
        return ("US",), country_zones("US")
    return tuple(sorted(codes)), tuple(sorted({zone for _, zones in places for zone in zones}))
