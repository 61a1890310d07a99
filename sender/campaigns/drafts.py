"""Campaigns and programs as JSON files: read and checked, naming the path of what is wrong."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from guards.base import Cap, Purpose, Window
from sender.campaigns import prices
from sender.campaigns.control import CampaignIn, VariantIn
from sender.campaigns.programs import FromNumberIn, ProgramIn

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


class DraftError(Exception):
    """The file is no campaign or program; the sentence names the file and the field."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


# As people write it, "250.00" of the price table's currency; kept in its ten-thousandths.
Money = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=4)] | None


class _Variant(_Part):
    name: str = Field(min_length=1, max_length=80)
    segment: dict[str, Any] = Field(default_factory=dict)
    template: str = ""
    defaults: dict[str, str | None] = Field(default_factory=dict)
    share: int | None = Field(default=None, ge=1, le=100)
    saved: str = ""


class _Campaign(_Part):
    name: str = Field(min_length=1, max_length=120)
    program: str
    variants: list[_Variant] = Field(min_length=1)
    purpose: Purpose = Purpose.MARKETING
    end_at: AwareDatetime | None = None
    budget: Money = None
    daily_budget: Money = None
    second_person: str = ""
    begins_at: AwareDatetime | None = None
    local_start: str = ""
    subject: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    outside_hours: str = "defer"
    over_cap: str = "defer"
    audience_at: str = "start"
    rate: float | None = Field(default=None, gt=0)


class _FromNumber(_Part):
    country: str = "*"
    address: str
    kind: str = "long_code"
    answers_keywords: bool = True
    can_receive: bool = True
    rate: float = Field(default=1.0, gt=0)
    daily_parts: int | None = None


def windows(value: Any) -> list[Window]:
    """{"mon": ["09:00-18:00"], …} as windows in minutes of the local day; ValueError says what is no such thing."""
    if not isinstance(value, dict) or not set(value) <= set(DAYS):
        raise ValueError(f"hours are given by {', '.join(DAYS)}")
    found_windows = []
    for day, spans in value.items():
        for span in spans:
            found = _SPAN.fullmatch(str(span))
            if not found:
                raise ValueError(f"{day}: {span!r} is no span such as 09:00-18:00")
            hours = [int(part) for part in found.groups()]
            found_windows.append(Window(DAYS.index(day), hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]))
    return found_windows


class _Program(_Part):
    slug: str
    brand: str
    help_contact: str
    purposes: list[Purpose] = Field(min_length=1)
    countries: list[str] = Field(min_length=1)
    from_numbers: list[_FromNumber] = Field(min_length=1)
    wordings: dict[str, str] = Field(default_factory=dict)
    footer: str = "Reply STOP to opt out"
    link_footer: str = "Stop: {link}"
    caps: list[Cap] = Field(default_factory=list)
    hours: Annotated[list[Window], BeforeValidator(windows)] | None = None
    loosened: dict[str, str] = Field(default_factory=dict)
    opt_out_scope: str = "program"
    footer_every_days: int = 0
    refusals: dict[str, str] = Field(default_factory=dict)
    max_parts: int = 0
    domains: list[str] = Field(default_factory=list)
    age_gate: bool = False
    resends: bool = False
    frequency: str = ""
    terms_url: str = ""
    privacy_url: str = ""


Draft = TypeVar("Draft", bound=_Part)


def read_campaign(file: Path) -> CampaignIn:
    """The campaign in a JSON file; DraftError says what to mend."""
    draft = _read(file, _Campaign)
    variants = [VariantIn(**one.model_dump()) for one in draft.variants]
    return CampaignIn(
        draft.name,
        draft.program,
        variants,
        draft.purpose,
        draft.end_at,
        budget=_units(draft.budget),
        daily_budget=_units(draft.daily_budget),
        second_person=draft.second_person,
        begins_at=draft.begins_at,
        local_start=draft.local_start,
        subject=draft.subject,
        outside_hours=draft.outside_hours,
        over_cap=draft.over_cap,
        audience_at=draft.audience_at,
        rate=draft.rate,
    )


def _units(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount * prices.UNIT)


def read_program(file: Path) -> ProgramIn:
    """The program in a JSON file; DraftError says what to mend."""
    draft = _read(file, _Program)
    lines = [FromNumberIn(**line.model_dump()) for line in draft.from_numbers]
    fields = {name: getattr(draft, name) for name in _Program.model_fields if name != "from_numbers"}
    return ProgramIn(from_numbers=lines, **fields)


def _read(file: Path, kind: type[Draft]) -> Draft:
    try:
        return kind.model_validate_json(file.read_bytes())
    except OSError as error:
        raise DraftError(f"{file} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DraftError(f"{file}: {where}: {first['msg'].removeprefix('Value error, ')}.") from error
