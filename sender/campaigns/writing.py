"""Writing a campaign: checked and kept as a draft, changed as a whole; a change ends what was approved."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience import segments
from sender.audience.nested_segments import written_out
from sender.campaigns import findings, library, second_person, starts
from sender.campaigns.approval import NOTHING_APPROVED
from sender.campaigns.audience import AT_START, AT_SUBMISSION, WHOLE, together
from sender.campaigns.moves import ControlError, audit, one
from sender.campaigns.planning import variants_of
from sender.campaigns.rendering import compile_template
from sender.locks import close_campaign
from sender.models import Audit, Campaign, Program, Variant
from sender.runtime import Runtime

_SAME = (
    "name", "end_at", "budget", "daily_budget", "rate", "begins_at", "local_start", "subject", "outside_hours",
    "over_cap", "audience_at",
)  # fmt: skip
"""What a campaign's row calls as :class:`CampaignIn` does."""
_JSON = ("segment", "defaults")
WAITS_OR_NOT = ("defer", "drop")


class WordsDoubted(ControlError):
    """Words of marketing under a laxer purpose want a second person to vouch for them."""


@dataclass(frozen=True, slots=True)
class VariantIn:
    """One variant as it is written: a name, a segment definition, a template and its fields' defaults.

    ``saved`` ("welcome" or "welcome@3") takes text and defaults from the library instead. ``share`` (1 to 99 per cent)
    divides one segment's people among variants that stand side by side; their shares make 100.
    """

    name: str
    segment: dict[str, Any]
    template: str = ""
    defaults: dict[str, Any] = field(default_factory=dict)
    share: int | None = None
    saved: str = ""


@dataclass(frozen=True, slots=True)
class CampaignIn:
    """A campaign as it is written. Instants are aware; budgets are ten-thousandths of the price table's currency.

    ``second_person`` confirms that words which look like marketing are of a laxer purpose. The start is ``begins_at``,
    or ``local_start`` ("2026-03-10T10:00" where each recipient is), or, without both, whenever somebody starts it.
    ``rate``: at most so many parts a second of it. ``subject`` is what the texts are about, for caps; ``outside_hours``
    and ``over_cap`` are "defer" or "drop". ``audience_at``: it is decided at the "start" who is in it, or fixed at the
    "submission".
    """

    name: str
    program: str
    variants: Sequence[VariantIn]
    purpose: Purpose = Purpose.MARKETING
    end_at: datetime | None = None
    budget: int | None = None
    daily_budget: int | None = None
    second_person: str = ""
    begins_at: datetime | None = None
    local_start: str = ""
    subject: str | None = None
    outside_hours: str = "defer"
    over_cap: str = "defer"
    rate: float | None = None
    audience_at: str = AT_START


def create(runtime: Runtime, wanted: CampaignIn, actor: str) -> int:
    """Check and keep a draft; returns its id. ControlError, SegmentError or TemplateError say what to mend."""
    with runtime.db.write() as session:
        return add(session, runtime, wanted, actor, {})


def add(
    session: Session,
    runtime: Runtime,
    wanted: CampaignIn,
    actor: str,
    detail: Mapping[str, Any],
    words_of: int = 0,
    **more: Any,
) -> int:
    """The same in an open transaction; ``detail`` goes into the audit, ``more`` into the campaign's columns.

    Words of the campaign ``words_of`` need nobody to vouch for them once more.
    """
    columns, rows, doubted = _checked(session, wanted, actor, words_of=words_of)
    now = runtime.clock.now()
    campaign = Campaign(**columns, **more, created_by=actor, edited_by=actor, created_at=now)
    session.add(campaign)
    session.flush()
    _keep_variants(session, campaign.id or 0, rows)
    told = {"name": wanted.name, "second_person": wanted.second_person, **detail}
    audit(session, now, actor, "campaign.create", campaign.id or 0, told)
    _record_confirmed(session, now, actor, campaign.id or 0, wanted, doubted)
    return campaign.id or 0


def written(session: Session, campaign_id: int) -> CampaignIn:
    """A campaign as it is written now: change it with ``dataclasses.replace`` and hand it to :func:`edit`."""
    campaign = one(session, campaign_id)
    return as_written(campaign, session.get_one(Program, campaign.program_id), variants_of(session, campaign_id))


def with_program(session: Session, campaign_id: int) -> tuple[Campaign, Program] | None:
    """A campaign and its program; None where there is no such campaign."""
    joined = select(Campaign, Program).join(Program, col(Program.id) == col(Campaign.program_id))
    row = session.execute(joined.where(col(Campaign.id) == campaign_id)).first()
    return None if row is None else (row[0], row[1])


def as_written(campaign: Campaign, program: Program, rows: Sequence[Variant]) -> CampaignIn:
    """The same of rows that the caller has read, variants in the order of their positions."""
    variants = [VariantIn(row.name, row.segment, row.template, row.defaults, row.share) for row in rows]
    values = {name: getattr(campaign, name) for name in _SAME}
    return CampaignIn(program=program.slug, variants=variants, purpose=Purpose(campaign.purpose), **values)


