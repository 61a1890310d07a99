"""People: their records, their yes and no with its proof, what they wrote, and what changed in the ledger."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from guards.base import Purpose
from sender.api import people
from sender.api.people import ConsentIn, ContactIn
from sender.api.wanted import RequestError
from sender.audience.numbers import SealedNumber
from sender.audience.segments import SegmentError
from sender.crypto import unseal
from sender.models import Contact, Number
from sender.webhooks.events import consent
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.segments import found_segment
from web.api.shapes import (
    NO_CONTROLS,
    Asked,
    Instant,
    Name,
    Page,
    PhoneText,
    Scalar,
    Slug,
    Value,
    cursor_of,
    shape,
)

CONTACT = {
    "number": "+12125550123",
    "language": "es-MX",
    "postal_code": "10001",
    "region": "US-NY",
    "zone": None,
    "attributes": {"first_name": "Ana", "orders": 3},
    "created_at": "2026-03-10T15:00:00Z",
    "changed_at": "2026-03-10T15:00:00Z",
}
CONSENT = {
    "number": "+12125550123",
    "program": "acme",
    "kind": "opt_in",
    "purpose": "marketing",
    "level": "express_written",
    "at": "2026-03-10T14:55:00Z",
    "wording": "Yes, text me offers. Msg & data rates may apply. Reply STOP to opt out.",
    "where": "https://shop.example.com/checkout",
    "evidence": {"order": "A-1042"},
}
STANDING = {
    "program": "acme",
    "purpose": "marketing",
    "state": "in",
    "level": "express_written",
    "since": "2026-03-10T14:55:00Z",
}
CHANGE = {
    "sequence": 7,
    "number": "+12125550123",
    "program": "acme",
    "kind": "opt_out",
    "purpose": "marketing",
    "level": "none",
    "at": "2026-03-11T09:00:00Z",
    "source": "keyword",
}
REPLY = {
    "id": "rep_12",
    "from": "+12125550123",
    "program": "acme",
    "text": "STOP",
    "intent": "opt_out",
    "certain": True,
    "language": "en",
    "received_at": "2026-03-11T09:00:00Z",
}

door = ApiDoor("api_people", __name__)


class ContactWrite(Asked):
    """What is said of a person. What is left out stays as it is; an attribute of null is removed."""

    model_config = shape({name: CONTACT[name] for name in ("number", "language", "attributes")}, strict=True)
    number: PhoneText
    language: Value | None = None
    postal_code: Value | None = None
    region: Value | None = Field(default=None, description="Such as US-NY.")
    zone: Value | None = Field(default=None, description="An IANA name such as America/Chicago.")
    attributes: dict[Name, Scalar | None] = Field(default_factory=dict, max_length=100)


class ContactOut(BaseModel):
    """One person's record."""

    model_config = shape(CONTACT)
    number: str
    language: str | None
    postal_code: str | None
    region: str | None
    zone: str | None
    attributes: dict[str, Any]
    created_at: datetime
    changed_at: datetime


class ContactPage(Page):
    """Which contacts."""

    segment: str | None = Field(default=None, max_length=20, description="The id of a segment, such as seg_3.")


class ContactList(BaseModel):
    """A page of contacts, oldest first."""

    model_config = shape({"data": [CONTACT], "next_cursor": None})
    data: list[ContactOut]
    next_cursor: str | None


