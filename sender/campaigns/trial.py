"""Test texts: a variant as a chosen contact would read it, to one's own phone, through the same gate as every text."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from sender.audience.links import own_page_link
from sender.campaigns.audience import Member, members
from sender.campaigns.moves import ControlError, audit, one
from sender.campaigns.own_phones import proven
from sender.campaigns.planning import OWN_PAGE, Plan, context, load_plan
from sender.campaigns.rendering import RenderError
from sender.campaigns.single import Single, keep
from sender.locks import lock_numbers
from sender.models import Contact, Message, Number, Trial
from sender.runtime import Runtime

GOOD_FOR = timedelta(minutes=15)
_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Tried:
    """One test text of a campaign, newest first in lists."""

    message_id: int
    variant: str
    asked_by: str
    asked_at: datetime
    status: str
    reason: str


def send_test(
    runtime: Runtime, campaign_id: int, phone_id: int, actor: str, variant: str = "", contact_id: int | None = None
) -> int:
    """Text one variant (the first where none is named) to an own, proven phone; returns the message's id.

    Its fields are those of ``contact_id``, else of the first contact that the variant takes, else the defaults. The
    chain is asked as for any text, but for the program's own caps: its hours hold, and the law's caps. A test that
    cannot leave within 15 minutes is refused with the reason. ControlError says it.
    """
    now = runtime.clock.now()
    with runtime.db.read() as session:
        campaign = one(session, campaign_id)
        phone = proven(session, phone_id, actor, campaign.program_id)
        country = session.execute(select(col(Number.country)).where(col(Number.id) == phone.number_id)).scalar()
        plan = load_plan(session, campaign)
        variant_id = _variant(plan, variant)
        sample = _contact(session, contact_id, variant_id) if contact_id else _first(session, plan, variant_id, now)
    words = _words(runtime, plan, variant_id, sample)
    single = Single(
        plan.program_id, phone.number_id, country, words, plan.purpose, now + GOOD_FOR,
        plan.languages.get(variant_id, ""), plan.subject,
    )  # fmt: skip
    with runtime.db.write() as session:
        lock_numbers(session, [phone.number_id])
        message_id = keep(runtime, session, single)
        name, sample_id = plan.names[variant_id], sample.contact_id if sample else None
        session.add(
            Trial(message_id=message_id, campaign_id=campaign_id, variant=name, own_phone_id=phone_id,
                  contact_id=sample_id, asked_by=actor, asked_at=now)
        )  # fmt: skip
        audit(session, now, actor, "campaign.test", campaign_id, {"variant": name, "own_phone": phone_id})
    return message_id


def trials(session: Session, campaign_id: int, limit: int = 20) -> list[Tried]:
    """The newest test texts of a campaign and what became of them."""
    statement = (
        select(Trial, col(Message.status), col(Message.reason))
        .join(Message, col(Message.id) == col(Trial.message_id))
        .where(col(Trial.campaign_id) == campaign_id)
        .order_by(col(Trial.id).desc())
    )
    return [
        Tried(row.message_id, row.variant, row.asked_by, row.asked_at, status, reason)
        for row, status, reason in session.execute(statement.limit(limit))
    ]


def _variant(plan: Plan, name: str) -> int:
    for variant_id, known in plan.names.items():
        if name in ("", known):
            return variant_id
    raise ControlError(f"The campaign has no variant {name!r}; it has {', '.join(plan.names.values())}.")


def _words(runtime: Runtime, plan: Plan, variant_id: int, sample: Member | None) -> str:
    try:
        mine = {OWN_PAGE: own_page_link(runtime.keys, runtime.settings.address, 0, runtime.clock.now())}
        return plan.templates[variant_id].render({**(context(sample) if sample else {}), **mine})
    except RenderError as error:
        raise ControlError(f"{error} Choose another contact for the test.") from error


def _contact(session: Session, contact_id: int, variant_id: int) -> Member:
    contact = session.get(Contact, contact_id)
    if contact is None:
        raise ControlError(f"There is no contact {contact_id}; choose another one for the test.")
    country = session.execute(select(col(Number.country)).where(col(Number.id) == contact.number_id)).scalar()
    return Member(
        contact_id, contact.number_id, variant_id, country, contact.language, contact.postal_code, contact.region,
        contact.attributes,
    )  # fmt: skip


def _first(session: Session, plan: Plan, variant_id: int, now: datetime) -> Member | None:
    end = session.execute(select(func.max(col(Contact.id)))).scalar() or 0
    some = members(session, plan.audience, now, 0, end, _LOOKED_AT)
    return next((member for member in some if member.variant_id == variant_id), None)
