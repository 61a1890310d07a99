"""Texts: asked for one by one or by the thousand, looked at, and taken back while they wait."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from guards.base import Defer, Purpose
from guards.chain import Cleared
from sender.api.answers import First
from sender.api.messages import Said, ask
from sender.api.outbox import Filter, Shown, cancel_message, find_message, list_messages, show_messages
from sender.api.wanted import RequestError, Wanted
from sender.audience.numbers import find
from sender.audience.phone import PhoneError, parse
from sender.states import Status
from web.api.operations import ApiDoor, Call, once_only
from web.api.problems import ApiProblem, body_of
from web.api.shapes import Asked, Instant, Name, Page, PhoneText, Problem, Scalar, Slug, Verdict, cursor_of, shape

SLICE = 50
"""So many texts of a batch share a transaction: no other writer waits longer than for these."""
TEXT_PROBLEMS = (
    "unknown_program", "purpose_not_sent", "invalid_number", "invalid_template", "invalid_text", "marketing_words",
    "invalid_times", "no_from_number",
)  # fmt: skip
MESSAGE_EXAMPLE = {
    "id": "msg_1042",
    "status": "pending",
    "reason": "",
    "program": "acme",
    "purpose": "transactional",
    "to": "+12125550123",
    "text": "Acme: your parcel is on its way.",
    "parts": 1,
    "test": False,
    "created_at": "2026-03-10T15:00:00Z",
    "send_after": "2026-03-10T15:00:00Z",
    "expires_at": "2026-03-11T15:00:00Z",
    "sent_at": None,
    "final_at": None,
    "error_code": None,
    "verdict": {
        "verdict": "accepted",
        "until": None,
        "guard": None,
        "reason": None,
        "rules": [],
        "sentences": ["Yes: a transactional text may go now."],
    },
    "repeated": False,
}

ASKED_EXAMPLE = {
    "to": "+12125550123",
    "program": "acme",
    "purpose": "transactional",
    "template": "Hi {{ first_name }}, your parcel is on its way.",
    "data": {"first_name": "Ana"},
    "dedupe": 3600,
}

door = ApiDoor("api_messages", __name__)


class MessageIn(Asked):
    """One text: to whom, for which program and purpose, and its words."""

    model_config = shape(ASKED_EXAMPLE, strict=True)
    to: PhoneText = Field(description="The number with its country code.")
    program: Slug = Field(description="The program's short name.")
    purpose: Purpose = Field(
        description="Why it is sent. A code needs no consent and says no footer; marketing needs written consent."
    )
    body: Annotated[str, StringConstraints(min_length=1, max_length=1600)] | None = Field(
        default=None, description="The words. Brand and opt-out words are added where the purpose asks for them."
    )
    template: Annotated[str, StringConstraints(min_length=1, max_length=4000)] | None = Field(
        default=None, description="Words with fields, in place of `body`."
    )
    data: dict[Name, Scalar] = Field(default_factory=dict, max_length=100, description="What the fields hold.")
    send_at: Instant | None = Field(default=None, description="Not before this moment.")
    expires_at: Instant | None = Field(
        default=None, description="Not after it: 10 minutes for a code (and never more), 24 or 72 hours otherwise."
    )
    dedupe: int = Field(
        default=0, ge=0, le=7 * 24 * 3600, description="Seconds in which the same text to the same number is one text."
    )

    subject: Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)] | None = Field(
        default=None, description="What it is about, in your own words, for caps on a subject."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.body is None) == (self.template is None):
            raise ValueError("give body or template, one of them")
        return self

    def wanted(self) -> Wanted:
        """The same for those who judge it."""
        return Wanted(
            self.to, self.program, self.purpose, self.body, self.template, self.data, self.send_at, self.expires_at,
            timedelta(seconds=self.dedupe), self.subject,
        )  # fmt: skip


class MessageOut(BaseModel):
    """One text and what became of it."""

    model_config = shape(MESSAGE_EXAMPLE)
    id: str
    status: Status
    reason: str = Field(description="Why it is in this state; empty where nothing is out of the ordinary.")
    program: str
    purpose: Purpose
    to: str
    text: str | None = Field(description="The words as they leave; null for one-time codes.")
    parts: int = Field(description="Billed parts.")
    test: bool = Field(description="Asked for with a test key: it goes to the simulator.")
    created_at: datetime
    send_after: datetime = Field(description="When it is tried next.")
    expires_at: datetime | None
    sent_at: datetime | None
    final_at: datetime | None
    error_code: int | None = Field(description="The provider's code where it refused.")
    verdict: Verdict
    repeated: bool = Field(default=False, description="An earlier text inside the `dedupe` window; none was made.")


class BatchIn(Asked):
    """Up to a thousand texts."""

    model_config = shape({"messages": [ASKED_EXAMPLE]}, strict=True)
    messages: list[MessageIn] = Field(min_length=1, max_length=1000)


class BatchItem(BaseModel):
    """What became of one text of a batch: a message, or the problem with its request."""

    model_config = shape()
    message: MessageOut | None
    problem: Problem | None


class BatchOut(BaseModel):
    """The texts of a batch, in its order."""

    model_config = shape({"data": [{"message": MESSAGE_EXAMPLE, "problem": None}]})
    data: list[BatchItem]


class MessagePage(Page):
    """Which texts."""

    program: Slug | None = None
    status: Status | None = None
    to: PhoneText | None = Field(default=None, description="Only those to this number.")


class MessageList(BaseModel):
    """A page of texts, newest first."""

    model_config = shape({"data": [MESSAGE_EXAMPLE], "next_cursor": None})
    data: list[MessageOut]
    next_cursor: str | None


@door.operation(
    "POST", "/messages", scope="messages:write", body=MessageIn, answer=MessageOut, status=201, makes=True,
    problems=TEXT_PROBLEMS,
)  # fmt: skip
def send_message(call: Call, body: MessageIn) -> MessageOut:
    """Ask for one text.

    The answer says at once what the gate says: accepted, deferred until, or blocked and why. It is asked again when
    the text leaves. Texts asked for here go before those of campaigns.
    """
    (said,) = ask(call.runtime, call.session, call.key, [body.wanted()])
    if isinstance(said, RequestError):
        raise ApiProblem(said.code, str(said))
    (shown,) = show_messages(call.session, call.runtime.keys, [said.message_id])
    return _told(shown, said)


@door.operation(
    "POST", "/messages/batch", scope="messages:write", body=BatchIn, answer=BatchOut, status=200, transaction="own",
    makes=True,
)  # fmt: skip
def send_batch(call: Call, body: BatchIn) -> BatchOut:
    """Ask for up to 1,000 texts.

    Each is judged by itself; those with a problem hinder no others. Under an Idempotency-Key a batch that was cut off
    goes on where it stopped.
    """
    items: list[BatchItem] = []
    for start in range(0, len(body.messages), SLICE):
        items += _slice(call, body.messages[start : start + SLICE], f"{call.once}\x1f{start}")
    return BatchOut(data=items)


def _slice(call: Call, some: list[MessageIn], name: str) -> list[BatchItem]:
    def work() -> First:
        return First(200, _judged(call, some).model_dump_json().encode())

    with call.runtime.db.write() as call.within:
        first = once_only(call, call.session, name, work)[0] if call.once else work()
    return BatchOut.model_validate_json(first.body).data


def _judged(call: Call, some: list[MessageIn]) -> BatchOut:
    answers = ask(call.runtime, call.session, call.key, [one.wanted() for one in some])
    ids = [said.message_id for said in answers if isinstance(said, Said)]
    shown = {one.row.id: one for one in show_messages(call.session, call.runtime.keys, ids)}
    return BatchOut(
        data=[
            BatchItem(message=_told(shown[said.message_id], said), problem=None)
            if isinstance(said, Said)
            else BatchItem(message=None, problem=Problem(**body_of(ApiProblem(said.code, str(said)))))
            for said in answers
        ]
    )


@door.operation("GET", "/messages", scope="messages:read", query=MessagePage, answer=MessageList, reads="texts")
def list_all_messages(call: Call, query: MessagePage) -> MessageList:
    """Texts of this key's programs, newest first; a test key sees the texts of test keys."""
    number_id = None
    if query.to is not None:
        try:
            number_id = find(call.session, call.runtime.keys, parse(query.to, None).e164) or 0
        except PhoneError as error:
            raise ApiProblem("invalid_number", error.sentence) from error
    wanted = Filter(query.program, query.status and query.status.value, number_id)
    ids = list_messages(call.session, call.key, wanted, query.after, query.limit + 1)
    shown = show_messages(call.session, call.runtime.keys, ids[: query.limit])
    more = cursor_of(ids[query.limit - 1]) if len(ids) > query.limit else None
    return MessageList(data=[_told(one) for one in shown], next_cursor=more)


