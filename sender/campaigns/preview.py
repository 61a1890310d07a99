"""What a text that is being written would look like on real phones: parts, cost, findings, and what the guards say.

Nothing is written. The same planning that a start would use is asked, with the words from the editor in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from guards import content
from guards.base import Defer
from guards.chain import Cleared
from guards.finding import Finding
from sender.audience.crowds import called
from sender.audience.phone import mask
from sender.campaigns import findings, parts
from sender.campaigns.audience import Member, members
from sender.campaigns.planning import Plan, Planned, decide, load_plan
from sender.campaigns.rendering import compile_template, fields_used
from sender.models import Campaign, Program, Variant
from sender.runtime import Runtime

PEOPLE = 12
"""So many real contacts of the audience can be stepped through."""
SLICE = 200
SLICES = 5
LAST = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Culprit:
    """A character that turns the whole text to UCS-2; ``instead`` is its replacement, "" where only removal helps."""

    char: str
    name: str
    instead: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """One contact's text: who, the words with the footer, its size, its cost, and the verdict now with its reason."""

    name: str
    number: str
    text: str
    size: parts.Parts
    cost: int
    verdict: str
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What the editor shows: one look per contact, what is said of the words, and the fields they name."""

    looks: Sequence[Look]
    findings: Sequence[Finding]
    culprits: Sequence[Culprit]
    fields: Sequence[str]
    template_parts: parts.Parts


def preview(
    runtime: Runtime,
    session: Session,
    campaign: Campaign,
    program: Program,
    variants: Sequence[Variant],
    place: int,
    source: str,
    defaults: Mapping[str, str | None],
    now: datetime,
) -> Preview:
    """Look at a text as it stands in the editor, in the place of the campaign's variant at this position.

    ``program`` and ``variants`` are the campaign's own, as the caller has read them.

    Raises TemplateError or SegmentError, each one sentence.
    """
    policy = findings.policy_for(program)
    plan = load_plan(session, campaign, program, variants)
    variant_id = list(plan.templates)[place]
    used = fields_used(source)
    template = compile_template(source, {name: defaults.get(name) or None for name in used})
    plan = replace(plan, templates={**plan.templates, variant_id: template})
    some = _people(session, plan, variant_id, now)
    planned = decide(runtime, session, plan, some, now)
    said = findings.of_template(source, plan.purpose, policy)
    if planned and planned[0].text:
        worded = {(one.code, one.sentence) for one in said}
        known = planned[0].known
        whole = content.findings(planned[0].text, plan.purpose, known.facts.policy if known else policy)
        said = (*said, *(one for one in whole if (one.code, one.sentence) not in worded))
    return Preview([look(runtime, one) for one in planned], said, culprits(source), used, parts.count(source))


def _people(session: Session, plan: Plan, variant_id: int, now: datetime) -> list[Member]:
    found: list[Member] = []
    after = 0
    for _ in range(SLICES):
        some = members(session, plan.audience, now, after, LAST, SLICE)
        found += [one for one in some if one.variant_id == variant_id]
        if len(found) >= PEOPLE or len(some) < SLICE:
            break
        after = some[-1].contact_id
    return found[:PEOPLE]


def look(runtime: Runtime, one: Planned) -> Look:
    """One contact's text as the page shows it."""
    number = mask(one.known.e164) if one.known else "erased"
    size = parts.count(one.text)
    verdict, reason, note = "allow", "", ""
    if not isinstance(one.outcome, Cleared):
        refused = one.outcome.verdict
        verdict = "defer" if isinstance(refused, Defer) else "block"
        reason, note = refused.reason, refused.note
    return Look(called(one.member.attributes), number, one.text, size, one.cost, verdict, reason, note)


def culprits(text: str) -> list[Culprit]:
    """The characters that force UCS-2, each with its look-alike in GSM-7 where there is one."""
    return [_culprit(char) for char in parts.count(text).culprits]


def _culprit(char: str) -> Culprit:
    instead = parts.smart_encode(char)
    name = "emoji or symbol" if ord(char) > 0x2100 else "special character"
    return Culprit(char, name, instead if instead != char else None)


def replaced(text: str) -> str:
    """The text with every culprit replaced that has a look-alike."""
    swaps = {one.char: one.instead for one in culprits(text) if one.instead is not None}
    return "".join(swaps.get(char, char) for char in text)
