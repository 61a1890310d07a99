"""Programs: the brand and purpose people opt in to, with its footer, caps, hours, from_numbers and fixed words."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from phonenumbers import SUPPORTED_REGIONS
from sqlalchemy import select
from sqlmodel import Session, col

from guards import rules
from guards.base import Cap, Purpose, Window
from guards.frequency_cap import LONGEST_HOURS
from sender.accounts import Person
from sender.audience.disclosure import is_secure_link
from sender.audience.phone import PhoneError, parse
from sender.campaigns.parts import MAX_BODY
from sender.crypto import text_hash
from sender.models import Audit, FromNumber, Program, Wording
from sender.models.accounts import ALL_PROGRAMS
from sender.runtime import Runtime

EVERYWHERE = "*"
"""The country of a from_number that serves every country without one of its own."""

LINE_KINDS = ("long_code", "toll_free", "short_code", "alphanumeric", "messaging_service")
WORDING_KINDS = ("opt_in", "confirm", "help", "stop", "clarify", "start", "away", "welcome")
SCOPES = ("program", "all")
MINUTES = 24 * 60

LONGEST_WITHOUT_FOOTER = 30
"""Days: the reminder of the way out comes at least monthly (Short Code Monitoring Handbook practice)."""
MOST_PARTS = 10
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,62}")
_ADDRESSES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "short_code": (re.compile(r"\d{3,8}"), "3 to 8 digits"),
    "alphanumeric": (
        re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}"),
        "at most 11 Latin letters, digits and spaces, with a letter among them",
    ),
    "messaging_service": (re.compile(r"MG[0-9a-f]{32}"), "MG and 32 hex digits, as Twilio's console shows it"),
}


class ProgramError(Exception):
    """A program cannot be made like this; the sentence says what to mend."""


@dataclass(frozen=True, slots=True)
class FromNumberIn:
    """One from_number as it is written. ``country`` is ISO 3166 or "*"; ``kind`` one of LINE_KINDS; ``rate`` parts/s.

    An alphanumeric one never receives, whatever ``can_receive`` says.
    """

    country: str
    address: str
    kind: str = "long_code"
    answers_keywords: bool = True
    can_receive: bool = True
    rate: float = 1.0
    daily_parts: int | None = None


@dataclass(frozen=True, slots=True)
class ProgramIn:
    """A program as it is written.

    ``caps`` and ``hours`` are those of guards/base.py; ``loosened`` maps a rule id of basis "courtesy" or "law-call" to
    the reason, which is an owner's right;
    ``wordings`` maps a kind of WORDING_KINDS to what is shown or answered, ``refusals`` a country to the refusal
    line its law wants. ``footer_every_days`` 0: in every text; ``max_parts`` 0: no limit; ``domains``: of links.
    ``frequency``, ``terms_url`` and ``privacy_url`` are said before a yes, and may be written later.
    """

    slug: str
    brand: str
    help_contact: str
    purposes: Sequence[Purpose]
    countries: Sequence[str]
    from_numbers: Sequence[FromNumberIn] = ()
    wordings: Mapping[str, str] = field(default_factory=dict)
    footer: str = "Reply STOP to opt out"
    link_footer: str = "Stop: {link}"
    caps: Sequence[Cap] = ()
    hours: Sequence[Window] | None = None
    loosened: Mapping[str, str] = field(default_factory=dict)
    opt_out_scope: str = "program"
    footer_every_days: int = 0
    refusals: Mapping[str, str] = field(default_factory=dict)
    max_parts: int = 0
    domains: Sequence[str] = ()
    age_gate: bool = False
    resends: bool = False
    frequency: str = ""
    terms_url: str = ""
    privacy_url: str = ""


def listing(session: Session, programs: Collection[int] | None = None) -> list[Program]:
    """These programs (None: all), by brand."""
    statement = select(Program).order_by(col(Program.brand))
    if programs is not None:
        statement = statement.where(col(Program.id).in_(programs))
    rows = list(session.execute(statement).scalars())
    session.expunge_all()
    return rows


def create_program(runtime: Runtime, wanted: ProgramIn, actor: str, by: Person | None = None) -> int:
    """Check and keep a program with its from_numbers and words; returns its id. ProgramError says what to mend.

    ``by`` None: whoever has the machine's command line, an owner. Each rule it loosens has its own line in the audit.
    """
    now = runtime.clock.now()
    check(wanted, now.astimezone(UTC).date())
    if wanted.loosened and by is not None and not by.may("owner", ALL_PROGRAMS):
        raise ProgramError("Only an owner may make a program that does not keep a rule; ask one, or leave it out.")
    with runtime.db.write() as session:
        if session.execute(select(col(Program.id)).where(col(Program.slug) == wanted.slug)).scalar() is not None:
            raise ProgramError(f"There is a program {wanted.slug!r} already; give this one another short name.")
        program = program_row(wanted, now)
        session.add(program)
        session.flush()
        program_id = program.id or 0
        session.add_all(line_row(program_id, line) for line in wanted.from_numbers)
        session.add_all(wording_row(program_id, kind, 1, text, now) for kind, text in wanted.wordings.items())
        subject, detail = f"program {program_id}", {"slug": wanted.slug}
        session.add(Audit(at=now, actor=actor, action="program.create", subject=subject, detail=detail))
        for rule_id, why in wanted.loosened.items():
            detail = {"rule": rule_id, "basis": rules.on(rule_id, now.astimezone(UTC).date()).basis, "why": why.strip()}
            session.add(Audit(at=now, actor=actor, action="rule.loosen", subject=subject, detail=detail))
    return program_id


def program_row(wanted: ProgramIn, now: datetime) -> Program:
    """The row of a program, which no session holds yet."""
    program = Program(
        slug=wanted.slug,
        brand=wanted.brand.strip(),
        help_contact=wanted.help_contact.strip(),
        footer=wanted.footer.strip(),
        link_footer=wanted.link_footer.strip(),
        opt_out_scope=wanted.opt_out_scope,
        loosened={rule_id: why.strip() for rule_id, why in wanted.loosened.items()},
        refusals=dict(wanted.refusals),
        footer_every_days=wanted.footer_every_days,
        max_parts=wanted.max_parts,
        age_gate=wanted.age_gate,
        resends=wanted.resends,
        frequency=wanted.frequency.strip(),
        terms_url=wanted.terms_url.strip(),
        privacy_url=wanted.privacy_url.strip(),
        created_at=now,
    )
    program.domains = sorted({domain.strip().lower() for domain in wanted.domains})
    program.purposes = [purpose.value for purpose in wanted.purposes]
    program.countries = sorted(set(wanted.countries))
    program.caps = [_cap(cap) for cap in wanted.caps]
    if wanted.hours is not None:
        program.hours = [[window.day, window.start, window.end] for window in wanted.hours]
    return program


def _cap(cap: Cap) -> dict[str, Any]:
    """A cap as it is kept; what it does not name is left out."""
    return {name: value for name, value in asdict(cap).items() if value is not None}


def line_row(program_id: int, line: FromNumberIn) -> FromNumber:
    """The row of a from_number."""
    return FromNumber(
        program_id=program_id,
        country=line.country,
        address=line.address,
        kind=line.kind,
        answers_keywords=line.answers_keywords,
        can_receive=line.can_receive and line.kind != "alphanumeric",
        rate=line.rate,
        daily_parts=line.daily_parts,
    )


def wording_row(program_id: int, kind: str, version: int, text: str, now: datetime) -> Wording:
    """The row of one version of words."""
    return Wording(program_id=program_id, kind=kind, version=version, text=text, hash=text_hash(text), created_at=now)


def check(wanted: ProgramIn, today: date) -> None:
    """ProgramError says what of a program is to be mended, and nothing where all of it holds."""
    _check_words(wanted)
    _check_places(wanted)
    _check_hours(wanted)
    _check_loosened(wanted.loosened, today)
    _check_caps(wanted.caps)
    _check_content(wanted)
    for line in wanted.from_numbers:
        check_line(line, wanted.countries)
    served = [(line.country, line.address) for line in wanted.from_numbers]
    if len(set(served)) != len(served):
        raise ProgramError("A from_number is listed twice for one country; list it once.")


def _check_words(wanted: ProgramIn) -> None:
    if not _SLUG.fullmatch(wanted.slug):
        raise ProgramError(f"The short name {wanted.slug!r} must be small letters, digits and -, such as summer-club.")
    for name in ("brand", "help_contact", "footer", "link_footer"):
        text = getattr(wanted, name).strip()
        if not text or len(text) > MAX_BODY:
            raise ProgramError(f"The program's {name} is {'empty' if not text else 'too long'}; every text needs it.")
    if wanted.link_footer.count("{link}") != 1:
        raise ProgramError("The link_footer must hold {link} once: there the person's own opt-out link stands.")
    if not wanted.purposes:
        raise ProgramError(f"The program has no purpose; give at least one of {', '.join(Purpose)}.")
    if min(wanted.footer_every_days, wanted.max_parts) < 0:
        raise ProgramError("footer_every_days and max_parts count from 0, which stands for always and for no limit.")
    for name in ("terms_url", "privacy_url"):
        if getattr(wanted, name) and not is_secure_link(getattr(wanted, name).strip()):
            raise ProgramError(f"The {name} is no whole address; write one that begins with https://.")
    for domain in wanted.domains:
        if not _DOMAIN.fullmatch(domain.strip().lower()):
            raise ProgramError(f"The domain {domain!r} must be a host name alone, such as shop.example.com.")
    for kind, text in wanted.wordings.items():
        if kind not in WORDING_KINDS or not text.strip():
            raise ProgramError(f"The wording {kind!r} must be one of {', '.join(WORDING_KINDS)}, and not empty.")
        check_wording(kind, text, wanted.brand, wanted.help_contact)
    if wanted.opt_out_scope not in SCOPES:
        raise ProgramError(f"The opt_out_scope is {wanted.opt_out_scope!r}; it must be one of {', '.join(SCOPES)}.")


def check_wording(kind: str, text: str, brand: str, help_contact: str) -> None:
    """What asks for the yes of a double opt-in, and what confirms it, must say who, how to get help and how to stop.

    CTIA 5.1.2.1.
    """
    always = (brand.strip(), help_contact.strip(), "STOP", "rates")
    wanted = {"confirm": (*always, "YES"), "welcome": always}.get(kind, ())
    missing = [part for part in wanted if part.casefold() not in text.casefold()]
    if missing:
        raise ProgramError(f"The {kind} wording lacks {', '.join(map(repr, missing))}; CTIA wants it there.")


def _check_places(wanted: ProgramIn) -> None:
    if not wanted.countries:
        raise ProgramError("The program has no country; list those it may text, such as US.")
    for country in (*wanted.countries, *wanted.refusals):
        if country not in SUPPORTED_REGIONS:
            raise ProgramError(f"{country!r} is not a country; write two capital letters such as US or CA.")


def _check_content(wanted: ProgramIn) -> None:
    if wanted.footer_every_days > LONGEST_WITHOUT_FOOTER:
        raise ProgramError(f"footer_every_days is {wanted.footer_every_days}; give 0 (always) to 30.")
    if wanted.max_parts > MOST_PARTS:
        raise ProgramError(f"max_parts is {wanted.max_parts}; give 0 (no limit) to {MOST_PARTS}.")
    for country, line in wanted.refusals.items():
        if not line.strip():
            raise ProgramError(f"The refusal line for {country} is empty; write one such as STOP 36123.")


def _check_hours(wanted: ProgramIn) -> None:
    for window in wanted.hours or ():
        if not (0 <= window.day <= 6 and 0 <= window.start < window.end <= MINUTES):
            raise ProgramError(
                f"The hours {window.day}, {window.start}, {window.end} make no sense: give a day from 0 (Monday) to 6 "
                "and minutes from 0 to 1440 that begin before they end."
            )


def _check_loosened(loosened: Mapping[str, str], today: date) -> None:
    for rule_id, reason in loosened.items():
        if rule_id not in rules.book().jurisdictions:
            raise ProgramError(f"There is no rule {rule_id!r} to loosen; `tactful rules list` shows those there are.")
        rule = rules.on(rule_id, today)
        if not rule.may_be_loosened:
            raise ProgramError(f"{rule.id} is {rule.basis} ({rule.citation}): nobody can loosen it.")
        if not reason.strip():
            raise ProgramError(f"Loosening {rule_id} needs a reason, which is kept; write why.")


def _check_caps(caps: Sequence[Cap]) -> None:
    for cap in caps:
        if cap.hours > LONGEST_HOURS:
            raise ProgramError(
                f"A cap over {cap.hours:,} hours looks back too far; give {LONGEST_HOURS:,} hours (120 days) at most."
            )
        if cap.subject is not None and not cap.subject.strip():
            raise ProgramError(
                'The subject of a cap is empty; name one, write "*" for each by itself, or leave it out.'
            )


def check_line(line: FromNumberIn, countries: Sequence[str]) -> None:
    """ProgramError says what of a from_number is to be mended."""
    if line.kind not in LINE_KINDS:
        raise ProgramError(f"The from_number {line.address} is of kind {line.kind!r}; use {', '.join(LINE_KINDS)}.")
    if line.country != EVERYWHERE and line.country not in countries:
        raise ProgramError(f"The from_number {line.address} is for {line.country}, which the program does not text.")
    if line.daily_parts is not None and line.daily_parts < 1:
        raise ProgramError(f"The from_number {line.address} may send no part a day; leave daily_parts out for no cap.")
    if line.rate <= 0:
        raise ProgramError(f"The from_number {line.address} has the rate {line.rate:g}; give parts per second above 0.")
    if line.kind in _ADDRESSES:
        pattern, shape = _ADDRESSES[line.kind]
        if not pattern.fullmatch(line.address):
            raise ProgramError(f"The from_number {line.address!r} is no {line.kind}; one is {shape}.")
    elif _e164(line.address) != line.address:
        raise ProgramError(f"The from_number {line.address!r} must be a number in full, such as +14155550123.")


def _e164(text: str) -> str:
    try:
        return parse(text, None).e164
    except PhoneError:
        return ""
