"""How long each kind of data is kept, and the step that forgets what is older, a slice at a time.

The ledger, stops, the audit and that a text went are kept for good: they are what a sender is asked to prove. Words,
decisions and replies default to five years (16 CFR 310.5, and four years to sue under 28 USC 1658 with a margin); what
only machines needed goes within weeks. A legal hold stands before every rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, literal, or_, select, tuple_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col

from sender.audit import note
from sender.db import Pace, upsert
from sender.models import (
    Allowance,
    ApiAnswer,
    ArchivePage,
    Automation,
    Click,
    Decision,
    Enrolment,
    EnrolmentText,
    Event,
    ImportRefusal,
    ImportRun,
    LegalHold,
    Message,
    Reply,
    RetentionRule,
    SignedIn,
    WebhookDelivery,
    WebhookEvent,
)
from sender.runtime import Runtime
from sender.states import OPEN

SLICE = 500
FIVE_YEARS = 1_827
LONGEST = 36_500
HOUR, DAY = 3_600.0, 86_400.0


class RetentionError(Exception):
    """The rule cannot be like this; the sentence says why, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data: what it is, the days it is kept here where nobody said otherwise, and which rows it is.

    ``least`` and ``most`` bound what may be set. A row goes when ``at`` is so old; with ``blank`` it stays and loses
    these columns. ``number`` is the number it belongs to: None where rows name none, which any legal hold then keeps,
    unless they are of our own people (``ours``). ``real``: its times are the machine's, not the campaign clock's.
    ``apart``: another step forgets it, by the same rule. ``told``: forgetting it is an act in the audit.
    ``like``: it goes by the rule of this other kind; ``holds``: how many of the other's rows are in a row.
    """

    what: str
    days: int
    table: type[SQLModel]
    at: Any
    number: Any = None
    where: tuple[Any, ...] = ()
    blank: Mapping[str, Any] | None = None
    least: int = 1
    most: int = LONGEST
    ours: bool = False
    real: bool = False
    apart: bool = False
    told: bool = True
    every: float = DAY
    like: str = ""
    holds: Any = None


_MESSAGE_OF_DECISION = select(col(Message.number_id)).where(col(Message.id) == col(Decision.message_id))
_IN_USE = exists().where(col(Enrolment.event_id) == col(Event.id), col(Enrolment.state).in_(("waiting", "aside")))
_NAMED = exists().where(col(Enrolment.event_id) == col(Event.id))
_SHELVED = exists().where(col(Automation.id) == col(Enrolment.automation_id), col(Automation.status) == "archived")
_Later = aliased(Enrolment)
_CAME_BACK = exists().where(
    col(_Later.automation_id) == col(Enrolment.automation_id),
    col(_Later.number_id) == col(Enrolment.number_id),
    col(_Later.id) > col(Enrolment.id),
)
"""Somebody's newest time in an automation says whether they may enter again: it stays as long as the automation."""
_IMPORT_BEGAN = select(col(ImportRun.started_at)).where(col(ImportRun.id) == col(ImportRefusal.import_id))

