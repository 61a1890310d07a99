"""What requests and answers look like. Bodies are strict: an unknown field or another type is refused, not guessed."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from web.api.problems import ApiProblem

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _in_our_times(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise ValueError("is not between 2000 and 2200")
    return at.astimezone(UTC)


NO_CONTROLS = r"^[^\u0000-\u001f\u007f]*$"
Instant = Annotated[AwareDatetime, AfterValidator(_in_our_times)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
PhoneText = Annotated[str, StringConstraints(min_length=3, max_length=64, pattern=NO_CONTROLS)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Value = Annotated[str, StringConstraints(max_length=1000, pattern=NO_CONTROLS)]
Scalar = bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | Annotated[float, Field(allow_inf_nan=False)] | Value


def shape(example: dict[str, Any] | None = None, *, strict: bool = False) -> ConfigDict:
    """The configuration of every shape: nothing unknown; ``example`` stands in the OpenAPI document."""
    return ConfigDict(extra="forbid", strict=strict, json_schema_extra={"examples": [example]} if example else {})


class Asked(BaseModel):
    """A body that is read strictly."""

    model_config = shape(strict=True)


class Page(BaseModel):
    """How much of a list, and from where."""

    model_config = shape()
    limit: int = Field(default=50, ge=1, le=200, description="The most there may be on the page.")
    cursor: str | None = Field(default=None, max_length=200, description="`next_cursor` of the page before.")

    @property
    def after(self) -> int | None:
        """The place that the cursor names; ApiProblem for one that is not ours."""
        return None if self.cursor is None else _place(self.cursor)


def cursor_of(place: int) -> str:
    """A cursor for a place in a list; what it is made of may change."""
    return base64.urlsafe_b64encode(f"c{place}".encode()).rstrip(b"=").decode()


def _place(cursor: str) -> int:
    try:
        plain = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise ApiProblem("invalid_cursor") from error
    if plain[:1] != "c" or not plain[1:].isascii() or not plain[1:].isdigit() or len(plain) > 18:
        raise ApiProblem("invalid_cursor")
    return int(plain[1:])


class FieldFault(BaseModel):
    """One field that does not fit."""

    pointer: str = Field(description="Where, as a JSON pointer.")
    message: str


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    model_config = shape(
        {
            "type": "/api/docs#unknown_program",
            "title": "There is no such program",
            "status": 422,
            "detail": "There is no program 'acne' that this key may use.",
            "code": "unknown_program",
            "mend": "Use the short name of a program the key may use.",
            "request_id": "req_0f3a5c7e9b1d2468",
            "errors": [],
        }
    )
    type: str = Field(description="Where the code is explained.")
    title: str
    status: int
    detail: str = Field(description="What is wrong with this request, in one sentence.")
    code: str = Field(description="The stable name of the problem, for programs.")
    mend: str = Field(description="What to do about it.")
    request_id: str
    errors: list[FieldFault]


class Verdict(BaseModel):
    """What the gate says of a text, and why."""

    verdict: str = Field(description="`accepted`, `deferred` or `blocked`.")
    until: datetime | None = Field(description="Deferred: the first moment at which it may go.")
    guard: str | None = Field(description="Which guard said no.")
    reason: str | None = Field(description="The stable name of the reason.")
    rules: list[str] = Field(description="The rules behind it, such as `us-fl-hours`.")
    sentences: list[str] = Field(description="The answer in words: what, why, where, and who could change it.")


def named(kind: str, name: str, thing: str) -> int:
    """The number in a name such as "cmp_4"; ApiProblem for one that is not of this kind."""
    prefix, _, digits = name.partition("_")
    if prefix != kind or not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise ApiProblem("not_found", f"There is no such {thing} that this key may see.")
    return int(digits)
