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

Dimension = Literal["campaign", "variant", "template", "program", "from_number"]


class Event(TypedDict):
    """An event that is kept; ``repeated``: it was known under its id."""

    id: str
    type: str
    repeated: bool


class Automation(TypedDict):
    """An automation, and how many people are in it; ``aside`` were set aside after an error."""

    id: str
    name: str
    program: str
    purpose: Purpose
    status: Literal["draft", "live", "paused"]
    trigger: str | None
    schedule: dict[str, Any] | None
    segment: dict[str, Any]
    steps: list[dict[str, Any]]
    goal: str | None
    leave_on_reply: bool
    again_after_days: int | None
    next_at: str | None
    waiting: int
    aside: int
    done: int
    left: int


class Campaign(TypedDict):
    """A campaign and where its messages are."""

    id: str
    name: str
    program: str
    purpose: str
    status: str
    paused_why: str
    start_at: str | None
    end_at: str | None
    messages: dict[str, int]
    audience_at: Literal["start", "submission"]
    recipients: int | None
    created_at: str


class ReportLine(TypedDict):
    """One line of a report; ``left`` were handed to the provider, ``cost`` is a lower bound."""

    id: int | None
    name: str
    planned: int
    waiting: int
    left: int
    delivered: int
    undelivered: int
    failed: int
    blocked: int
    dropped: int
    parts: int
    cost: float
    replies: int
    opt_outs: int
    clicked: int
    errors: dict[str, int]