@door.operation("GET", "/messages/<message_id>", scope="messages:read", answer=MessageOut, problems=("not_found",))
def show_message(call: Call, message_id: str) -> MessageOut:
    """One text and what became of it."""
    return _told(_found(call, message_id))


@door.operation(
    "POST", "/messages/<message_id>/cancel", scope="messages:write", answer=MessageOut, makes=True,
    problems=("not_found", "not_waiting"),
)  # fmt: skip
def cancel(call: Call, message_id: str) -> MessageOut:
    """Take a text back while it waits; what is on its way to the provider cannot be recalled."""
    found = _found(call, message_id)
    if not cancel_message(call.runtime, call.session, found.row.id or 0):
        raise ApiProblem("not_waiting", f"The message is {found.row.status}.")
    call.session.expire_all()
    return _told(_found(call, message_id))


def _found(call: Call, name: str) -> Shown:
    digits = name.removeprefix("msg_")
    known = digits.isascii() and digits.isdigit() and len(digits) < 18 and name.startswith("msg_")
    message_id = find_message(call.session, call.key, int(digits)) if known else None
    if message_id is None:
        raise ApiProblem("not_found", "There is no such message that this key may see.")
    return show_messages(call.session, call.runtime.keys, [message_id])[0]


def _told(shown: Shown, said: Said | None = None) -> MessageOut:
    row = shown.row
    return MessageOut(
        id=f"msg_{row.id}",
        status=Status(row.status),
        reason=row.reason,
        program=shown.program,
        purpose=Purpose(row.purpose),
        to=shown.to,
        text=shown.text,
        parts=row.parts,
        test=row.is_test,
        created_at=row.created_at,
        send_after=row.send_after,
        expires_at=row.expires_at,
        sent_at=row.sent_at,
        final_at=row.final_at,
        error_code=row.error_code,
        verdict=_said(said) if said and said.outcome else _on_record(shown),
        repeated=bool(said and said.repeated),
    )