def vouched(session: Session, campaign: Campaign) -> Mapping[str, Any] | None:
    """Who last vouched that words which look like marketing are of the campaign's purpose, ``by`` whom and ``at``."""
    mine = (
        col(Audit.action) == "campaign.words_confirmed",
        col(Audit.subject) == f"campaign {campaign.id}",
    )
    found = session.execute(select(Audit).where(*mine).order_by(col(Audit.id).desc()).limit(1)).scalar()
    if found is None or found.detail["purpose"] != campaign.purpose:
        return None
    return {**found.detail, "by": found.actor, "at": found.at}


def edit(runtime: Runtime, campaign_id: int, wanted: CampaignIn, actor: str, seen: int | None = None) -> str:
    """Make a campaign what ``wanted`` says; returns a sentence that says what became of its approval.

    A submitted, approved or scheduled campaign becomes a draft again. Of a paused one that has begun only the
    budgets and the rate can change. Words that were kept for this program and purpose already need no second person
    once more. ``seen`` is the number of edits (``Campaign.edits``) that the writer looked at.
    """
    with runtime.db.write() as session:
        close_campaign(session, campaign_id)
        campaign = one(session, campaign_id)
        if seen is not None and seen != campaign.edits:
            raise ControlError(f"Campaign {campaign.name!r} was changed by {campaign.edited_by} meanwhile; look again.")
        begun = campaign.status == "paused" and campaign.audience_end is not None
        _require_editable(session, campaign, wanted, begun)
        columns, rows, doubted = _checked(session, wanted, actor, campaign_id, campaign_id)
        if not begun:
            _keep_variants(session, campaign_id, rows)
        said = _void(session, campaign, columns, actor, begun)
        detail = {"second_person": wanted.second_person, "said": said}
        audit(session, runtime.clock.now(), actor, "campaign.edit", campaign_id, detail)
        _record_confirmed(session, runtime.clock.now(), actor, campaign_id, wanted, doubted)
    return said


def _require_editable(session: Session, campaign: Campaign, wanted: CampaignIn, begun: bool) -> None:
    name = campaign.name
    if campaign.status in ("running", "finished", "cancelled"):
        mend = "pause it first" if campaign.status == "running" else "duplicate it instead"
        raise ControlError(f"Campaign {name!r} is {campaign.status} and cannot be edited; {mend}.")
    now = written(session, campaign.id or 0)
    limits = {what: getattr(now, what) for what in ("budget", "daily_budget", "rate", "second_person")}
    if begun and replace(wanted, variants=list(wanted.variants), **limits) != now:
        raise ControlError(
            f"Campaign {name!r} has begun; only its budgets and its rate can change. Cancel and duplicate it instead."
        )


def _void(session: Session, campaign: Campaign, columns: Mapping[str, Any], actor: str, begun: bool) -> str:
    """Write the columns; an approval that was for something else is no more."""
    approved, was = campaign.approved_hash is not None, campaign.status
    status = "paused" if begun else "draft"
    values = {**columns, **NOTHING_APPROVED, "status": status, "edited_by": actor, "edits": campaign.edits + 1}
    if not begun:
        values["frozen_digest"] = None
    mine = update(Campaign).where(col(Campaign.id) == campaign.id).execution_options(synchronize_session=False)
    session.execute(mine.values(**values))
    if was == "draft":
        return "Saved."
    ended = "its approval is void" if approved else "nobody has approved it"
    return f"Saved; {ended}: {'approve it, then resume' if begun else 'it is a draft again'}."


def _checked(
    session: Session, wanted: CampaignIn, actor: str, campaign_id: int = 0, words_of: int = 0
) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """The columns of the campaign and of its variants, once everything about them has been found good.

    Third, the variants whose words a second person had to confirm.
    """
    program = _program(session, wanted)
    taken = (col(Campaign.name) == wanted.name, col(Campaign.id) != campaign_id)
    if session.execute(select(col(Campaign.id)).where(*taken)).scalar() is not None:
        raise ControlError(f"There is a campaign {wanted.name!r} already; give this one another name.")
    rows = _variants(session, wanted)
    doubted = _check_words(session, wanted, rows, program, actor, _kept_words(session, wanted, program, words_of))
    _check_limits(wanted)
    _check_times(wanted)
    _check_waiting(wanted)
    columns = {name: getattr(wanted, name) for name in _SAME}
    return {**columns, "program_id": program.id or 0, "purpose": wanted.purpose.value}, rows, doubted


