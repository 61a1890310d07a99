"""What is asked and answered, as the API has it. Instants are RFC 3339 texts in UTC."""

from typing import Any, Literal, NotRequired, TypedDict

Purpose = Literal["code", "transactional", "informational", "marketing"]


class Verdict(TypedDict):
    """What the gate says of a text, and why, in words."""

    verdict: Literal["accepted", "deferred", "blocked"]
    until: str | None
    guard: str | None
    reason: str | None
    rules: list[str]
    sentences: list[str]


class Wanted(TypedDict):
    """One text to send: ``body``, or ``template`` with ``data``. ``dedupe`` are seconds."""

    to: str
    program: str
    purpose: Purpose
    body: NotRequired[str]
    template: NotRequired[str]
    data: NotRequired[dict[str, Any]]
    send_at: NotRequired[str]
    expires_at: NotRequired[str]
    dedupe: NotRequired[int]


class Message(TypedDict):
    """One text and what became of it."""

    id: str
    status: str
    reason: str
    program: str
    purpose: Purpose
    to: str
    text: str | None
    parts: int
    test: bool
    created_at: str
    send_after: str
    expires_at: str | None
    sent_at: str | None
    final_at: str | None
    error_code: int | None
    verdict: Verdict
    repeated: bool


class BatchItem(TypedDict):
    """What became of one text of a batch: one of both."""

    message: Message | None
    problem: dict[str, Any] | None


class Check(TypedDict):
    """What the gate would say of a text to one number."""

    to: str
    verdict: Literal["allow", "defer", "block"]
    guard: str | None
    reason: str | None
    until: str | None
    opens: str | None
    rules: list[str]
    sentences: list[str]


class Contact(TypedDict):
    """One person's record."""

    number: str
    language: str | None
    postal_code: str | None
    region: str | None
    zone: str | None
    attributes: dict[str, Any]
    created_at: str
    changed_at: str


class Consent(TypedDict):
    """Where a person stands."""

    number: str
    changed: bool
    standings: list[dict[str, Any]]


class Change(TypedDict):
    """One event of the consent ledger."""

    sequence: int
    number: str
    program: str | None
    kind: str
    purpose: str
    level: str
    at: str
    source: str


Reply = TypedDict(
    "Reply",
    {
        "id": str,
        "from": str,
        "program": str | None,
        "text": str,
        "intent": str,
        "certain": bool,
        "language": str,
        "received_at": str,
    },
)
