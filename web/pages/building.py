"""What the steps of the campaign builder share: the draft they work on, their order, and how they save."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort

from sender.audience.segments import SegmentError
from sender.campaigns import programs, second_person, writing
from sender.campaigns.moves import ControlError
from sender.campaigns.planning import variants_of
from sender.campaigns.rendering import TemplateError
from sender.campaigns.writing import CampaignIn
from sender.models import Campaign, Program, Variant
from web.auth import person, require
from web.context import runtime
from web.language import gettext, later

STEPS = (
    ("basics", later("Basics")),
    ("audience", later("Audience")),
    ("text", later("Text")),
    ("timing", later("Timing")),
    ("review", later("Review")),
)
EDITABLE = frozenset({"draft", "submitted", "approved", "scheduled"})
Refused = (ControlError, SegmentError, TemplateError)


@dataclass(frozen=True, slots=True)
class Step:
    """One step in the row above each page."""

    name: str
    words: str
    address: str
    here: bool


@dataclass(frozen=True, slots=True)
class Building:
    """A campaign in the builder: the row, what is written, and its program."""

    campaign: Campaign
    written: CampaignIn
    program: Program
    variants: Sequence[Variant]

    @property
    def id(self) -> int:
        """The campaign's id."""
        return self.campaign.id or 0

    @property
    def editable(self) -> bool:
        """Whether the steps can still change it."""
        return self.campaign.status in EDITABLE

    def save(self, wanted: CampaignIn) -> str:
        """Keep what a step changed; returns what became of an approval. Raises what ``Refused`` names."""
        return writing.edit(runtime(), self.id, wanted, person().actor)


def load(campaign_id: int, right: str = "write") -> Building:
    """The campaign, for whoever may work on it: 404 or 403 otherwise."""
    with runtime().db.read() as session:
        found = writing.with_program(session, campaign_id)
        if found is None:
            abort(404)
        campaign, program = found
        require(right, campaign.program_id)
        variants = variants_of(session, campaign_id)
        session.expunge_all()
    return Building(campaign, writing.as_written(campaign, program, variants), program, variants)


def frame(building: Building, here: str) -> dict[str, Any]:
    """What the builder's layout shows."""
    return {"building": building, "steps": steps(building, here), "next": after(building, here), "here": here}


def steps(building: Building, here: str) -> Sequence[Step]:
    """The row of steps; each can be gone to at any time."""
    return [Step(name, words, address(building.id, name), name == here) for name, words in STEPS]


def address(campaign_id: int, step: str) -> str:
    """Where a step is."""
    return f"/campaigns/{campaign_id}/edit/{step}"


def after(building: Building, here: str) -> str:
    """Where the next step is."""
    names = [name for name, _ in STEPS]
    return address(building.id, names[min(names.index(here) + 1, len(names) - 1)])


def may_choose() -> Sequence[Program]:
    """The programs whose campaigns this person may write."""
    with runtime().db.read() as session:
        every = programs.listing(session, person().programs)
    return [one for one in every if person().may("write", one.id or 0)]


def vouchers(program_id: int) -> list[tuple[str, str]]:
    """Every colleague of the program but oneself, to choose from who vouches for words that look like marketing."""
    with runtime().db.read() as session:
        others = second_person.colleagues(session, program_id) - {person().actor}
    return [("", gettext("Choose a colleague")), *((email, email) for email in sorted(others))]
