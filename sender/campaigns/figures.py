"""Reports: texts of a period by campaign, variant, template, program or from_number, and what people made of them.

A reply or an opt-out counts for the latest text that had left for that number in the 72 hours before it. Texts count
for the period in which they were due.
"""

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import Select, and_, distinct, func, select
from sqlmodel import Session, col

from sender.audience.importing.refused import safe_cell
from sender.audience.ledger import OWN_ACTS
from sender.campaigns.prices import UNIT, currency
from sender.models import (
    Campaign,
    Click,
    ConsentEvent,
    FromNumber,
    Message,
    Program,
    Reply,
    SavedTemplate,
    TemplateVersion,
    Variant,
)
from sender.states import WAITING, Status

By = Literal["campaign", "variant", "template", "program", "from_number"]
DIMENSIONS: tuple[By, ...] = get_args(By)
REACTION = timedelta(hours=72)
LEFT = frozenset({Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.FAILED})
"""States of texts that the provider was asked to take."""
_KEYS: Mapping[str, Any] = {
    "campaign": Message.campaign_id,
    "variant": Message.variant_id,
    "template": Variant.template_version_id,
    "program": Message.program_id,
    "from_number": Message.from_number_id,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is about. ``programs`` None: all; ``campaign_id`` None: every campaign and all other texts."""

    by: By
    since: datetime
    until: datetime
    programs: Collection[int] | None = None
    campaign_id: int | None = None


@dataclass(slots=True)
class Figures:
    """One line of a report. ``left``: handed to the provider; ``cost`` in ten-thousandths, at least.

    ``replies`` are all replies, ``opt_outs`` those people who said stop; ``clicked`` counts texts, not clicks.
    """

    id: int | None
    name: str
    planned: int = 0
    waiting: int = 0
    left: int = 0
    delivered: int = 0
    undelivered: int = 0
    failed: int = 0
    blocked: int = 0
    dropped: int = 0
    parts: int = 0
    cost: int = 0
    replies: int = 0
    opt_outs: int = 0
    clicked: int = 0
    errors: dict[int, int] = field(default_factory=dict)

    def rate(self, name: str) -> float | None:
        """Per cent of the texts that left; None where none did."""
        return 100 * int(getattr(self, name)) / self.left if self.left else None


def figures(session: Session, asked: Asked) -> list[Figures]:
    """The lines of a report, most texts first; texts of no campaign, variant or saved template share one line."""
    found: dict[int | None, Figures] = {}

    def line(key: int | None) -> Figures:
        return found.setdefault(key, Figures(key, ""))

    for key, status, code, number, parts, cost in session.execute(_by_state(asked)):
        _count(line(key), Status(status), number, int(parts), int(cost))
        if code is not None:
            line(key).errors[code] = line(key).errors.get(code, 0) + number
    for name, count in (("replies", _replies), ("opt_outs", _opt_outs), ("clicked", _clicks)):
        for key, number in count(session, asked).items():
            setattr(line(key), name, number)
    names = _names(session, asked.by, [key for key in found if key is not None])
    for key, one in found.items():
        one.name = names.get(key, "none") if key is not None else "none"
    return sorted(found.values(), key=lambda one: (-one.planned, one.name, one.id or 0))


def _count(line: Figures, status: Status, number: int, parts: int, cost: int) -> None:
    line.planned += number
    line.waiting += number if status in WAITING else 0
    line.blocked += number if status is Status.BLOCKED else 0
    line.dropped += number if status in (Status.CANCELLED, Status.EXPIRED) else 0
    if status in LEFT:
        line.left, line.parts, line.cost = line.left + number, line.parts + parts, line.cost + cost
    for name in ("delivered", "undelivered", "failed"):
        if status == name:
            setattr(line, name, number)


def _of(asked: Asked) -> list[Any]:
    """Which messages a report is about; test texts are nobody's result."""
    which: list[Any] = [
        col(Message.send_after) >= asked.since,
        col(Message.send_after) < asked.until,
        col(Message.is_test).is_(False),
        col(Message.kind) != "test",
    ]
    if asked.programs is not None:
        which.append(col(Message.program_id).in_(asked.programs))
    if asked.campaign_id is not None:
        which.append(col(Message.campaign_id) == asked.campaign_id)
    return which


def _with_variant(statement: Select[Any], by: By) -> Select[Any]:
    return statement.outerjoin(Variant, col(Variant.id) == col(Message.variant_id)) if by == "template" else statement


def _by_state(asked: Asked) -> Select[Any]:
    key = _KEYS[asked.by]
    sums = (func.coalesce(func.sum(one), 0) for one in (Message.parts, Message.cost))
    state = (key, col(Message.status), col(Message.error_code))
    statement = _with_variant(select(*state, func.count(), *sums).select_from(Message), asked.by)
    return statement.where(*_of(asked)).group_by(*state)


def _latest_before(number_id: Any, at: Any) -> Any:
    """The id of the text that had left last for this number before this instant."""
    before = and_(col(Message.number_id) == number_id, col(Message.sent_at) <= at, col(Message.kind) != "answer")
    newest = select(col(Message.id)).where(before).order_by(col(Message.sent_at).desc(), col(Message.id).desc())
    return newest.limit(1).scalar_subquery()


def _reactions(session: Session, asked: Asked, table: Any, at: Any, *which: Any) -> dict[int | None, list[int]]:
    """The numbers of the rows of a table that answer to texts of this report, by line."""
    window = (at >= asked.since, at < asked.until + REACTION, *which)
    newest = _latest_before(col(table.number_id), at).correlate(table)
    numbers: Any = col(table.number_id).label("number_id")
    reacted = select(numbers, at.label("at"), newest.label("message_id")).where(*window).subquery()
    wanted = select(_KEYS[asked.by], reacted.c.number_id, reacted.c.at, col(Message.sent_at))
    joined = wanted.select_from(reacted).join(Message, col(Message.id) == reacted.c.message_id)
    found: dict[int | None, list[int]] = {}
    for key, number_id, when, sent_at in session.execute(_with_variant(joined, asked.by).where(*_of(asked))):
        if when - sent_at <= REACTION:
            found.setdefault(key, []).append(number_id)
    return found


def _replies(session: Session, asked: Asked) -> dict[int | None, int]:
    found = _reactions(session, asked, Reply, col(Reply.received_at))
    return {key: len(numbers) for key, numbers in found.items()}


def _opt_outs(session: Session, asked: Asked) -> dict[int | None, int]:
    stopped = (col(ConsentEvent.kind) == "opt_out", col(ConsentEvent.source).in_(OWN_ACTS))
    found = _reactions(session, asked, ConsentEvent, col(ConsentEvent.at), *stopped)
    return {key: len(set(numbers)) for key, numbers in found.items()}


def _clicks(session: Session, asked: Asked) -> dict[int | None, int]:
    key = _KEYS[asked.by]
    counted = select(key, func.count(distinct(col(Click.message_id)))).select_from(Click)
    joined = counted.join(Message, col(Message.id) == col(Click.message_id))
    people = (*_of(asked), col(Click.not_counted) == "")
    return dict(session.execute(_with_variant(joined, asked.by).where(*people).group_by(key)).all())


def _names(session: Session, by: By, ids: Collection[int]) -> dict[int, str]:
    statement = {
        "campaign": select(col(Campaign.id), col(Campaign.name)).where(col(Campaign.id).in_(ids)),
        "variant": select(col(Variant.id), col(Campaign.name) + " / " + col(Variant.name))
        .join(Campaign, col(Campaign.id) == col(Variant.campaign_id))
        .where(col(Variant.id).in_(ids)),
        "template": select(col(TemplateVersion.id), col(SavedTemplate.name), col(TemplateVersion.version))
        .join(SavedTemplate, col(SavedTemplate.id) == col(TemplateVersion.template_id))
        .where(col(TemplateVersion.id).in_(ids)),
        "program": select(col(Program.id), col(Program.brand)).where(col(Program.id).in_(ids)),
        "from_number": select(col(FromNumber.id), col(FromNumber.address), col(FromNumber.country)).where(
            col(FromNumber.id).in_(ids)
        ),
    }[by]
    joint = {"template": ", version ", "from_number": " for "}.get(by, "")
    return {key: joint.join(map(str, words)) for key, *words in session.execute(statement)}


COLUMNS = (
    "planned", "waiting", "left", "delivered", "undelivered", "failed", "blocked", "dropped", "parts", "replies",
    "opt_outs", "clicked",
)  # fmt: skip


def as_csv(by: By, lines: Collection[Figures]) -> Iterator[str]:
    """A report as lines of CSV, names of columns first; no cell of it is a formula to a spreadsheet."""
    yield _csv_line([by, *COLUMNS, "cost", "currency", "errors"])
    for one in lines:
        errors = " ".join(f"{code}:{number}" for code, number in sorted(one.errors.items()))
        counts = [str(getattr(one, name)) for name in COLUMNS]
        yield _csv_line([one.name, *counts, f"{one.cost / UNIT:.4f}", currency(), errors])


def _csv_line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()
