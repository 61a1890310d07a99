"""What a campaign came to, counted from its messages: every planned message is in exactly one state (promise 3)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from sender.models import Audit, Campaign, Contact, Installation, Message, Notice, Program, Variant
from sender.states import FINAL, REACHED_PROVIDER, WAITING, Status
from sender.watching.notices import standing

# What counts as done in a progress bar: nothing more will be sent for it.
SETTLED = frozenset(FINAL | {Status.SENT})
TRIED_AGAIN = frozenset({"gate_aged", "unreachable", "answer_lost", "worker_lost"})
LARGE = 500_000
"""From so many messages or contacts on, counting them may take longer than a page."""
KEYS_EXPORTED = "keys.export"
KEYS_MADE = "keys.make"


@dataclass(frozen=True, slots=True)
class Progress:
    """Messages of one campaign by state, and by state and reason (most first); ``parts`` are billed parts sent.

    ``deferred`` counts messages that wait because a guard put them off.
    """

    by_status: dict[str, int]
    by_reason: list[tuple[str, str, int]]
    total: int
    parts: int
    deferred: int

    @property
    def settled(self) -> int:
        """Messages for which nothing more will be sent."""
        return settled(self.by_status)


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted of a campaign's messages at one instant; ``by_variant`` by the variants' ids."""

    progress: Progress
    by_variant: dict[int, int]
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One campaign in the list."""

    id: int
    name: str
    program_id: int
    brand: str
    purpose: str
    status: str
    start_at: datetime | None
    by_status: dict[str, int]

    @property
    def total(self) -> int:
        """Messages planned so far."""
        return sum(self.by_status.values())

    @property
    def settled(self) -> int:
        """Messages for which nothing more will be sent."""
        return settled(self.by_status)


@dataclass(frozen=True, slots=True)
class VariantText:
    """One variant as it is shown: who it is for, in the segment language, and the template."""

    id: int
    name: str
    segment: dict[str, Any]
    template: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One campaign with its program and variants."""

    campaign: Campaign
    brand: str
    variants: list[VariantText] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Notices:
    """What everybody who signs in has to know about this installation."""

    halted: bool
    halted_why: str
    keys_exported: bool
    standing: list[Notice] = field(default_factory=list)


def settled(by_status: dict[str, int]) -> int:
    """How many of these messages nothing more will be sent for."""
    return sum(count for status, count in by_status.items() if status in SETTLED)


def progress(session: Session, campaign_id: int) -> Progress:
    """Where the messages of a campaign are; one walk over an index, because pages ask every two seconds."""
    parts = func.coalesce(func.sum(Message.parts), 0)
    counted = select(col(Message.status), col(Message.reason), func.count(), parts)
    grouped = counted.where(col(Message.campaign_id) == campaign_id).group_by(col(Message.status), col(Message.reason))
    rows = session.execute(grouped).all()
    by_status: dict[str, int] = {}
    for status, _, count, _ in rows:
        by_status[status] = by_status.get(status, 0) + count
    by_reason = sorted(((row[0], row[1], row[2]) for row in rows), key=lambda row: (-row[2], *row[:2]))
    billed = sum(int(row[3]) for row in rows if row[0] in REACHED_PROVIDER)
    put_off = sum(count for status, reason, count in by_reason if status == Status.PENDING and _by_a_guard(reason))
    return Progress(by_status, by_reason, sum(by_status.values()), billed, put_off)


def _by_a_guard(reason: str) -> bool:
    """Whether a waiting message was put off by a guard or a budget, and not sent back by the provider or the clock."""
    return bool(reason) and reason not in TRIED_AGAIN and not reason.startswith("twilio_")


def is_large(session: Session) -> bool:
    """Whether there are so many messages or contacts that they are better counted aside; the newest ids say so."""
    newest = [select(func.max(field)).scalar_subquery() for field in (col(Message.id), col(Contact.id))]
    return max(one or 0 for one in session.execute(select(*newest)).one()) > LARGE


def tally(session: Session, campaign_id: int, variant_ids: Sequence[int], now: datetime) -> Tally:
    """Where the messages of a campaign are; a single variant has them all, and nothing has to be read to know that."""
    gone = progress(session, campaign_id)
    if len(variant_ids) == 1:
        return Tally(gone, {variant_ids[0]: gone.total}, now)
    counted = select(col(Message.variant_id), func.count()).where(col(Message.campaign_id) == campaign_id)
    return Tally(gone, dict(session.execute(counted.group_by(col(Message.variant_id))).all()), now)