class ConsentWrite(Asked):
    """One yes or no of a person, with what proves it."""

    model_config = shape(CONSENT, strict=True)
    number: PhoneText
    program: Slug | None = Field(default=None, description="Null: all programs, for an opt-out.")
    kind: Literal["opt_in", "opt_out"]
    purpose: Purpose = Purpose.MARKETING
    level: Literal["express", "express_written"] = Field(
        default="express", description="Marketing needs express_written: words shown and agreed to in writing."
    )
    at: Instant = Field(description="When the person did it.")
    wording: Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\u0000]*$")] = Field(
        default="", description="The exact words that were shown; an opt_in needs them."
    )
    where: Annotated[str, StringConstraints(max_length=500, pattern=NO_CONTROLS)] = Field(
        default="", description="The form's address, the till, the app; an opt_in needs it."
    )
    reference: Annotated[str, StringConstraints(max_length=100, pattern=NO_CONTROLS)] = Field(
        default="", description="Your own name for this act: told again under it, it is the same act."
    )
    evidence: dict[Name, Scalar] = Field(default_factory=dict, max_length=20)


class StandingOut(BaseModel):
    """What the ledger adds up to for one program and purpose."""

    program: str | None = Field(description="Null: all programs.")
    purpose: str
    state: str = Field(description="`in`, `out` or `held` (a reply waits for a person).")
    level: str
    since: datetime


class ConsentOut(BaseModel):
    """Where a person stands now."""

    model_config = shape({"number": "+12125550123", "changed": True, "standings": [STANDING]})
    number: str
    changed: bool = Field(description="Whether this request changed anything.")
    standings: list[StandingOut]


class ChangeOut(BaseModel):
    """One event of the ledger."""

    sequence: int
    number: str
    program: str | None
    kind: str
    purpose: str
    level: str
    at: datetime
    source: str


class ChangeList(BaseModel):
    """Events of the ledger in their order; ``next_cursor`` is always there to go on from later."""

    model_config = shape({"data": [CHANGE], "next_cursor": "Yzc"})
    data: list[ChangeOut]
    next_cursor: str


class ReplyOut(BaseModel):
    """What a person wrote, and how it was read."""

    model_config = shape(REPLY)
    id: str
    from_: str = Field(alias="from")
    program: str | None
    text: str
    intent: str
    certain: bool
    language: str
    received_at: datetime


class ReplyPage(Page):
    """Which replies."""

    program: Slug | None = None


class ReplyList(BaseModel):
    """A page of replies, newest first."""

    model_config = shape({"data": [REPLY], "next_cursor": None})
    data: list[ReplyOut]
    next_cursor: str | None


@door.operation(
    "POST", "/contacts", scope="contacts:write", body=ContactWrite, answer=ContactOut, makes=True,
    problems=("invalid_number", "invalid_contact"),
)  # fmt: skip
def keep_contact(call: Call, body: ContactWrite) -> ContactOut:
    """Make or change a person's record. It gives no consent: that has an address of its own."""
    try:
        e164, _ = people.keep_contact(call.runtime, call.session, ContactIn(**body.model_dump()))
    except RequestError as error:
        raise ApiProblem(error.code, str(error)) from error
    return _of_number(call, e164)


@door.operation(
    "GET", "/contacts", scope="contacts:read", query=ContactPage, answer=ContactList, problems=("not_found",),
    reads="contacts",
)  # fmt: skip
def list_contacts(call: Call, query: ContactPage) -> ContactList:
    """Every contact, or those of a segment, in the order in which they came."""
    definition = found_segment(call, query.segment).definition if query.segment else {}
    now = call.runtime.clock.now()
    try:
        rows = people.list_contacts(call.session, definition, now, query.after or 0, query.limit + 1)
    except SegmentError as error:
        raise ApiProblem("not_found", f"The segment cannot be read any more: {error}") from error
    more = cursor_of(rows[query.limit - 1][0].id or 0) if len(rows) > query.limit else None
    return ContactList(data=[_contact(call, *row) for row in rows[: query.limit] if row[1].data_key], next_cursor=more)


@door.operation(
    "GET", "/contacts/<number>", scope="contacts:read", answer=ContactOut, problems=("not_found",), reads="contacts"
)
def show_contact(call: Call, number: str) -> ContactOut:
    """One person's record, by the number."""
    return _of_number(call, number)


