"""People over the API: their records, and what they said yes and no to. Other software adds; it never revives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.api.wanted import RequestError
from sender.audience import private
from sender.audience.importing import values
from sender.audience.importing.writing import blank, read_contacts
from sender.audience.ledger import Act, load_standings, record, standing
from sender.audience.numbers import erased_among, find, find_or_make
from sender.audience.opt_outs import scopes_of, settle
from sender.audience.phone import Phone, PhoneError, parse
from sender.audience.segments import parse as parse_segment
from sender.audience.segments import where
from sender.db import upsert
from sender.locks import lock_numbers
from sender.models import ApiKey, ConsentEvent, Contact, Number, Program, Reply
from sender.runtime import Runtime

AHEAD = timedelta(minutes=5)
"""How far another machine's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class ContactIn:
    """What is said of a person; None and missing attributes leave what is there."""

    number: str
    language: str | None = None
    postal_code: str | None = None
    region: str | None = None
    zone: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsentIn:
    """One act as software attests it. ``program`` None: all programs (opt-outs only). ``where``: form, till, app."""

    number: str
    program: str | None
    kind: str
    purpose: Purpose
    level: str
    at: datetime
    wording: str
    where: str
    reference: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


def read_number(text: str) -> Phone:
    """The number as it is meant; RequestError says what is wrong with it."""
    try:
        return parse(text, None)
    except PhoneError as error:
        raise RequestError("invalid_number", error.sentence) from error


def keep_contact(runtime: Runtime, session: Session, wanted: ContactIn) -> tuple[str, bool]:
    """Make or change the record of a person; returns the number in E.164 and whether it is a new record."""
    phone, now = read_number(wanted.number), runtime.clock.now()
    columns = _columns(wanted, phone.region)
    number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
    lock_numbers(session, [number_id])
    if erased_among(session, [number_id]):
        raise RequestError("invalid_number", "The person with this number had their data erased; only they come back.")
    before = read_contacts(session, [number_id]).get(number_id)
    row = before or blank(number_id)
    attributes = {**row["attributes"], **wanted.attributes}
    kept = {name: value for name, value in attributes.items() if value is not None}
    fresh = {**row, **columns, "attributes": kept, "changed_at": now, "created_at": row["created_at"] or now}
    upsert(session, Contact, [fresh], ["number_id"])
    return phone.e164, before is None


def _columns(wanted: ContactIn, region: str) -> dict[str, str]:
    said = {name: value for name in ("language", "postal_code", "region", "zone") if (value := getattr(wanted, name))}
    if "language" in said:
        said["language"] = _known(values.language_tag(said["language"]), "The language is no code such as es-MX.")
    if "zone" in said:
        said["zone"] = _known(values.zone_name(said["zone"]), "The zone is no IANA name such as America/Chicago.")
    plain = [said.get("postal_code", ""), said.get("region", ""), *map(str, wanted.attributes.values())]
    if any(values.is_phone(one, region) for one in plain):
        raise RequestError("invalid_contact", "A phone number may not lie in a field that is stored in plain sight.")
    return said


def _known(value: str | None, sentence: str) -> str:
    if value is None:
        raise RequestError("invalid_contact", sentence)
    return value


def record_consent(runtime: Runtime, session: Session, key: ApiKey, wanted: ConsentIn) -> tuple[str, bool]:
    """Write one act into the ledger; returns the number and whether it changed anything.

    An opt-in for somebody who is out is refused (RequestError "opted_out") and not written: only the person's own later
    act lifts an opt-out. An opt-out blocks at once what waits within its scope.
    """
    phone, now = read_number(wanted.number), runtime.clock.now()
    program_id = _program(session, key, wanted)
    if wanted.at > now + AHEAD:
        raise RequestError("invalid_consent", "The act lies in the future.")
    if values.is_phone(wanted.reference, phone.region):
        raise RequestError("invalid_consent", "Use a reference that is no phone number: it stays in the ledger.")
    number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
    lock_numbers(session, [number_id])
    if wanted.kind == "opt_in":
        return phone.e164, _opt_in(runtime, session, key, wanted, number_id, program_id, now)
    return phone.e164, _opt_out(runtime, session, key, wanted, number_id, program_id, now)


def _opt_in(
    runtime: Runtime,
    session: Session,
    key: ApiKey,
    wanted: ConsentIn,
    number_id: int,
    program_id: int | None,
    now: datetime,
) -> bool:
    if program_id is None:
        raise RequestError("invalid_consent", "A yes is to one program; name it.")
    if not wanted.wording.strip() or not wanted.where.strip():
        raise RequestError("invalid_consent", "Say which words the person was shown (wording), and where.")
    held = load_standings(session, [number_id]).get(number_id, [])
    if standing(held, program_id, wanted.purpose).state in ("out", "held"):
        raise RequestError("opted_out", "The person said stop; only their own later act lifts that.")
    return bool(record(session, [_act(runtime, session, key, wanted, number_id, program_id, min(wanted.at, now))], now))


