"""Proof and forgetting over the API: one number's evidence, one person's own data, and their erasure."""

import base64
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from sender.api import people
from sender.audience import evidence, own_data
from sender.audience.erasing import EraseError, erase_within
from sender.audience.holds import held_by
from sender.locks import lock_numbers
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import NO_CONTROLS, Asked, PhoneText, shape

WHY = {"why": "Doe v. Acme"}
Why = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_CONTROLS, strip_whitespace=True)]

door = ApiDoor("api_proof", __name__)


class EvidenceWrite(Asked):
    """What the evidence is for, which the audit keeps."""

    model_config = shape(WHY, strict=True)
    why: Why
    pdf: bool = Field(default=False, description="Send the same content as a PDF, too, in base64.")


class EvidenceOut(BaseModel):
    """One number's evidence file."""

    model_config = shape({"sha256": "9f2c" * 16, "evidence": {"format": evidence.FORMAT}, "pdf": None})
    sha256: str = Field(description="Of the file's canonical JSON; the PDF bears it on every page.")
    evidence: dict[str, Any]
    pdf: str | None


class EvidenceAsk(BaseModel):
    """What the evidence is for, which the audit keeps."""

    model_config = shape()
    why: Why = Field(description="Such as the name of the case; the audit keeps it.")


class PersonAsk(Asked):
    """Whose data, and what for, which the audit keeps."""

    model_config = shape({"number": "+12125550123", "why": "the person asked for it"}, strict=True)
    number: PhoneText
    why: Why


class PersonOut(BaseModel):
    """All that is known of one person, for them."""

    model_config = shape({"person": {"format": own_data.FORMAT}})
    person: dict[str, Any]


class ErasureOut(BaseModel):
    """What was forgotten, by kind."""

    model_config = shape({"forgotten": {"contact": 1, "message": 12, "reply": 2}})
    forgotten: dict[str, int]


@door.operation(
    "POST", "/evidence/<number>", scope="evidence:read", body=EvidenceWrite, answer=EvidenceOut,
    transaction="write", problems=("not_found",),
)  # fmt: skip
def take_evidence(call: Call, number: str, body: EvidenceWrite) -> EvidenceOut:
    """Every consent with its wording, every text with its decisions and laws, every reply, hashes, and a draft
    certification: what a court asks for."""
    file = _file(call, number, body.why)
    paper = base64.b64encode(evidence.as_pdf(file)).decode() if body.pdf else None
    return EvidenceOut(sha256=evidence.digest(file), evidence=file, pdf=paper)


@door.operation(
    "GET", "/evidence/<number>", scope="evidence:read", query=EvidenceAsk, answer=EvidenceOut, transaction="write",
    problems=("not_found",),
)  # fmt: skip
def show_evidence(call: Call, number: str, query: EvidenceAsk) -> EvidenceOut:
    """The same by GET; each look is an act in the audit."""
    file = _file(call, number, query.why)
    return EvidenceOut(sha256=evidence.digest(file), evidence=file, pdf=None)


@door.operation(
    "GET", "/evidence/<number>/pdf", scope="evidence:read", query=EvidenceAsk, answer=EvidenceOut, transaction="write",
    problems=("not_found",), gives="application/pdf",
)  # fmt: skip
def print_evidence(call: Call, number: str, query: EvidenceAsk) -> bytes:
    """The evidence file as a PDF, which bears the digest of the JSON on every page."""
    return evidence.as_pdf(_file(call, number, query.why))


@door.operation(
    "POST", "/exports", scope="evidence:read", body=PersonAsk, answer=PersonOut, transaction="write",
    problems=("not_found",),
)  # fmt: skip
def take_own_data(call: Call, body: PersonAsk) -> PersonOut:
    """All that is known of one person, in a form that programs read: give it to nobody but them."""
    number_id = _known(call, body.number)
    return PersonOut(person=own_data.export(call.runtime, call.session, number_id, call.key.actor, body.why))


@door.operation(
    "POST", "/erasures", scope="erasures:write", body=PersonAsk, answer=ErasureOut, makes=True,
    problems=("not_found", "on_hold"),
)  # fmt: skip
def erase_person(call: Call, body: PersonAsk) -> ErasureOut:
    """Forget a person: contact and words at once, the number's key within seconds. Their stop stays for good, planned
    texts are cancelled, and no import or key brings them back."""
    number_id = _known(call, body.number)
    lock_numbers(call.session, [number_id])
    if held := held_by(call.session, number_id):
        raise ApiProblem("on_hold", held)
    try:
        done = erase_within(call.runtime, call.session, number_id, call.key.actor, body.why, "api")
    except EraseError as error:
        raise ApiProblem("not_found", str(error)) from error
    return ErasureOut(forgotten=done)


def _file(call: Call, number: str, why: str) -> dict[str, Any]:
    """Gather the evidence of one number and note who took it, and what for."""
    number_id, by = _known(call, number), call.key.actor
    file = evidence.gather(call.runtime, call.session, number_id, people.read_number(number).e164, by, why)
    evidence.note_taken(call.runtime, call.session, number_id, by, why, file)
    return file


def _known(call: Call, number: str) -> int:
    number_id = people.find_number(call.runtime, call.session, number)
    if number_id is None:
        raise ApiProblem("not_found", "Nothing is on record for this number.")
    return number_id