def _of_number(call: Call, number: str) -> ContactOut:
    number_id = people.find_number(call.runtime, call.session, number)
    found = people.find_contact(call.session, number_id) if number_id else None
    if found is None:
        raise ApiProblem("not_found", "There is no contact with this number.")
    return _contact(call, *found)


@door.operation(
    "POST", "/consents", scope="consents:write", body=ConsentWrite, answer=ConsentOut, makes=True,
    problems=("invalid_number", "unknown_program", "purpose_not_sent", "invalid_consent", "opted_out"),
)  # fmt: skip
def record_consent(call: Call, body: ConsentWrite) -> ConsentOut:
    """Record that a person said yes or no. An opt-out counts from now on; a yes never lifts a stop."""
    try:
        e164, changed = people.record_consent(call.runtime, call.session, call.key, ConsentIn(**body.model_dump()))
    except RequestError as error:
        raise ApiProblem(error.code, str(error)) from error
    return _standing(call, e164, changed)


@door.operation(
    "GET", "/consents/<number>", scope="consents:read", answer=ConsentOut, problems=("not_found",), reads="consents"
)
def show_consent(call: Call, number: str) -> ConsentOut:
    """Where a person stands, by program and purpose."""
    if people.find_number(call.runtime, call.session, number) is None:
        raise ApiProblem("not_found", "Nothing is on record for this number.")
    return _standing(call, people.read_number(number).e164, changed=False)


@door.operation("GET", "/changes", scope="consents:read", query=Page, answer=ChangeList, reads="consents")
def list_changes(call: Call, query: Page) -> ChangeList:
    """Everything that changed in the ledger, oldest first: keep `next_cursor`, and ask again from there."""
    rows = people.list_changes(call.session, call.key, query.after or 0, query.limit)
    last = rows[-1][0].sequence if rows else query.after or 0
    data = [ChangeOut(**consent(call.runtime, *row)) for row in rows if row[1].data_key]
    return ChangeList(data=data, next_cursor=cursor_of(last or 0))


@door.operation("GET", "/replies", scope="replies:read", query=ReplyPage, answer=ReplyList, reads="replies")
def list_replies(call: Call, query: ReplyPage) -> ReplyList:
    """What people wrote to this key's programs, newest first."""
    rows = people.list_replies(call.session, call.key, query.program, query.after, query.limit + 1)
    more = cursor_of(rows[query.limit - 1][0].id or 0) if len(rows) > query.limit else None
    data = [
        ReplyOut.model_validate(
            {
                "id": f"rep_{reply.id}",
                "from": _e164(call, number),
                "program": slug,
                "text": _words(call, number, reply.body_cipher),
                "intent": reply.intent,
                "certain": reply.certain,
                "language": reply.language,
                "received_at": reply.received_at,
            }
        )
        for reply, number, slug in rows[: query.limit]
        if number.data_key
    ]
    return ReplyList(data=data, next_cursor=more)


def _standing(call: Call, e164: str, changed: bool) -> ConsentOut:
    number_id = people.find_number(call.runtime, call.session, e164) or 0
    rows = people.standings_of(call.session, call.key, number_id)
    standings = [
        StandingOut(program=program, purpose=purpose, state=state, level=level, since=since)
        for program, purpose, state, level, since in rows
    ]
    return ConsentOut(number=e164, changed=changed, standings=standings)


def _contact(call: Call, contact: Contact, number: Number) -> ContactOut:
    wanted = ("language", "postal_code", "region", "zone", "attributes", "created_at", "changed_at")
    return ContactOut(number=_e164(call, number), **{name: getattr(contact, name) for name in wanted})


def _words(call: Call, number: Number, cipher: bytes) -> str:
    return unseal(call.runtime.keys.unwrap(number.data_key), cipher).decode() if cipher else ""


def _e164(call: Call, number: Number) -> str:
    return SealedNumber(number.cipher, number.data_key).open(call.runtime.keys)
