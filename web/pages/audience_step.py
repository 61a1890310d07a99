"""The second step: who gets it, in groups, who is left out, and how many that is by what they told the program."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sender.audience import saved_segments
from sender.audience.nested_segments import written_out
from sender.campaigns.writing import VariantIn
from sender.models import Segment
from web.auth import Door, signed_in
from web.context import runtime
from web.language import later
from web.pages import building
from web.pages.blocks import render_block
from web.pages.building import Building, Refused
from web.pages.who import who

EVERYONE, KEPT = "everyone", "kept"
MOST_GROUPS = 6
SHOWN = 5
SPLITS = {
    "100": later("One text"),
    "50/50": later("A/B test: half and half"),
    "80/20": "A/B test: 80 % and 20 %",
    "90/10": "A/B test: 90 % and 10 %",
    "34/33/33": later("A/B/C test: a third each"),
}
LETTERS = "ABCDEFGH"

door = Door("audience_step", __name__, rule=signed_in)


@dataclass(frozen=True, slots=True)
class Group:
    """One group as the form shows it: which segment, how its people are split, and which group it was before."""

    segment: str
    split: str
    was: str
    definition: dict[str, Any]
    name: str


@door.get("/campaigns/<int:campaign_id>/edit/audience")
def show(campaign_id: int) -> ResponseReturnValue:
    """The groups as they are."""
    found = building.load(campaign_id)
    groups, left_out = read_groups(found.written.variants, _saved())
    return _page(found, groups, left_out, "")


@door.post("/campaigns/<int:campaign_id>/edit/audience")
def save(campaign_id: int) -> ResponseReturnValue:
    """Keep them: 303 to the texts; ``add`` and ``remove`` only change the form."""
    found = building.load(campaign_id)
    groups, left_out = _typed(found)
    if "add" in request.form and len(groups) < MOST_GROUPS:
        return _page(found, [*groups, Group(EVERYONE, "100", "", {}, "Everyone")], left_out, "")
    if "remove" in request.form:
        gone = request.form.get("remove", -1, type=int)
        return _page(found, [one for place, one in enumerate(groups) if place != gone] or groups, left_out, "")
    try:
        made = variants_of(found.written.variants, groups, left_out, _saved())
        found.save(
            replace(
                found.written, variants=made, audience_at=request.form.get("audience_at", found.written.audience_at)
            )
        )
        return redirect(building.after(found, "audience"), 303)
    except Refused as error:
        return _page(found, groups, left_out, str(error)), 422


@door.post("/campaigns/<int:campaign_id>/edit/audience/count")
def count(campaign_id: int) -> ResponseReturnValue:
    """How many the form means now, for htmx."""
    found = building.load(campaign_id)
    groups, left_out = _typed(found)
    return render_block("builder/audience.html", "crowd", **_counted(found, groups, left_out))


def read_groups(variants: Sequence[VariantIn], saved: Sequence[Segment]) -> tuple[list[Group], set[int]]:
    """The groups of a campaign's variants, and the ids of the segments that are left out of all of them."""
    left_out: set[int] = set()
    groups: list[Group] = []
    for mine in _alike(variants):
        base, out = _taken_apart(mine[0].segment, saved)
        left_out |= out
        known = next((one for one in saved if one.definition == base), None)
        segment = EVERYONE if base == {} else str(known.id) if known else KEPT
        split = "/".join(str(one.share) for one in mine) if mine[0].share is not None else "100"
        name = known.name if known else "Everyone" if base == {} else mine[0].name
        groups.append(Group(segment, split, str(len(groups)), base, name))
    return groups, left_out


def variants_of(
    before: Sequence[VariantIn], groups: Sequence[Group], left_out: set[int], saved: Sequence[Segment]
) -> list[VariantIn]:
    """The variants that the groups mean; each keeps its text, a new one begins with the first group's."""
    kept = {str(place): mine for place, mine in enumerate(_alike(before))}
    out = [one.definition for one in saved if one.id in left_out]
    made = []
    for group in groups:
        definition = {"all": [group.definition, *({"not": one} for one in out)]} if out else group.definition
        mine = kept.get(group.was, [])
        shares = [int(share) for share in group.split.split("/")]
        for place, share in enumerate(shares):
            text = mine[min(place, len(mine) - 1)] if mine else before[0]
            name = f"{group.name} · {LETTERS[place]}" if len(shares) > 1 else group.name
            fresh = VariantIn(name, definition, text.template, text.defaults)
            made.append(replace(fresh, share=share) if len(shares) > 1 else fresh)
    return made


def _alike(variants: Sequence[VariantIn]) -> list[list[VariantIn]]:
    """Variants that share the people of one segment stand together, every other one alone."""
    keyed = groupby(enumerate(variants), key=lambda one: (one[1].share is not None and str(one[1].segment)) or one[0])
    return [[variant for _, variant in some] for _, some in keyed]


def _taken_apart(definition: dict[str, Any], saved: Sequence[Segment]) -> tuple[dict[str, Any], set[int]]:
    """A definition without the saved segments that are left out of it, and their ids."""
    parts = definition.get("all", [])
    by_definition = {str(one.definition): one.id or 0 for one in saved}
    tail = [by_definition.get(str(part["not"])) if set(part) == {"not"} else None for part in parts[1:]]
    if not tail or None in tail:
        return definition, set()
    return parts[0], {one for one in tail if one}


def _saved() -> list[Segment]:
    with runtime().db.read() as session:
        return saved_segments.in_full(session)


def _typed(found: Building) -> tuple[list[Group], set[int]]:
    saved = {str(one.id): one for one in _saved()}
    before, _ = read_groups(found.written.variants, list(saved.values()))
    old = {one.was: one for one in before}
    groups = []
    columns = zip(*(request.form.getlist(name) for name in ("segment", "split", "was")), strict=False)
    for segment, split, was in list(columns)[:MOST_GROUPS]:
        known, earlier = saved.get(segment), old.get(was)
        definition = known.definition if known else earlier.definition if segment == KEPT and earlier else {}
        name = known.name if known else earlier.name if segment == KEPT and earlier else "Everyone"
        fits = split if split in SPLITS or (earlier and split == earlier.split) else "100"
        groups.append(Group(segment, fits, was, definition, name))
    left_out = {int(one) for one in request.form.getlist("out") if one in saved}
    return groups or before, left_out


def _page(found: Building, groups: Sequence[Group], left_out: set[int], error: str) -> str:
    values = _counted(found, groups, left_out)
    frame = building.frame(found, "audience")
    values["audience_at"] = request.form.get("audience_at", found.written.audience_at)
    return render_template("builder/audience.html", error=error, splits=SPLITS, **values, **frame)


def _counted(found: Building, groups: Sequence[Group], left_out: set[int]) -> dict[str, Any]:
    saved = _saved()
    wanted = variants_of(found.written.variants, groups, left_out, saved)
    definitions = list({str(one.segment): one.segment for one in wanted}.values())
    program, purpose = found.campaign.program_id, found.written.purpose
    with runtime().db.read() as session:
        whole = {"any": definitions} if len(definitions) > 1 else definitions[0]
        counted = who(session, written_out(session, whole), program, purpose, SHOWN)
    return {
        "groups": groups,
        "left_out": left_out,
        "saved": saved,
        "who": counted,
        "brand": found.program.brand,
    }