def _said(said: Said) -> Verdict:
    if said.outcome is None or isinstance(said.outcome, Cleared):
        return Verdict(verdict="accepted", until=None, guard=None, reason=None, rules=[], sentences=[*said.sentences])
    verdict = said.outcome.verdict
    word: Literal["deferred", "blocked"] = "deferred" if isinstance(verdict, Defer) else "blocked"
    until = verdict.until if isinstance(verdict, Defer) else None
    rules, sentences = list(verdict.rules), list(said.sentences)
    return Verdict(
        verdict=word, until=until, guard=said.outcome.guard, reason=verdict.reason, rules=rules, sentences=sentences
    )


def _on_record(shown: Shown) -> Verdict:
    """What was decided last, as far as it still holds; the words of it were said when it was asked."""
    refusal = shown.refusal
    if refusal is None or shown.row.status not in (Status.PENDING, Status.QUEUED, Status.BLOCKED):
        return Verdict(verdict="accepted", until=None, guard=None, reason=None, rules=[], sentences=[])
    note = str(refusal.inputs.get("note", ""))
    return Verdict(
        verdict="deferred" if refusal.verdict == "defer" else "blocked",
        until=refusal.until,
        guard=refusal.guard,
        reason=refusal.reason,
        rules=refusal.rules,
        sentences=[note] if note else [],
    )