KINDS: Mapping[str, Kind] = {
    "texts": Kind(
        "the words of texts; that they went stays",
        FIVE_YEARS,
        Message,
        col(Message.changed_at),
        col(Message.number_id),
        (col(Message.text_cipher).is_not(None), col(Message.status).not_in([status.value for status in OPEN])),
        {"text_cipher": None},
        least=30,
    ),
    "replies": Kind(
        "the words of replies; what they were read as stays",
        FIVE_YEARS,
        Reply,
        col(Reply.received_at),
        col(Reply.number_id),
        (func.length(col(Reply.body_cipher)) > 0, col(Reply.state) == "done"),
        {"body_cipher": b"", "matched_cipher": b""},
        least=30,
    ),
    "decisions": Kind(
        "why texts were deferred or blocked; the message keeps its reason",
        FIVE_YEARS,
        Decision,
        col(Decision.at),
        _MESSAGE_OF_DECISION.scalar_subquery(),
        least=30,
    ),
    "archived_decisions": Kind(
        "the same on pages of the archive: a page's go when its youngest is so old, and none while there is a hold",
        FIVE_YEARS,
        ArchivePage,
        col(ArchivePage.decided_until),
        where=(col(ArchivePage.decision_count) > 0,),
        blank={"decisions": b"", "decision_count": 0},
        like="decisions",
        holds=col(ArchivePage.decision_count),
    ),
    "clicks": Kind(
        "visits of short links; older reports count fewer", 730, Click, col(Click.at), col(Click.number_id), least=7
    ),
    "events": Kind(
        "what other software told with its events; that they came stays",
        365,
        Event,
        col(Event.received_at),
        col(Event.number_id),
        (func.length(col(Event.data_cipher)) > 0, col(Event.state) != "open", ~_IN_USE),
        {"data_cipher": b""},
        least=30,
    ),
    "enrolments": Kind(
        "who was in automations and how far; their newest time in one that is in use stays",
        FIVE_YEARS,
        Enrolment,
        func.coalesce(col(Enrolment.ended_at), col(Enrolment.entered_at)),
        col(Enrolment.number_id),
        (col(Enrolment.state).in_(("done", "left")), or_(_SHELVED, _CAME_BACK)),
        least=30,
    ),
    "told_events": Kind(
        "that other software told events; told again later, they count as new",
        FIVE_YEARS,
        Event,
        col(Event.received_at),
        col(Event.number_id),
        (col(Event.state) != "open", ~_NAMED),
        least=30,
    ),
    "refused_rows": Kind("rows that imports refused", 90, ImportRefusal, _IMPORT_BEGAN.scalar_subquery()),
    "uploads": Kind(
        "uploaded files that nobody imported",
        7,
        ImportRun,
        col(ImportRun.started_at),
        where=(col(ImportRun.status).in_(("uploaded", "checking", "checked", "failed")), col(ImportRun.size) > 0),
        most=90,
        apart=True,
    ),
    "sessions": Kind(
        "sessions of people who sign in, after their end",
        30,
        SignedIn,
        col(SignedIn.ends_at),
        ours=True,
        real=True,
        told=False,
        every=HOUR,
    ),
    "counters": Kind(
        "what sign-up forms, preference pages and daily caps counted",
        35,
        Allowance,
        func.substr(col(Allowance.day), 1, 10),
        least=2,
        ours=True,
        told=False,
        every=HOUR,
    ),
    "api_answers": Kind(
        "first answers to Idempotency-Keys",
        1,
        ApiAnswer,
        col(ApiAnswer.created_at),
        most=1,
        real=True,
        told=False,
        every=60.0,
    ),
    "webhook_events": Kind(
        "what webhooks told, with their deliveries",
        30,
        WebhookEvent,
        col(WebhookEvent.at),
        col(WebhookEvent.number_id),
        most=400,
        real=True,
        told=False,
        every=HOUR,
    ),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """How long a kind is kept here (days, None: for good), by whom it was set (empty: as shipped), rows due now."""

    kind: str
    what: str
    days: int | None
    set_by: str
    due: int


def days_of(session: Session, kind: str) -> int | None:
    """How many days this kind is kept; None: for good."""
    kind = KINDS[kind].like or kind
    row = session.execute(select(RetentionRule).where(col(RetentionRule.kind) == kind)).scalar()
    return KINDS[kind].days if row is None else row.days


def rules(runtime: Runtime) -> list[Rule]:
    """Every kind with its rule and how many rows it would forget now; writes nothing."""
    with runtime.db.read() as session:
        uncounted = rules_uncounted(session)
        counts = due_by_kind(runtime, session, uncounted)
    return [replace(one, due=counts[one.kind]) for one in uncounted]


def rules_uncounted(session: Session) -> list[Rule]:
    """Every kind with its rule, before anything is counted."""
    known = {row.kind: row for row in session.execute(select(RetentionRule)).scalars()}
    return [
        Rule(name, kind.what, known[name].days, known[name].set_by, 0)
        if name in known
        else Rule(name, kind.what, kind.days, "", 0)
        for name, kind in KINDS.items()
        if not kind.like
    ]


def due_by_kind(runtime: Runtime, session: Session, rules: Sequence[Rule]) -> dict[str, int]:
    """How many rows each of these rules would forget now; reads them all."""
    counted = session.execute(select(*(_due(runtime, one.kind, one.days).label(one.kind) for one in rules))).one()
    return {one.kind: count for one, count in zip(rules, counted, strict=True)}


def due(runtime: Runtime, session: Session, name: str, days: int | None) -> int:
    """How many rows of this kind a rule of so many days would forget now."""
    return int(session.execute(select(_due(runtime, name, days))).scalar_one())


def freed_by(runtime: Runtime, session: Session, number_id: int | None) -> int:
    """How many rows would be forgotten within a day if nothing but other holds kept them; None: holds on everything."""
    on = col(LegalHold.number_id).is_(None) if number_id is None else col(LegalHold.number_id) == number_id
    ending = session.execute(select(col(LegalHold.id)).where(on, col(LegalHold.released_at).is_(None))).scalars().all()
    found = rules_uncounted(session)
    counts = [_due(runtime, one.kind, one.days, but) for one in found for but in (ending, ())]
    figures = session.execute(select(*(each.label(f"n{place}") for place, each in enumerate(counts)))).one()
    return int(sum(figures[::2]) - sum(figures[1::2]))


def _due(runtime: Runtime, name: str, days: int | None, but: Sequence[int | None] = ()) -> ColumnElement[int]:
    if days is None:
        return literal(0)
    total: ColumnElement[int] = literal(0)
    for kind in (KINDS[name], *(one for one in KINDS.values() if one.like == name)):
        counted = func.count() if kind.holds is None else func.coalesce(func.sum(kind.holds), 0)
        where = _old(kind, _before(runtime, kind, days), but)
        total = total + select(counted).select_from(kind.table).where(where).scalar_subquery()
    return total


def check(name: str, days: int | None) -> None:
    """RetentionError, in one sentence, for a kind nobody knows or days that do not fit it."""
    kind = KINDS.get(name)
    if kind is None or kind.like:
        known = ", ".join(one for one, kind in KINDS.items() if not kind.like)
        raise RetentionError(f"{name} is no kind of data; choose one of {known}.")
    if (days or 0) > kind.most or (days is None and kind.most < LONGEST):
        raise RetentionError(f"{name} are kept for {kind.most} days at most.")
    if days is not None and days < kind.least:
        raise RetentionError(
            f"{name} have to be kept for {kind.least} days at least: they are still needed until then."
        )


def keep_for(session: Session, name: str, days: int | None, actor: str, now: datetime) -> None:
    """Keep this kind for so many days from now on (None: for good); the next round of the scheduler goes by it."""
    check(name, days)
    before = days_of(session, name)
    row = {"kind": name, "days": days, "set_by": actor, "set_at": now}
    upsert(session, RetentionRule, [row], ["kind"])
    note(session, now, actor, "retention.set", name, {"days": days, "before": before})


def unheld(kind: Kind, but: Sequence[int | None] = ()) -> ColumnElement[bool]:
    """Rows that no legal hold keeps, as if those with the ids ``but`` were released."""
    is_open = and_(col(LegalHold.released_at).is_(None), col(LegalHold.id).not_in(but))
    if kind.number is None:
        holding = is_open if not kind.ours else and_(is_open, col(LegalHold.number_id).is_(None))
        return ~exists().where(holding)
    held = select(col(LegalHold.number_id)).where(is_open, col(LegalHold.number_id).is_not(None))
    everything = exists().where(is_open, col(LegalHold.number_id).is_(None))
    return and_(~everything, func.coalesce(kind.number, 0).not_in(held))


class Keeper:
    """Forgets what is due, one slice of each kind at a time; where it came to is worth nothing after a restart."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._next: dict[str, float] = {}
        self._after: dict[str, Any] = {}

    def step(self) -> int:
        """One slice of every kind whose turn it is; returns how many rows were forgotten."""
        elapsed, done = self._runtime.clock.elapsed(), 0
        for name, kind in KINDS.items():
            if kind.apart or elapsed < self._next.get(name, elapsed):
                continue
            count, self._after[name] = forget_some(self._runtime, name, self._after.get(name))
            if not count:
                self._next[name], self._after[name] = elapsed + kind.every, None
            done += count
        return done


def forget_some(runtime: Runtime, name: str, after: Any = None) -> tuple[int, Any]:
    """Forget up to 500 rows of a kind that lie behind ``after``; returns how many, and where the next slice begins."""
    kind = KINDS[name]
    with runtime.db.read() as session:
        keys = due_keys(runtime, session, name, after)
    if not keys:
        return 0, None
    with runtime.db.write(Pace.BULK, redoable=True) as session:
        days = days_of(session, name)
        count = 0 if days is None else _forget(session, kind, _before(runtime, kind, days), keys)
        if kind.told and count:
            detail = {"rows": count, "older_than_days": days}
            note(session, runtime.clock.now(), "scheduler", "retention.forget", name, detail)
    return count, keys[-1]


def _before(runtime: Runtime, kind: Kind, days: int) -> Any:
    before = (runtime.clock.real() if kind.real else runtime.clock.now()) - timedelta(days=days)
    return f"{before:%Y-%m-%d}" if kind.table is Allowance else before


def _old(kind: Kind, before: Any, but: Sequence[int | None] = ()) -> ColumnElement[bool]:
    return and_(kind.at <= before, *kind.where, unheld(kind, but))


def _primary(kind: Kind) -> list[Any]:
    return list(kind.table.__table__.primary_key.columns)  # type: ignore[attr-defined]


def due_keys(runtime: Runtime, session: Session, name: str, after: Any = None) -> list[tuple[Any, ...]]:
    """The primary keys of up to 500 rows that are due, behind ``after``: reading a large table holds up no writer."""
    kind, days = KINDS[name], days_of(session, name)
    if days is None:
        return []
    primary = _primary(kind)
    wanted = select(*primary).where(_old(kind, _before(runtime, kind, days))).order_by(*primary).limit(SLICE)
    if after is not None:
        wanted = wanted.where(tuple_(*primary) > tuple_(*after) if len(primary) > 1 else primary[0] > after[0])
    return [tuple(row) for row in session.execute(wanted)]


def _forget(session: Session, kind: Kind, before: Any, keys: list[tuple[Any, ...]]) -> int:
    """Asked once more under the write's own view: a hold that was placed meanwhile counts."""
    primary = _primary(kind)
    named = tuple_(*primary).in_(keys) if len(primary) > 1 else primary[0].in_([key for (key,) in keys])
    these = and_(named, _old(kind, before))
    if kind.table is WebhookEvent:
        going = select(col(WebhookEvent.id)).where(these)
        session.execute(delete(WebhookDelivery).where(col(WebhookDelivery.event_id).in_(going)))
    if kind.table is Enrolment:
        ended = select(col(Enrolment.id)).where(these)
        session.execute(delete(EnrolmentText).where(col(EnrolmentText.enrolment_id).in_(ended)))
    if kind.blank is None:
        done = session.execute(delete(kind.table).where(these))
    else:
        done = session.execute(update(kind.table).where(these).values(**kind.blank))
    return int(done.rowcount)  # type: ignore[attr-defined]
