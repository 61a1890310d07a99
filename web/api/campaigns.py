"""What is sent by people: programs, templates and campaigns, as other software may see and stop them."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from guards.finding import Severity
from sender.audience.segments import SegmentError
from sender.campaigns import control, library, programs, reports, writing
from sender.campaigns.control import ControlError
from sender.campaigns.rehearsal import rehearse
from sender.campaigns.rendering import TemplateError
from sender.models import Campaign, Program
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import Asked, Page, cursor_of, named, shape

PROGRAM = {"slug": "acme", "brand": "Acme", "purposes": ["marketing"], "countries": ["US"], "short_links": False}
TEMPLATE = {"name": "welcome", "version": 2, "text": "Hi {{ first_name }}, welcome.", "program": "acme"}
CAMPAIGN = {
    "id": "cmp_4",
    "name": "Spring sale",
    "program": "acme",
    "purpose": "marketing",
    "status": "running",
    "paused_why": "",
    "start_at": "2026-03-10T15:00:00Z",
    "end_at": None,
    "messages": {"pending": 120, "delivered": 1880},
    "audience_at": "start",
    "recipients": 2000,
    "created_at": "2026-03-09T09:00:00Z",
}
FINDING = {
    "code": "register_outdated",
    "severity": "warning",
    "sentence": "The copy of the National Do Not Call Registry (US) is of 2026-02-01: 37 days old then, and may be 31.",
    "mend": "Take in a newer one: “Number files”, or `tactful numbers do-not-call FILE --country US`.",
    "times": 1,
}
Status = Literal["draft", "submitted", "approved", "scheduled", "running", "paused", "finished", "cancelled"]
AudienceAt = Literal["start", "submission"]

door = ApiDoor("api_campaigns", __name__)


class ProgramOut(BaseModel):
    """A brand and purpose people opt in to."""

    model_config = shape(PROGRAM)
    slug: str
    brand: str
    purposes: list[str]
    countries: list[str]
    short_links: bool = Field(description="Its links are made short, and clicks counted.")


class ProgramList(BaseModel):
    """The key's programs, by brand."""

    model_config = shape({"data": [PROGRAM]})
    data: list[ProgramOut]


class TemplateOut(BaseModel):
    """A text of the library in its newest version."""

    model_config = shape(TEMPLATE)
    name: str
    version: int
    text: str
    program: str | None = Field(description="Null: for all programs.")


class TemplateList(BaseModel):
    """The library, by name."""

    model_config = shape({"data": [TEMPLATE]})
    data: list[TemplateOut]


class CampaignOut(BaseModel):
    """A campaign and where its messages are."""

    model_config = shape(CAMPAIGN)
    id: str
    name: str
    program: str
    purpose: str
    status: Status
    paused_why: str
    start_at: datetime | None
    end_at: datetime | None
    messages: dict[str, int] = Field(description="How many are in each state; empty before it is planned.")
    audience_at: AudienceAt = Field(
        description="When it is decided who is in it; at the `submission`, exactly they get it."
    )
    recipients: int | None = Field(description="How many were counted at the last submission or approval.")
    created_at: datetime


class AudienceWrite(Asked):
    """When it is decided who is in a campaign."""

    model_config = shape({"audience_at": "submission"}, strict=True)
    audience_at: AudienceAt


class CampaignPage(Page):
    """Which campaigns."""

    status: Status | None = None


class CampaignList(BaseModel):
    """A page of campaigns, newest first."""

    model_config = shape({"data": [CAMPAIGN], "next_cursor": None})
    data: list[CampaignOut]
    next_cursor: str | None


class FindingOut(BaseModel):
    """One thing to know before it starts, and what to do about it."""

    model_config = shape(FINDING)
    code: str
    severity: Severity = Field(description="`stop` keeps texts from leaving, `warning` wants a person to look.")
    sentence: str
    mend: str
    times: int = Field(description="In how many of the texts that were judged.")


class RehearsalOut(BaseModel):
    """What a start would do, counted with the real audience and the real guards. Nothing is written or sent."""

    model_config = shape(
        {
            "at": "2026-03-10T15:00:00Z",
            "people": 2000,
            "verdicts": {"allow": 1900, "defer": 55, "block": 45},
            "reasons": {"block:opted_out": 45},
            "parts": 1955,
            "worst_parts": 1,
            "cost": 16.2265,
            "findings": [FINDING],
        }
    )
    at: datetime
    people: int
    verdicts: dict[str, int]
    reasons: dict[str, int]
    parts: int
    worst_parts: int
    cost: float = Field(description="At least, in the currency of reports.")
    findings: list[FindingOut] = Field(description="What there is to say about words, countries and lists.")


@door.operation("GET", "/programs", scope="programs:read", answer=ProgramList)
def list_programs(call: Call) -> ProgramList:
    """The programs this key may use."""
    found = programs.listing(call.session, call.key.programs or None)
    same = ("slug", "brand", "purposes", "countries")
    data = [ProgramOut(**{name: getattr(one, name) for name in same}, short_links=bool(one.links)) for one in found]
    return ProgramList(data=data)


@door.operation("GET", "/templates", scope="templates:read", answer=TemplateList)
def list_templates(call: Call) -> TemplateList:
    """The library of texts: those of this key's programs, and those for all of them."""
    slugs = {one.id: one.slug for one in programs.listing(call.session)}
    data = [
        TemplateOut(name=one.name, version=one.version, text=one.text, program=slugs.get(one.program_id))
        for one in library.templates(call.session)
        if one.program_id is None or call.may_use(one.program_id)
    ]
    return TemplateList(data=data)


