"""A campaign as a JSON file: read and checked with the path of what is wrong."""

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from guards.base import Purpose
from sender.campaigns.control import CampaignIn, VariantIn


class DraftError(Exception):
    """The file is no campaign; the sentence names the file and the field."""


class _Variant(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=80)
    segment: dict[str, Any] = Field(default_factory=dict)
    template: str = Field(min_length=1)
    defaults: dict[str, str | None] = Field(default_factory=dict)


class _Draft(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=120)
    program: str
    variants: list[_Variant] = Field(min_length=1)
    purpose: Purpose = Purpose.MARKETING
    end_at: AwareDatetime | None = None


def read_draft(file: Path) -> CampaignIn:
    """The campaign in a JSON file; DraftError says what to mend."""
    try:
        draft = _Draft.model_validate_json(file.read_bytes())
    except OSError as error:
        raise DraftError(f"{file} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DraftError(f"{file}: {where}: {first['msg']}.") from error
    variants = [VariantIn(one.name, one.segment, one.template, one.defaults) for one in draft.variants]
    end_at: datetime | None = draft.end_at
    return CampaignIn(draft.name, draft.program, variants, draft.purpose, end_at)
