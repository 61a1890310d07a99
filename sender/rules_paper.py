"""The compliance guide: each guard in its own words and each place with its rules, written from code and rule files."""

import re
from collections.abc import Iterator
from typing import Any

from guards import CHAIN
from guards.rules import book
from guards.rules.showing import whole

HEAD = """# What is kept, guard by guard and place by place

Written by `tactful rules paper` from the guards and the rule files; do not edit it. It is no legal advice: each rule
names its source and how sure we are of it. `tactful rules replay US-FL --on 2026-10-17` says what held on a day, and
[places and hours](places-and-hours.md) how the places of a person are found. A text goes only when all allow it.

**Basis**: `law-text` is law on texts, `law-call` law on calls that is kept as a precaution, `carrier` what carriers
hold back, `courtesy` neither. A program may tighten any of them; only `law-call` and `courtesy` can be loosened, by an
owner with a reason on record.
"""
FACTS = ("hours", "eve_hours", "clock", "sundays", "holidays", "caps", "basis", "confidence", "effective")
WORDS = {"eve_hours": "hours on the eve of a holiday", "clock": "by the clock of", "caps": "at most"}
PROSE = ("citation", "source")
ROLE = re.compile(r":\w+:`")


def paper() -> str:
    """The whole guide as Markdown."""
    codes = sorted(code for code, found in book().jurisdictions.items() if found.code == code)
    lines = [HEAD, "## The guards, in their order", ""]
    lines += [line for guard in CHAIN for line in _guard(guard)]
    lines += [f"## The {len(codes)} places", ""]
    lines += [line for code in codes for line in _place(whole(code))]
    return "\n".join(lines).rstrip() + "\n"


def _guard(guard: Any) -> Iterator[str]:
    name = guard.__name__.rpartition(".")[2]
    yield f"### {name.replace('_', ' ').capitalize()}"
    yield ""
    yield f"`guards/{name}.py`. {ROLE.sub('`', (guard.__doc__ or '').strip())}"
    yield ""


def _place(found: dict[str, Any]) -> Iterator[str]:
    yield f"### {found['name']} ({found['code']})"
    yield ""
    under = f"Under {found['parent']}, whose rules hold as well." if found["parent"] else ""
    also = f"Also for {', '.join(found['also'])}." if found["also"] else ""
    if under or also:
        yield " ".join(filter(None, (under, also)))
        yield ""
    for version in found["versions"]:
        yield from _version(version)


def _version(version: dict[str, Any]) -> Iterator[str]:
    since, until = version["from"], version["until"]
    if since or until:
        yield f"*{f'From {since}' if since else 'Always'}{f' until {until}' if until else ''}*"
        yield ""
    for name in FACTS:
        if version[name]:
            yield f"- {WORDS.get(name, name)}: {version[name]}"
    for day in version["holiday_rules"]:
        yield f"- holiday: {day['name']}"
    known = {*FACTS, "from", "until", "holiday_rules", "holiday_calendar", "loosened_by"}
    rest = [name for name in version if name not in known and version[name]]
    for name in sorted(rest, key=lambda one: one in PROSE):
        yield f"- {name.replace('_', ' ')}: {version[name]}"
    yield ""
