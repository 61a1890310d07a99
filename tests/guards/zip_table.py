"""``python -m tests.guards.zip_table``: write ``guards/zip_codes.toml`` anew from the package zipcodes.

A worker that reads the package itself holds 37 MiB more, and its first look takes 0.4 s.
"""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from zoneinfo import available_timezones

import zipcodes

from guards.zones import country_zones, table

FILE = Path(__file__).parents[2] / "guards" / "zip_codes.toml"
START = 3
ABROAD = frozenset({"FM", "MH", "PW"})
"""Countries of their own that the US postal service serves."""
ZONES = available_timezones()
CORRECTED = {"89883": ("America/Denver",)}
"""What the package has wrong: West Wendover keeps Mountain time (general knowledge, medium)."""
HEAD = """\
# Where a ZIP is: jurisdiction codes and time zones. Written by `python -m tests.guards.zip_table`; not to be edited.
#
# Source: {count:,} ZIPs of zipcodes {version}. High for the state, medium for the zone of a few on a zone line.
# By hand: West Wendover keeps Mountain time. Military addresses (AA, AE, AP) may be anywhere: US.
"""

Where = tuple[tuple[str, ...], tuple[str, ...]]


def where_of(entry: Mapping[str, str]) -> Where:
    """What the package says of one ZIP, in our words: codes and zones."""
    state, zone, code = entry["state"], entry["timezone"], entry["zip_code"]
    known = table()
    if state not in ABROAD and f"US-{state}" not in known.states:
        return ("US",), country_zones("US")
    zones = CORRECTED.get(code) or ((zone,) if zone in ZONES else known.states[f"US-{state}"])
    return (state if state in ABROAD else f"US-{state}",), tuple(sorted(zones))


def write() -> str:
    """The file's text: starts of ZIPs that lie in one place, and each ZIP of the others."""
    entries = {entry["zip_code"]: where_of(entry) for entry in zipcodes.list_all()}
    by_start: dict[str, set[Where]] = defaultdict(set)
    for code, where in entries.items():
        by_start[code[:START]].add(where)
    starts = {start: next(iter(places)) for start, places in by_start.items() if len(places) == 1}
    singles = {code: where for code, where in entries.items() if code[:START] not in starts}
    head = HEAD.format(count=len(entries), version=version("zipcodes"))
    return f"{head}\n[starts]\n{_section(starts)}\n[zips]\n{_section(singles)}"


def _section(places: Mapping[str, Where]) -> str:
    grouped: dict[str, list[str]] = defaultdict(list)
    for code, (codes, zones) in places.items():
        grouped[" ".join(codes if codes == ("US",) else (*codes, *zones))].append(code)
    return "".join(f'"{where}" = """\n{_wrapped(codes)}"""\n' for where, codes in sorted(grouped.items()))


def _wrapped(codes: Iterable[str]) -> str:
    return textwrap.fill(" ".join(sorted(codes)), 118) + "\n"


if __name__ == "__main__":
    FILE.write_text(write(), encoding="utf-8")
