"""Decides, for a slice of contacts, which text each would get and what the guards say of it. Writes nothing.

Planning and rehearsal both ask here, so a rehearsal counts exactly what a start would plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from guards import WORDS, opt_out_footer
from guards.base import Block, Defer, Draft, Facts, Purpose
from guards.chain import Cleared, Refused, run
from guards.local_start import last_of
from sender.audience import registers
from sender.audience.facts import Asked, Common, FactsLoader, Known, drops_of, policy_of
from sender.audience.links import own_page_link
from sender.audience.pools import choose, last_lines, pool_of
from sender.campaigns import parts, prices, short_links, starts
from sender.campaigns.audience import Audience, Member, audience_of
from sender.campaigns.rendering import RenderError, Template, compile_template
from sender.models import Campaign, FromNumber, Program, Variant
from sender.runtime import Runtime

OWN_PAGE = "preferences_link"
"""The field of a template that is the link to the person's own page."""


class Planned(NamedTuple):
    """What one member would get: the text with its footer, and the chain's answer.

    ``cost`` is what a budget sets aside for it, in ten-thousandths; ``draft`` the words before the chain.
    ``keeps``: its from_number is the one that texted this person before, out of several. ``links`` are the targets of
    its short links by token.
    """

    member: Member
    text: str
    parts: int
    from_number_id: int | None
    outcome: Cleared | Refused
    known: Known | None
    cost: int = 0
    draft: Draft | None = None
    keeps: bool = False
    links: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Plan:
    """Everything of a campaign that is the same for all its members, read and compiled once.

    Only where it is planned ``for_real`` do links to people's own pages work; who looks ahead sees one to nowhere.
    """

    campaign_id: int
    program_id: int
    purpose: Purpose
    ends_at: datetime | None
    audience: Audience
    templates: dict[int, Template]
    names: dict[int, str]
    lines: tuple[FromNumber, ...]
    languages: dict[int, str] = field(default_factory=dict)
    local_start: datetime | None = None
    zones: tuple[str, ...] = ()
    subject: str | None = None
    price_table: prices.Table = field(default_factory=prices.table)
    rate: float | None = None
    links: short_links.Rule | None = None
    for_real: bool = False
    common: Common | None = None
    priced: dict[tuple[str | None, str, date], prices.Price | None] = field(default_factory=dict)

    def price(self, country: str | None, kind: str, on: date) -> prices.Price | None:
        """What one part costs, looked up once for each country, kind of from_number and day."""
        key = country, kind, on
        if key not in self.priced:
            self.priced[key] = prices.price(country, kind, on, self.price_table)
        return self.priced[key]


def load_plan(
    session: Session, campaign: Campaign, program: Program | None = None, variants: Sequence[Variant] | None = None
) -> Plan:
    """Read and compile a campaign's variants. Raises SegmentError or TemplateError, each one sentence.

    Whoever has read program and variants (in the order of their positions) hands them over.
    """
    program = program or session.get_one(Program, campaign.program_id)
    variants = variants_of(session, campaign.id or 0) if variants is None else variants
    of_program = select(FromNumber).where(col(FromNumber.program_id) == campaign.program_id)
    lines = tuple(session.execute(of_program.order_by(col(FromNumber.id).desc())).scalars())
    session.expunge_all()
    return Plan(
        campaign.id or 0,
        campaign.program_id,
        Purpose(campaign.purpose),
        campaign.end_at,
        audience_of(campaign, variants),
        {variant.id or 0: compile_template(variant.template, variant.defaults) for variant in variants},
        {variant.id or 0: variant.name for variant in variants},
        lines,
        {variant.id or 0: language_of(variant.segment) for variant in variants},
        starts.wall_time(campaign.local_start),
        starts.zones_of(program.countries),
        campaign.subject,
        prices.known(session),
        campaign.rate,
        links=short_links.rule_of(program, campaign.name),
        common=Common(
            {campaign.program_id: (policy_of(program), program.link_footer)},
            {campaign.id or 0: drops_of(campaign.outside_hours, campaign.over_cap)},
            {line.id or 0: line for line in lines},
            registers.live(session),
        ),
    )


def variants_of(session: Session, campaign_id: int) -> list[Variant]:
    """A campaign's variants in the order of their positions."""
    mine = select(Variant).where(col(Variant.campaign_id) == campaign_id).order_by(col(Variant.position))
    return list(session.execute(mine).scalars())


def language_of(segment: Mapping[str, Any]) -> str:
    """The one language whose speakers a segment takes, such as "es"; empty where it takes several or does not say."""
    if segment.get("field") == "language":
        told = segment.get("is") or segment.get("starts_with") or ""
        return str(told).split("-")[0].lower()
    told_by = [language_of(part) for part in (*segment.get("all", ()), *segment.get("any", ()))]
    if "any" in segment:
        return told_by[0] if len(set(told_by)) == 1 else ""
    return next(filter(None, told_by), "")