def _program(session: Session, wanted: CampaignIn) -> Program:
    if not wanted.variants:
        raise ControlError(f"Campaign {wanted.name!r} has no variant; give it a segment and a template.")
    program: Program | None = session.execute(select(Program).where(col(Program.slug) == wanted.program)).scalar()
    if program is None:
        raise ControlError(f"There is no program {wanted.program!r}; `tactful program list` shows them.")
    if wanted.purpose.value not in program.purposes:
        raise ControlError(f"Program {wanted.program!r} does not send {wanted.purpose.value} texts.")
    return program


def _variants(session: Session, wanted: CampaignIn) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for position, variant in enumerate(wanted.variants):
        text, defaults, version_id = variant.template, variant.defaults, None
        if variant.saved:
            text, defaults, version_id = library.taken(session, variant.saved, variant.defaults)
        segment = written_out(session, variant.segment)
        segments.parse(segment)
        compile_template(text, defaults)
        row = {"position": position, "name": variant.name, "segment": segment, "template": text}
        rows.append({**row, "defaults": defaults, "share": variant.share, "template_version_id": version_id})
    for _, some in groupby(rows, key=lambda row: together(row["share"], row["segment"], row["position"])):
        _check_shares([WHOLE if row["share"] is None else row["share"] for row in some])
    return rows


def _check_shares(shares: list[int]) -> None:
    if sum(shares) != WHOLE or min(shares) < 1:
        told = ", ".join(str(share) for share in shares)
        raise ControlError(
            f"The shares of one segment's variants are {told}; they must add up to 100, each at least 1."
        )


def _kept_words(session: Session, wanted: CampaignIn, program: Program, campaign_id: int) -> set[str]:
    """The texts that the campaign has already for the same program and purpose; they were vouched for if need was."""
    same = (
        col(Variant.campaign_id) == campaign_id,
        col(Campaign.program_id) == program.id,
        col(Campaign.purpose) == wanted.purpose.value,
    )
    texts = select(col(Variant.template)).join(Campaign, col(Campaign.id) == col(Variant.campaign_id)).where(*same)
    return set(session.execute(texts).scalars())


def _check_words(
    session: Session,
    wanted: CampaignIn,
    rows: Sequence[Mapping[str, Any]],
    program: Program,
    actor: str,
    kept: Collection[str],
) -> list[str]:
    """Refuse words that may not be kept; returns the names of those that a second person vouches for."""
    policy, doubted = findings.policy_for(program), []
    for row in rows:
        try:
            found = findings.check_template(row["name"], row["template"], wanted.purpose, policy)
            if row["template"] not in kept and second_person.doubtful(found, wanted.purpose):
                second_person.require(session, wanted.second_person, actor, program.id or 0, wanted.purpose)
                doubted.append(row["name"])
        except findings.FindingError as error:
            raise ControlError(str(error)) from error
        except second_person.NobodyConfirmed as error:
            raise WordsDoubted(f"Template {row['name']!r} has words of marketing. {error}") from error
    return doubted


def _check_limits(wanted: CampaignIn) -> None:
    if wanted.rate is not None and not 0 < wanted.rate < math.inf:
        raise ControlError(f"The rate of campaign {wanted.name!r} must be above 0; leave it out for no limit.")
    if any(budget is not None and budget < 1 for budget in (wanted.budget, wanted.daily_budget)):
        raise ControlError(f"The budget of campaign {wanted.name!r} must be above 0; leave it out for no limit.")


def _record_confirmed(
    session: Session, now: datetime, actor: str, campaign_id: int, wanted: CampaignIn, doubted: list[str]
) -> None:
    if doubted:
        who = wanted.second_person.strip()
        told = {"second_person": who, "purpose": wanted.purpose.value, "variants": doubted}
        audit(session, now, actor, "campaign.words_confirmed", campaign_id, told)


def _check_waiting(wanted: CampaignIn) -> None:
    for field_name in ("outside_hours", "over_cap"):
        if getattr(wanted, field_name) not in WAITS_OR_NOT:
            raise ControlError(
                f"The {field_name} of campaign {wanted.name!r} must be one of {', '.join(WAITS_OR_NOT)}."
            )
    if wanted.audience_at not in (AT_START, AT_SUBMISSION):
        raise ControlError(f"The audience_at of campaign {wanted.name!r} must be {AT_START} or {AT_SUBMISSION}.")


def _check_times(wanted: CampaignIn) -> None:
    if starts.wall_time(wanted.local_start) and wanted.begins_at is not None:
        raise ControlError(f"Campaign {wanted.name!r} has two starts; give begins_at or local_start, not both.")
    if wanted.begins_at is not None and wanted.end_at is not None and wanted.end_at <= wanted.begins_at:
        raise ControlError(f"Campaign {wanted.name!r} would end before it starts; move its end or its start.")


def _keep_variants(session: Session, campaign_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    session.execute(delete(Variant).where(col(Variant.campaign_id) == campaign_id))
    for row in rows:
        variant = Variant(campaign_id=campaign_id, **{name: row[name] for name in row if name not in _JSON})
        for name in _JSON:
            setattr(variant, name, row[name])
        session.add(variant)
    session.flush()