def listing(
    session: Session,
    programs: Collection[int] | None = None,
    limit: int = 50,
    archived: bool = False,
    offset: int = 0,
    status: str = "",
) -> list[Line]:
    """The newest campaigns of these programs (None: of all), newest first, with their counts; or the archived ones."""
    lines = page(session, programs, limit, archived, offset, status)
    counts = counts_by_status(session, [line.id for line in lines])
    return with_counts(lines, counts)


def page(
    session: Session,
    programs: Collection[int] | None,
    limit: int,
    archived: bool = False,
    offset: int = 0,
    status: str = "",
    order: str = "-made",
) -> list[Line]:
    """The same lines before anything is counted, by "made", "name" or "start" ("-" before it: turned round)."""
    by = {"made": col(Campaign.id), "name": col(Campaign.name), "start": col(Campaign.start_at)}
    first = by[order.removeprefix("-")]
    ways = (first.desc(), col(Campaign.id).desc()) if order.startswith("-") else (first, col(Campaign.id))
    statement = select(Campaign, col(Program.brand)).join(Program, col(Program.id) == col(Campaign.program_id))
    shelf = col(Campaign.archived_at)
    statement = statement.where(shelf.is_not(None) if archived else shelf.is_(None))
    if programs is not None:
        statement = statement.where(col(Campaign.program_id).in_(programs))
    if status:
        statement = statement.where(col(Campaign.status) == status)
    found = session.execute(statement.order_by(*ways).limit(limit).offset(offset)).all()
    return [
        Line(one.id, one.name, one.program_id, brand, one.purpose, one.status, one.start_at, {}) for one, brand in found
    ]


def with_counts(lines: Iterable[Line], counts: Mapping[int, dict[str, int]]) -> list[Line]:
    """The lines with what was counted of each."""
    return [replace(line, by_status=counts.get(line.id, {})) for line in lines]


def counts_by_status(session: Session, campaign_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """How many messages of each of these campaigns are in each state."""
    statement = (
        select(col(Message.campaign_id), col(Message.status), func.count())
        .where(col(Message.campaign_id).in_(campaign_ids))
        .group_by(col(Message.campaign_id), col(Message.status))
    )
    counts: dict[int, dict[str, int]] = {}
    for campaign_id, status, count in session.execute(statement):
        counts.setdefault(campaign_id or 0, {})[status] = count
    return counts


def sheet(session: Session, campaign_id: int) -> Sheet | None:
    """What a campaign's own page shows but for its counts, or None where there is no such campaign."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        return None
    brand = session.execute(select(col(Program.brand)).where(col(Program.id) == campaign.program_id)).scalar_one()
    mine = select(Variant).where(col(Variant.campaign_id) == campaign_id).order_by(col(Variant.position))
    variants = [
        VariantText(one.id or 0, one.name, one.segment, one.template) for one in session.execute(mine).scalars()
    ]
    return Sheet(campaign, brand, variants)


def brand_of(session: Session, program_id: int) -> str | None:
    """The brand people know a program by."""
    return session.execute(select(col(Program.brand)).where(col(Program.id) == program_id)).scalar()


def messages_by_status(session: Session) -> dict[str, int]:
    """All messages of the installation, by state."""
    rows = session.execute(select(col(Message.status), func.count()).group_by(col(Message.status)))
    return dict(rows.all())


def under_way(session: Session) -> tuple[int, int]:
    """How many campaigns run, and how many messages wait in the whole installation."""
    running = select(func.count()).where(col(Campaign.status) == "running")
    waiting = select(func.count()).where(col(Message.status).in_([status.value for status in WAITING]))
    return session.execute(running).scalar_one(), session.execute(waiting).scalar_one()


def notices(session: Session) -> Notices:
    """Whether sending is halted and why, whether the keys in force were exported (audit lines say so), what stands.

    One statement, because every page asks. An installation without its row counts as halted, as it does for the gate.
    """
    last = select(col(Audit.action)).where(col(Audit.action).in_([KEYS_EXPORTED, KEYS_MADE]))
    newest = last.order_by(col(Audit.id).desc()).limit(1)
    asked = select(col(Installation.halted), col(Installation.halted_why), newest.scalar_subquery(), Notice)
    joined = asked.select_from(Installation).outerjoin(Notice, col(Notice.ended_at).is_(None))
    rows = session.execute(joined.order_by(col(Notice.raised_at), col(Notice.id))).all()
    if not rows:
        return Notices(True, "", session.execute(newest).scalar() == KEYS_EXPORTED, standing(session))
    halted, why, about_keys, _ = rows[0]
    return Notices(halted, why, about_keys == KEYS_EXPORTED, [row[3] for row in rows if row[3] is not None])