def decide(runtime: Runtime, session: Session, plan: Plan, some: Sequence[Member], now: datetime) -> list[Planned]:
    """What each of these members would get at ``now``, and the guards' answer for it."""
    pools = {country: pool_of(plan.lines, country) for country in {member.country for member in some}}
    last = last_lines(session, plan.program_id, [member.number_id for member in some], pools.values())
    lines = {one.contact_id: choose(pools[one.country], one.number_id, last.get(one.number_id)) for one in some}
    asked = [_asked(plan, member, lines[member.contact_id]) for member in some]
    loader = FactsLoader(runtime.keys, runtime.settings.address)
    known = _at_their_start(plan, loader.load(session, asked, now, runtime.clock.margin, common=plan.common))
    decided = (_decide_one(runtime, plan, one, lines[one.contact_id], known.get(one.contact_id)) for one in some)
    return (
        [
            one._replace(keeps=one.from_number_id is not None and last.get(one.member.number_id) == one.from_number_id)
            for one in decided
        ]
        if last
        else list(decided)
    )


def _at_their_start(plan: Plan, known: dict[int, Known]) -> dict[int, Known]:
    """Ask the guards about the hour at which each person is to be texted, where that is still to come."""
    if plan.local_start is None:
        return known
    moved = {}
    for key, one in known.items():
        begins = last_of(plan.local_start, one.facts.places.zones or plan.zones)
        later = replace(one.facts, now=begins, queue=timedelta()) if begins > one.facts.now else one.facts
        moved[key] = replace(one, facts=later)
    return moved


def _asked(plan: Plan, member: Member, line: FromNumber | None) -> Asked:
    line_id = line.id if line else None
    return Asked(
        member.contact_id,
        member.number_id,
        plan.program_id,
        plan.purpose,
        line_id,
        plan.ends_at,
        campaign_id=plan.campaign_id,
    )


def _decide_one(runtime: Runtime, plan: Plan, member: Member, line: FromNumber | None, known: Known | None) -> Planned:
    if known is None:
        return Planned(member, "", 0, None, _block("erased"), None)
    try:
        template = plan.templates[member.variant_id]
        words = template.render({**context(member), **_own_links(runtime, plan, member, template)})
    except RenderError as error:
        return Planned(member, "", 0, None, _block("render_error", str(error)), known)
    policy, address = known.facts.policy, runtime.settings.address
    short = short_links.shorten(words, plan.purpose, policy, plan.links, address)
    draft = Draft(short.words, plan.purpose, subject=plan.subject, language=plan.languages.get(member.variant_id, ""))
    outcome = run(draft, known.facts, runtime.chain)
    if line is None and not (isinstance(outcome, Refused) and isinstance(outcome.verdict, Block)):
        outcome = _block("no_from_number", f"the program has no from_number for {member.country}")
    text, outcome = final_text(outcome, draft, known.facts)
    size = most_parts(text, draft, known.facts)
    if len(text) > parts.MAX_BODY:
        outcome = _block("too_long", f"{len(text)} characters with its footer; the most is {parts.MAX_BODY}")
    kind, today = line.kind if line else "", known.facts.now.date()
    each = prices.set_aside(plan.price(member.country, kind, today), plan.price_table)
    return Planned(
        member, text, size, line.id if line else None, outcome, known, size * each, draft, links=short.targets
    )


def final_text(outcome: Cleared | Refused, draft: Draft, facts: Facts) -> tuple[str, Cleared | Refused]:
    """The words as they will leave: a deferred text is frozen with its footer too, so its parts are the true ones.

    What its words would stop then stops it now.
    """
    if isinstance(outcome, Cleared):
        return outcome.draft.text, outcome
    worded = run(draft, facts, WORDS)
    if isinstance(worded, Cleared):
        return worded.draft.text, outcome
    return draft.text, worded if isinstance(outcome.verdict, Defer) else outcome


def most_parts(text: str, draft: Draft, facts: Facts) -> int:
    """The parts of the text, with the longest footer where it may become due before the text leaves."""
    policy = facts.policy
    if policy.footer_every_days <= 0 or text.endswith(opt_out_footer.footer_for(facts)):
        return parts.count(text).parts
    worst = opt_out_footer.worst(text, policy.brand.strip(), opt_out_footer.footer_for(facts), draft.language)
    return max(parts.count(text).parts, parts.count(worst).parts)


def _own_links(runtime: Runtime, plan: Plan, member: Member, template: Template) -> dict[str, str]:
    """The link to the person's own page, where the text has one."""
    if OWN_PAGE not in template.used:
        return {}
    number_id = member.number_id if plan.for_real else 0
    return {OWN_PAGE: own_page_link(runtime.keys, runtime.settings.address, number_id, runtime.clock.now())}


def _block(reason: str, note: str = "") -> Refused:
    return Refused(Block(reason, note=note), "planner", ())


def context(member: Member) -> dict[str, Any]:
    """The fields a template may name: the attributes, and what is known of the contact itself."""
    own = {
        "language": member.language,
        "country": member.country,
        "postal_code": member.postal_code,
        "region": member.region,
    }
    return {**{name: value for name, value in own.items() if value is not None}, **member.attributes}