def _opt_out(
    runtime: Runtime,
    session: Session,
    key: ApiKey,
    wanted: ConsentIn,
    number_id: int,
    program_id: int | None,
    now: datetime,
) -> bool:
    """What software hears of counts from now on: a date in the past must not lose against a consent after it."""
    scopes = scopes_of(session, [program_id]) if program_id else [None]
    done = record(session, [_act(runtime, session, key, wanted, number_id, scope, now) for scope in scopes], now)
    settle(runtime, session, number_id, scopes)
    return bool(done)


def _act(
    runtime: Runtime,
    session: Session,
    key: ApiKey,
    wanted: ConsentIn,
    number_id: int,
    program_id: int | None,
    at: datetime,
) -> Act:
    ref = f"api:{key.public_id}:{wanted.reference}:{program_id or 'all'}" if wanted.reference else None
    level = wanted.level if wanted.kind == "opt_in" else "none"
    personal = {**wanted.evidence, **({"where": wanted.where} if wanted.where else {})}
    evidence = private.sealed(runtime.keys, session, number_id, personal, said_at=wanted.at.isoformat())
    return Act(
        number_id, program_id, wanted.kind, wanted.purpose, at, "api", ref, level, wanted.wording, key.actor,
        evidence=evidence,
    )  # fmt: skip


def _program(session: Session, key: ApiKey, wanted: ConsentIn) -> int | None:
    if wanted.program is None:
        if key.programs:
            raise RequestError("unknown_program", "This key is for single programs; name one of them.")
        return None
    program = session.execute(select(Program).where(col(Program.slug) == wanted.program)).scalar_one_or_none()
    if program is None or (key.programs and program.id not in key.programs):
        raise RequestError("unknown_program", f"There is no program {wanted.program!r} that this key may use.")
    if wanted.kind == "opt_in" and wanted.purpose.value not in program.purposes:
        raise RequestError("purpose_not_sent", f"Program {wanted.program!r} does not send {wanted.purpose} texts.")
    return int(program.id or 0)


def find_number(runtime: Runtime, session: Session, text: str) -> int | None:
    """The id of a number's row; None for what is no number or nobody's."""
    try:
        return find(session, runtime.keys, parse(text, None).e164)
    except PhoneError:
        return None


def list_contacts(
    session: Session, definition: Mapping[str, Any], now: datetime, after: int, limit: int
) -> list[tuple[Contact, Number]]:
    """Contacts that a segment means ({}: all) in the order in which they came, behind ``after``. SegmentError."""
    statement = select(Contact, Number).join(Number, col(Number.id) == col(Contact.number_id))
    if definition:
        statement = statement.where(where(parse_segment(dict(definition)), now, session.get_bind().dialect.name))
    rows = session.execute(statement.where(col(Contact.id) > after).order_by(col(Contact.id)).limit(limit))
    return [(contact, number) for contact, number in rows]


def find_contact(session: Session, number_id: int) -> tuple[Contact, Number] | None:
    """The record of the person with this number, unless it was erased."""
    statement = select(Contact, Number).join(Number, col(Number.id) == col(Contact.number_id))
    row = session.execute(statement.where(col(Number.id) == number_id)).first()
    return (row[0], row[1]) if row is not None and row[1].data_key else None


def list_changes(
    session: Session, key: ApiKey, after: int, limit: int
) -> list[tuple[ConsentEvent, Number, str | None]]:
    """Sealed events of the ledger behind ``after``, in the order of their seals: no gap ever fills later."""
    statement = (
        select(ConsentEvent, Number, col(Program.slug))
        .join(Number, col(Number.id) == col(ConsentEvent.number_id))
        .join(Program, col(Program.id) == col(ConsentEvent.program_id), isouter=True)
        .where(col(ConsentEvent.sequence) > after)
    )
    if key.programs:
        mine = col(ConsentEvent.program_id).in_(key.programs)
        statement = statement.where(or_(mine, col(ConsentEvent.program_id).is_(None)))
    rows = session.execute(statement.order_by(col(ConsentEvent.sequence)).limit(limit))
    return [(event, number, slug) for event, number, slug in rows]


def list_replies(
    session: Session, key: ApiKey, program: str | None, before: int | None, limit: int
) -> list[tuple[Reply, Number, str | None]]:
    """Replies to the key's programs, newest first, below ``before``."""
    statement = (
        select(Reply, Number, col(Program.slug))
        .join(Number, col(Number.id) == col(Reply.number_id))
        .join(Program, col(Program.id) == col(Reply.program_id), isouter=True)
    )
    if key.programs:
        statement = statement.where(col(Reply.program_id).in_(key.programs))
    if program is not None:
        statement = statement.where(col(Program.slug) == program)
    if before is not None:
        statement = statement.where(col(Reply.id) < before)
    rows = session.execute(statement.order_by(col(Reply.id).desc()).limit(limit))
    return [(reply, number, slug) for reply, number, slug in rows]


def standings_of(session: Session, key: ApiKey, number_id: int) -> list[tuple[str | None, str, str, str, datetime]]:
    """Program (None: all), purpose, state, level and since when, of every standing that the key may see."""
    slugs = dict(session.execute(select(col(Program.id), col(Program.slug))).all())
    return [
        (slugs.get(row.program_id), row.purpose, row.state, row.level, row.as_of)
        for row in load_standings(session, [number_id]).get(number_id, [])
        if not key.programs or row.program_id in (0, *key.programs)
    ]