@door.operation("GET", "/campaigns", scope="campaigns:read", query=CampaignPage, answer=CampaignList)
def list_campaigns(call: Call, query: CampaignPage) -> CampaignList:
    """The campaigns of this key's programs, newest first."""
    start, mine = query.after or 0, call.key.programs or None
    found = reports.listing(call.session, mine, query.limit + 1, offset=start, status=query.status or "")
    more = cursor_of(start + query.limit) if len(found) > query.limit else None
    data = [_told(call, call.session.get_one(Campaign, one.id)) for one in found[: query.limit]]
    return CampaignList(data=data, next_cursor=more)


@door.operation("GET", "/campaigns/<campaign_id>", scope="campaigns:read", answer=CampaignOut, problems=("not_found",))
def show_campaign(call: Call, campaign_id: str) -> CampaignOut:
    """One campaign."""
    return _told(call, _found(call, campaign_id))


@door.operation(
    "POST", "/campaigns/<campaign_id>/rehearsals", scope="campaigns:read", answer=RehearsalOut, transaction="own",
    problems=("not_found", "not_possible"),
)  # fmt: skip
def rehearse_campaign(call: Call, campaign_id: str) -> RehearsalOut:
    """Run the real audience through the real guards at the planned time. It takes a while for a large audience."""
    with call.runtime.db.read() as call.within:
        campaign = _found(call, campaign_id).id or 0
    try:
        found = rehearse(call.runtime, campaign)
    except (SegmentError, TemplateError) as error:
        raise ApiProblem("not_possible", str(error)) from error
    return RehearsalOut(
        at=found.at,
        people=found.total,
        verdicts=dict(found.verdicts),
        reasons={":".join(filter(None, key)): number for key, number in found.reasons.items()},
        parts=found.parts,
        worst_parts=found.worst_parts,
        cost=found.cost / 10_000,
        findings=[
            FindingOut(code=one.code, severity=one.severity, sentence=one.sentence, mend=one.mend, times=times)
            for one, times in found.findings.values()
        ],
    )


@door.operation(
    "POST", "/campaigns/<campaign_id>/pause", scope="campaigns:write", answer=CampaignOut, transaction="own",
    problems=("not_found", "not_possible"),
)  # fmt: skip
def pause_campaign(call: Call, campaign_id: str) -> CampaignOut:
    """Open no more gates of it; what is on the wire goes its way."""
    return _steer(call, campaign_id, "pause")


@door.operation(
    "POST", "/campaigns/<campaign_id>/resume", scope="campaigns:write", answer=CampaignOut, transaction="own",
    problems=("not_found", "not_possible"),
)  # fmt: skip
def resume_campaign(call: Call, campaign_id: str) -> CampaignOut:
    """Go on where it stopped, if it is still what people approved."""
    return _steer(call, campaign_id, "resume")


@door.operation(
    "POST", "/campaigns/<campaign_id>/cancel", scope="campaigns:write", answer=CampaignOut, transaction="own",
    problems=("not_found", "not_possible"),
)  # fmt: skip
def cancel_campaign(call: Call, campaign_id: str) -> CampaignOut:
    """End it for good: what waits is dropped."""
    return _steer(call, campaign_id, "cancel")


@door.operation(
    "PUT", "/campaigns/<campaign_id>/audience", scope="campaigns:write", body=AudienceWrite, answer=CampaignOut,
    transaction="own", problems=("not_found", "not_possible"),
)  # fmt: skip
def decide_audience(call: Call, campaign_id: str, body: AudienceWrite) -> CampaignOut:
    """Say of a draft when its people are decided: when it starts, or when it is handed in, and then exactly they."""
    with call.runtime.db.read() as call.within:
        found = _found(call, campaign_id)
        wanted, edits = writing.written(call.session, found.id or 0), found.edits
    if found.status != "draft":
        raise ApiProblem(
            "not_possible", f"Campaign {found.name!r} is {found.status}; only of a draft this may be said."
        )
    fresh = replace(wanted, variants=list(wanted.variants), audience_at=body.audience_at)
    try:
        writing.edit(call.runtime, found.id or 0, fresh, call.key.actor, edits)
    except ControlError as error:
        raise ApiProblem("not_possible", str(error)) from error
    with call.runtime.db.read() as call.within:
        return _told(call, _found(call, campaign_id))


def _steer(call: Call, name: str, act: Literal["pause", "resume", "cancel"]) -> CampaignOut:
    with call.runtime.db.read() as call.within:
        campaign_id = _found(call, name).id or 0
    do = {"pause": control.pause, "resume": control.resume, "cancel": control.cancel}[act]
    try:
        do(call.runtime, campaign_id, call.key.actor)
    except ControlError as error:
        raise ApiProblem("not_possible", str(error)) from error
    with call.runtime.db.read() as call.within:
        return _told(call, _found(call, name))


def _found(call: Call, name: str) -> Campaign:
    row = call.session.get(Campaign, named("cmp", name, "campaign"))
    if row is None or not call.may_use(row.program_id):
        raise ApiProblem("not_found", "There is no such campaign that this key may see.")
    return row


def _told(call: Call, row: Campaign) -> CampaignOut:
    counts = reports.counts_by_status(call.session, [row.id or 0]).get(row.id or 0, {})
    same = (
        "name", "purpose", "status", "paused_why", "start_at", "end_at", "created_at", "audience_at", "recipients",
    )  # fmt: skip
    program = call.session.get_one(Program, row.program_id).slug
    return CampaignOut(id=f"cmp_{row.id}", program=program, messages=counts, **{one: getattr(row, one) for one in same})
