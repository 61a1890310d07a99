"""What the gate would say of a text to one or many numbers, now or later; nothing is written and nothing is sent."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from guards.base import Purpose
from sender.api.wanted import programs_named
from sender.audience.checks import Checked, check
from sender.audience.phone import PhoneError, parse
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import Asked, Instant, PhoneText, Slug, shape

EXAMPLE = {
    "to": "+12125550123",
    "verdict": "block",
    "guard": "consent_check",
    "reason": "no_consent",
    "until": None,
    "opens": None,
    "rules": [],
    "sentences": ["No: nobody with this number is known, so there is no consent."],
}

door = ApiDoor("api_checks", __name__)


class CheckIn(Asked):
    """Whom, for which program and purpose, and when."""

    model_config = shape({"to": ["+12125550123"], "program": "acme", "purpose": "marketing"}, strict=True)
    to: list[PhoneText] = Field(min_length=1, max_length=100, description="Numbers with their country codes.")
    program: Slug
    purpose: Purpose = Purpose.MARKETING
    at: Instant | None = Field(default=None, description="A moment; now when absent.")


class CheckOut(BaseModel):
    """The gate's answer for one number."""

    model_config = shape(EXAMPLE)
    to: str
    verdict: Literal["allow", "defer", "block"]
    guard: str | None = Field(description="Which guard says no.")
    reason: str | None = Field(description="The stable name of the reason.")
    until: datetime | None = Field(description="When that guard opens, or when a permission ends.")
    opens: datetime | None = Field(description="The first moment at which every guard allows, if one is in sight.")
    rules: list[str]
    sentences: list[str] = Field(description="The answer in words: what, why, where, and who could change it.")


class CheckList(BaseModel):
    """The answers in the order of the numbers."""

    model_config = shape({"data": [EXAMPLE]})
    data: list[CheckOut]


@door.operation(
    "POST", "/checks", scope="checks:read", body=CheckIn, answer=CheckList, transaction="read",
    problems=("unknown_program",),
)  # fmt: skip
def check_numbers(call: Call, body: CheckIn) -> CheckList:
    """Ask what the gate would say of a text to these numbers. A text that is no number is blocked as such."""
    if body.program not in programs_named(call.session, call.key, [body.program]):
        raise ApiProblem("unknown_program", f"There is no program {body.program!r} that this key may use.")
    return CheckList(data=[_checked(call, body, text) for text in body.to])


def _checked(call: Call, body: CheckIn, text: str) -> CheckOut:
    try:
        e164 = parse(text, None).e164
    except PhoneError as error:
        return CheckOut(
            to=text, verdict="block", guard="reach", reason="invalid_number", until=None, opens=None, rules=[],
            sentences=[f"No: {error.sentence}"],
        )  # fmt: skip
    found: Checked = check(call.runtime, call.session, e164, body.program, body.purpose, body.at)
    return CheckOut(
        to=e164,
        verdict=found.verdict,  # type: ignore[arg-type]
        guard=found.guard,
        reason=found.reason,
        until=found.until,
        opens=found.opens,
        rules=list(found.rules),
        sentences=list(found.sentences),
    )
