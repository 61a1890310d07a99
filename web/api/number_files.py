"""Files of numbers over the API: given up, reassigned, never to be texted, on a do-not-call register; in and out."""

import io
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import BaseModel, Field, StringConstraints
from sqlmodel import Session

from sender.audience import number_files, registers
from sender.audience.number_files import NumberFileError
from sender.audit import note
from sender.runtime import Runtime
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import NO_CONTROLS, shape

MOST_BYTES = 8 << 20
"""Some half a million numbers; larger files go by command, because whoever asks would wait too long."""
REGISTER = {
    "country": "US",
    "name": "National Do Not Call Registry",
    "covers": "all",
    "drawn": "2026-03-01",
    "numbers": 250_000,
    "days": 31,
    "outdated": False,
}
CSV = "text/csv"
Why = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_CONTROLS, strip_whitespace=True)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Covers = Annotated[str, StringConstraints(min_length=1, max_length=registers.LONGEST_COVERS, pattern=NO_CONTROLS)]

door = ApiDoor("api_number_files", __name__)


class OfDay(BaseModel):
    """The day of a file."""

    model_config = shape()
    on: date = Field(description="The day on which they were given up.", examples=["2026-03-01"])


class ForReason(BaseModel):
    """What an act is for, which the audit keeps."""

    model_config = shape()
    why: Why = Field(description="What for; the audit keeps it.", examples=["asked by the carrier"])


class RegisterFacts(BaseModel):
    """Which copy of which register a file is."""

    model_config = shape()
    country: Country = Field(description="Whose national register it is.", examples=["US"])
    drawn: date = Field(description="The day on which it was drawn.", examples=["2026-03-01"])
    covers: Covers = Field(default="all", description="Which part of it, such as area codes; a newer one replaces it.")


class RegisterChoice(ForReason):
    """Which part of a register, and why it goes."""

    covers: Covers = Field(default="all", description="Which part of it.")


class NumbersOut(BaseModel):
    """What a file of numbers did, by kind."""

    model_config = shape({"counts": {"read": 3, "unreadable": 0, "known": 2, "consents": 1, "cancelled": 4}})
    counts: dict[str, int] = Field(description="`read` and `unreadable` are lines; the rest is what was done.")


class RegisterOut(BaseModel):
    """A copy of a do-not-call register."""

    model_config = shape(REGISTER)
    country: str
    name: str
    covers: str
    drawn: date
    numbers: int
    days: int = Field(description="How old a copy of it may be.")
    outdated: bool


class RegisterList(BaseModel):
    """The copies there are, by country and part."""

    model_config = shape({"data": [REGISTER]})
    data: list[RegisterOut]


def _taking(path: str, query: type[BaseModel] | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return door.operation(
        "POST", path, scope="numbers:write", query=query, answer=NumbersOut, transaction="own", makes=True,
        problems=("invalid_file",), takes_file=True, largest=MOST_BYTES,
    )  # fmt: skip


@_taking("/number-files/deactivated", OfDay)
def take_deactivated(call: Call, query: OfDay, file: IO[bytes]) -> NumbersOut:
    """Take in numbers that were given up at the carrier: consent from before the end of that day is withdrawn, what
    waits is cancelled, stops stay. One number a line, or first in each row of a CSV; 8 MiB at most."""
    if query.on > call.runtime.clock.now().date():
        raise ApiProblem("invalid_file", f"{query.on} is in the future; give the day of the file.")
    return _taken(call, file, lambda path: number_files.deactivated(call.runtime, path, query.on, call.key.actor))


@_taking("/number-files/reassigned")
def take_reassigned(call: Call, file: IO[bytes]) -> NumbersOut:
    """Take in the answers of a reassigned-numbers database (number, yes or no): a yes ends consent."""
    return _taken(call, file, lambda path: number_files.reassigned(call.runtime, path, call.key.actor))


@_taking("/number-files/suppress", ForReason)
def suppress_numbers(call: Call, query: ForReason, file: IO[bytes]) -> NumbersOut:
    """Never text these numbers, known or not, whatever they consent to, until they are taken off again."""
    return _taken(call, file, lambda path: number_files.suppress(call.runtime, path, query.why, call.key.actor))


@_taking("/number-files/unsuppress", ForReason)
def unsuppress_numbers(call: Call, query: ForReason, file: IO[bytes]) -> NumbersOut:
    """Take numbers off the suppression list. It gives nobody consent, and stops stay."""
    return _taken(call, file, lambda path: number_files.unsuppress(call.runtime, path, query.why, call.key.actor))


@door.operation(
    "GET", "/number-files/suppressed", scope="numbers:read", query=ForReason, answer=NumbersOut, transaction="write",
    gives=CSV,
)  # fmt: skip
def write_suppressed(call: Call, query: ForReason) -> bytes:
    """Whom nobody may text, as CSV in plain numbers, for another provider: number, why, program ("all"), since."""
    return _written(call, query.why, "suppressed numbers", number_files.write_suppressed)


@door.operation(
    "GET", "/number-files/to-ask", scope="numbers:read", query=ForReason, answer=NumbersOut, transaction="write",
    gives=CSV,
)  # fmt: skip
def write_to_ask(call: Call, query: ForReason) -> bytes:
    """What a reassigned-numbers database is asked, as CSV: US numbers in plain, with the day of their consent."""
    return _written(call, query.why, "numbers to ask about", number_files.write_to_ask)


@_taking("/registers", RegisterFacts)
def take_register(call: Call, query: RegisterFacts, file: IO[bytes]) -> NumbersOut:
    """Take in a national do-not-call register, or a part of it, in the place of the copy before that covers the same.
    Marketing to its numbers stops, unless a consent counts more. What is over 8 MiB goes by `tactful numbers`."""
    facts = (query.country, query.drawn, call.key.actor, query.covers)
    return _taken(call, file, lambda path: registers.take_in(call.runtime, path, *facts))


@door.operation("GET", "/registers", scope="numbers:read", answer=RegisterList)
def list_registers(call: Call) -> RegisterList:
    """The do-not-call files there are, how old they are, and which are too old to rely on."""
    found = registers.kept(call.session, call.runtime.clock.now().date())
    return RegisterList(data=[RegisterOut(**{name: getattr(one, name) for name in REGISTER}) for one in found])


@door.operation(
    "DELETE", "/registers/<country>", scope="numbers:write", query=RegisterChoice, answer=NumbersOut,
    transaction="own", problems=("not_found",),
)  # fmt: skip
def forget_register(call: Call, country: str, query: RegisterChoice) -> NumbersOut:
    """Drop a copy without a newer one: nothing here holds its numbers back any more."""
    try:
        numbers = registers.forget(call.runtime, country.upper(), query.covers, call.key.actor, query.why)
    except NumberFileError as error:
        raise ApiProblem("not_found", str(error)) from error
    return NumbersOut(counts={"forgotten": numbers})


def _taken(call: Call, file: IO[bytes], work: Callable[[Path], Counter[str]]) -> NumbersOut:
    try:
        return NumbersOut(counts=number_files.from_upload(call.runtime, file, "numbers.csv", work))
    except NumberFileError as error:
        raise ApiProblem("invalid_file", str(error)) from error


def _written(call: Call, why: str, what: str, write: Callable[[Runtime, Session, IO[str]], Counter[str]]) -> bytes:
    table = io.StringIO()
    counts = write(call.runtime, call.session, table)
    note(call.session, call.runtime.clock.now(), call.key.actor, "people.export", what, {"why": why, **counts})
    return table.getvalue().encode()
