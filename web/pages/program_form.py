"""A program as a form: what stands in its fields, and what was typed into them."""

from collections.abc import Iterable, Iterator
from typing import Any

from werkzeug.datastructures import MultiDict

from guards.base import Cap, Purpose, Window
from sender.campaigns.drafts import DAYS, windows
from sender.campaigns.programs import WORDING_KINDS, FromNumberIn, ProgramError, ProgramIn
from sender.models import Program
from web.language import gettext

WORDS = ("brand", "help_contact", "footer", "link_footer", "opt_out_scope", "frequency", "terms_url", "privacy_url")
COUNTS = ("footer_every_days", "max_parts")
TICKS = ("age_gate", "resends")
CAPS = ("limit", "hours", "scope", "purpose", "subject")
BLANK_CAPS = 2
Typed = MultiDict[str, str]


def blank() -> Typed:
    """What stands in the form of a new program."""
    footers = {
        "footer": "Reply STOP to opt out",
        "link_footer": "Stop: {link}",
        "opt_out_scope": "program",
    }
    counts = dict.fromkeys(COUNTS, "0")
    return MultiDict([*footers.items(), *counts.items(), ("purposes", "marketing"), ("countries", "US")])


def shown(program: ProgramIn) -> Typed:
    """What stands in the form of a program that is there."""
    typed: Typed = MultiDict((name, str(getattr(program, name))) for name in (*WORDS, *COUNTS))
    for name in TICKS:
        if getattr(program, name):
            typed.add(name, "yes")
    typed.setlist("purposes", [one.value for one in program.purposes])
    typed["countries"] = ", ".join(program.countries)
    typed["domains"] = "\n".join(program.domains)
    typed["refusals"] = "\n".join(f"{country}: {line}" for country, line in program.refusals.items())
    for cap in program.caps:
        for name in CAPS:
            typed.add(f"cap-{name}", str(getattr(cap, name) or ""))
    put_hours(typed, program.hours or ())
    for kind, text in program.wordings.items():
        typed[f"words-{kind}"] = text
    return typed


def put_hours(typed: Typed, hours: Iterable[Window]) -> None:
    """Write the hours into the fields of their days, such as 09:00-12:00, 14:00-18:00."""
    for window in hours:
        day = f"hours-{DAYS[window.day]}"
        typed[day] = ", ".join(filter(None, (typed.get(day, ""), f"{_time(window.start)}-{_time(window.end)}")))


def desk_shown(program: Program) -> Typed:
    """The hours of the program's desk by the fields of their days; empty where somebody always answers."""
    typed: Typed = MultiDict()
    if program.desk:
        typed["staffed"], typed["zone"] = "hours", str(program.desk["zone"])
        put_hours(typed, (Window(*one) for one in program.desk["hours"]))
    return typed


def caps_of(typed: Typed) -> list[dict[str, str]]:
    """The rows of caps in the form: those there are, and blank ones for more."""
    columns = [typed.getlist(f"cap-{name}") for name in CAPS]
    rows = [dict(zip(CAPS, row, strict=True)) for row in zip(*columns, strict=False)]
    filled = [row for row in rows if row["limit"].strip() or row["hours"].strip()]
    return filled + [dict.fromkeys(CAPS, "") for _ in range(BLANK_CAPS)]


def read(typed: Typed, slug: str, known: ProgramIn | None = None) -> ProgramIn:
    """The program in the form; ProgramError says which field holds no such thing.

    Blank words are none where ``known`` has none either; words that were once said cannot be unsaid.
    """
    had = known.wordings if known else {}
    words = {kind: typed.get(f"words-{kind}", "").replace("\r\n", "\n").strip() for kind in WORDING_KINDS}
    return ProgramIn(
        slug=slug,
        purposes=[purpose for purpose in Purpose if purpose.value in typed.getlist("purposes")],
        countries=[code.upper() for code in typed.get("countries", "").replace(",", " ").split()],
        from_numbers=known.from_numbers if known else [_line(typed)],
        wordings={kind: text for kind, text in words.items() if text or kind in had},
        caps=list(_caps(typed)),
        hours=hours_of(typed),
        refusals=dict(_refusals(typed)),
        domains=typed.get("domains", "").split(),
        **_plain(typed),
    )


def _plain(typed: Typed) -> dict[str, Any]:
    values: dict[str, Any] = {name: typed.get(name, "").strip() for name in WORDS}
    values |= {name: _whole(typed.get(name, ""), name, 0) for name in COUNTS}
    return values | {name: name in typed for name in TICKS}


def _line(typed: Typed) -> FromNumberIn:
    return FromNumberIn("*", typed.get("address", "").strip(), typed.get("kind", "long_code"))


def _caps(typed: Typed) -> Iterator[Cap]:
    for row in caps_of(typed):
        if any(row[name].strip() for name in ("limit", "hours")):
            limit, hours = (
                _whole(row["limit"], gettext("limit of a cap"), 1),
                _whole(row["hours"], gettext("hours of a cap"), 1),
            )
            purpose = Purpose(row["purpose"]) if row["purpose"] in list(Purpose) else None
            scope = "installation" if row["scope"] == "installation" else "program"
            yield Cap(limit, hours, scope, purpose, row["subject"].strip() or None)  # type: ignore[arg-type]


def hours_of(typed: Typed) -> list[Window] | None:
    """The hours in the fields of the days, None where all are blank; ProgramError says what cannot be read."""
    spans = {day: typed.get(f"hours-{day}", "").replace(" ", "") for day in DAYS}
    try:
        found = windows({day: text.split(",") for day, text in spans.items() if text})
    except ValueError as error:
        raise ProgramError(gettext("The hours cannot be read: %(error)s.", error=error)) from error
    return found or None


def _refusals(typed: Typed) -> Iterator[tuple[str, str]]:
    for line in typed.get("refusals", "").splitlines():
        country, colon, words = line.partition(":")
        if line.strip() and not colon:
            raise ProgramError(
                gettext(
                    "The refusal line %(strip)s names no country; write it as FR: STOP 36123.", strip=repr(line.strip())
                )
            )
        if line.strip():
            yield country.strip().upper(), words.strip()


def _whole(text: str, name: str, least: int) -> int:
    if not text.strip().isdecimal() or len(text.strip()) > 6 or int(text) < least:
        raise ProgramError(
            gettext(
                "The %(name)s is %(strip)s; give a whole number from %(least)s on.",
                name=name,
                strip=repr(text.strip()),
                least=least,
            )
        )
    return int(text)


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
