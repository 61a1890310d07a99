"""What a text must be before anybody is asked about it: a program, a purpose of it, a number, words and times."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from guards.content import looks_like_marketing
from sender.audience.phone import Phone, PhoneError, parse
from sender.audience.pools import pool_of
from sender.campaigns import short_links
from sender.campaigns.rendering import RenderError, TemplateError, compile_template, fields_used, finished
from sender.models import ApiKey, FromNumber, Program

LASTS: Mapping[Purpose, timedelta] = {
    Purpose.CODE: timedelta(minutes=10),
    Purpose.TRANSACTIONAL: timedelta(hours=24),
    Purpose.INFORMATIONAL: timedelta(hours=72),
    Purpose.MARKETING: timedelta(hours=72),
}
"""How long a text is worth sending where the request does not say; a code is never worth longer."""
FARTHEST = timedelta(days=365)


class RequestError(Exception):
    """A text that cannot be asked for like this: ``code`` is the problem's, the sentence says what to mend."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wanted:
    """One text as it is asked for: ``body``, or ``template`` with ``data``. Instants are aware."""

    to: str
    program: str
    purpose: Purpose
    body: str | None = None
    template: str | None = None
    data: Mapping[str, Any] | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    dedupe: timedelta = timedelta()
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The same, read and checked: ``at`` is when it would leave at the earliest, ``line`` one of the ``pool``."""

    phone: Phone
    program_id: int
    purpose: Purpose
    text: str
    pool: tuple[FromNumber, ...]
    line: FromNumber
    at: datetime
    ends_at: datetime
    dedupe: timedelta
    subject: str | None = None
    links: short_links.Rule | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """A program as far as its texts need it."""

    id: int
    purposes: frozenset[str]
    lines: tuple[FromNumber, ...]
    links: short_links.Rule | None = None


def programs_named(session: Session, key: ApiKey, slugs: Collection[str]) -> dict[str, Sending]:
    """The programs of these short names that the key may use; others are left out."""
    rows = session.execute(select(col(Program.slug), Program).where(col(Program.slug).in_(slugs))).all()
    mine = {slug: row for slug, row in rows if not key.programs or row.id in key.programs}
    ids = [row.id for row in mine.values()]
    of_programs = select(FromNumber).where(col(FromNumber.program_id).in_(ids)).order_by(col(FromNumber.id).desc())
    lines = list(session.execute(of_programs).scalars())
    return {
        slug: Sending(
            row.id or 0,
            frozenset(row.purposes),
            tuple(line for line in lines if line.program_id == row.id),
            short_links.rule_of(row),
        )
        for slug, row in mine.items()
    }


def prepare(wanted: Wanted, programs: Mapping[str, Sending], now: datetime) -> Prepared:
    """Read one text as it is asked for; RequestError says what to mend."""
    program = programs.get(wanted.program)
    if program is None:
        raise RequestError("unknown_program", f"There is no program {wanted.program!r} that this key may use.")
    if wanted.purpose.value not in program.purposes:
        raise RequestError("purpose_not_sent", f"Program {wanted.program!r} does not send {wanted.purpose} texts.")
    try:
        phone = parse(wanted.to, None)
    except PhoneError as error:
        raise RequestError("invalid_number", error.sentence) from error
    pool = pool_of(program.lines, phone.region)
    if not pool:
        raise RequestError("no_from_number", f"Program {wanted.program!r} has no from_number for {phone.region}.")
    at, ends_at = _times(wanted, now)
    words = words_of(wanted)
    # Each text has links of its own: with short ones no text would be the same as an earlier one.
    links = None if wanted.dedupe else program.links
    return Prepared(
        phone, program.id, wanted.purpose, words, pool, pool[0], at, ends_at, wanted.dedupe, wanted.subject, links
    )


def words_of(wanted: Wanted) -> str:
    """The text without brand and footer, which the chain adds; RequestError where there is none to send."""
    try:
        text = finished(wanted.body) if wanted.body is not None else _rendered(wanted)
    except TemplateError as error:
        raise RequestError("invalid_template", str(error)) from error
    except RenderError as error:
        raise RequestError("invalid_text", str(error)) from error
    found = looks_like_marketing(text) if wanted.purpose is not Purpose.MARKETING else None
    if found is not None:
        raise RequestError("marketing_words", f"{found.sentence} {found.mend}")
    return text


def _rendered(wanted: Wanted) -> str:
    source = wanted.template or ""
    template = compile_template(source, dict.fromkeys(fields_used(source)))
    return template.render(wanted.data or {})


def _times(wanted: Wanted, now: datetime) -> tuple[datetime, datetime]:
    at = max(now, wanted.send_at or now)
    latest = at + LASTS[wanted.purpose]
    ends_at = wanted.expires_at or latest
    if wanted.purpose is Purpose.CODE:
        ends_at = min(ends_at, latest)
    if at > now + FARTHEST or ends_at > now + 2 * FARTHEST:
        raise RequestError("invalid_times", "A text can be asked for at most a year ahead.")
    if ends_at <= at:
        raise RequestError("invalid_times", "expires_at is not later than the moment at which the text may leave.")
    return at, ends_at
