"""What an approval is bound to: digests over a campaign's words, audience, timing and limits, and its program's.

The gate, the planner and the scheduler compare them with what was approved (design D1.7). They are made of what the
database holds, so a change that nobody announced counts as well.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, select
from sqlmodel import Session

from sender.db import run_below
from sender.models import Campaign, Program, Variant

PARTS = {
    "texts": ("purpose", "subject"),
    "audience": ("rest_of",),
    "timing": ("begins_at", "local_start", "end_at", "outside_hours"),
    "limits": ("budget", "daily_budget", "rate", "over_cap", "subject"),
}
"""The columns of a campaign by the part of an approval that they belong to."""

OF_PROGRAM = (
    "brand", "footer", "link_footer", "footer_every_days", "refusals", "caps", "hours", "countries", "loosened",
    "opt_out_scope", "max_parts", "domains", "age_gate",
)  # fmt: skip
"""The settings of a program that shape what people get, and when."""

_CAMPAIGNS, _PROGRAMS, _VARIANTS = Campaign.__table__, Program.__table__, Variant.__table__  # type: ignore[attr-defined]
_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_OWN = (
    "id",
    "program_id",
    "approved_hash",
    "audience_at",
    "frozen_digest",
    *(name for names in PARTS.values() for name in names),
)
_READ_CAMPAIGNS = select(*(_CAMPAIGNS.c[name] for name in _OWN)).where(_CAMPAIGNS.c.id.in_(_IDS))
_READ_PROGRAMS = select(_PROGRAMS.c.id, _PROGRAMS.c.links, *(_PROGRAMS.c[name] for name in OF_PROGRAM)).where(
    _PROGRAMS.c.id.in_(_IDS)
)
_WORDS = ("campaign_id", "name", "template", "defaults", "segment", "share")
_READ_VARIANTS = (
    select(*(_VARIANTS.c[name] for name in _WORDS))
    .where(_VARIANTS.c.campaign_id.in_(_IDS))
    .order_by(_VARIANTS.c.campaign_id, _VARIANTS.c.position)
)


def parts_of(session: Session, campaign_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """The digest of each part (texts, audience, timing, limits, program) by campaign, as the database holds it now."""
    return {found["id"]: parts for found, parts in _read(session, campaign_ids)}


def hash_of(parts: Mapping[str, str]) -> bytes:
    """The one hash that an approval is bound to."""
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode()).digest()


def strayed(session: Session, campaign_ids: Collection[int]) -> set[int]:
    """Which of these campaigns are no longer what was approved.

    One without any approval was begun by a version that knew none; it cannot be started again without.
    """
    return {
        found["id"]
        for found, parts in _read(session, campaign_ids)
        if found["approved_hash"] is not None and found["approved_hash"] != hash_of(parts)
    }


def _read(session: Session, campaign_ids: Collection[int]) -> list[tuple[Mapping[str, Any], dict[str, str]]]:
    if not campaign_ids:
        return []
    wanted = {"ids": sorted(campaign_ids)}
    found = run_below(session, _READ_CAMPAIGNS, wanted).mappings().all()
    programs = run_below(session, _READ_PROGRAMS, {"ids": sorted({row["program_id"] for row in found})}).mappings()
    variants: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in run_below(session, _READ_VARIANTS, wanted).mappings():
        variants[row["campaign_id"]].append(row)
    by_id = {row["id"]: row for row in programs}
    return [(row, _parts(row, by_id[row["program_id"]], variants[row["id"]])) for row in found]


def _parts(
    campaign: Mapping[str, Any], program: Mapping[str, Any], variants: list[Mapping[str, Any]]
) -> dict[str, str]:
    values: dict[str, Any] = {part: [campaign[name] for name in names] for part, names in PARTS.items()}
    values["texts"] += [[one["name"], one["template"], one["defaults"]] for one in variants]
    values["audience"] += [[one["segment"], one["share"]] for one in variants]
    # Named only where the people are fixed: other approvals go on holding.
    if campaign["audience_at"] != "start":
        values["audience"] += [campaign["audience_at"], (campaign["frozen_digest"] or b"").hex()]
    values["program"] = [campaign["program_id"], *(program[name] for name in OF_PROGRAM)]
    # Named only where links are shortened: approvals from before there was such a thing go on holding.
    values["program"] += [program["links"]] if program["links"] else []
    return {part: _digest(value) for part, value in values.items()}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=_written).encode()).hexdigest()[:16]


def _written(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
