"""What the provider knows of numbers: which lines read texts (Lookup), and which were given up (Deactivations).

Both cost or reach out, so both are off until somebody switches them on or asks by command. A look-up is kept with its
day and not repeated for half a year; a day's deactivations are taken in once.
"""

from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, or_, select, update
from sqlmodel import Session, col

from sender.audience.number_files import given_up
from sender.audience.numbers import SealedNumber
from sender.audit import note
from sender.db import Pace
from sender.models import Audit, ConsentStanding, Number
from sender.providers.base import SendError
from sender.runtime import Runtime
from sender.watching import notices

Ask = Callable[[Coroutine[Any, Any, Any]], Any]
"""Waits for one request to the provider."""

SLICE = 50
OLD_DAYS = 180
ACTOR = "scheduler"
LAST_DAYS = 3
"""A file that came late is still asked for on so many days."""

# Twilio's names (Lookup v2, line_type_intelligence.type) as ours; "unknown" and nothing leave what we know.
LINE_TYPES = {
    "mobile": "mobile", "landline": "landline", "tollFree": "toll_free", "fixedVoip": "fixedvoip",
    "nonFixedVoip": "nonfixedvoip", "personal": "personal_number", "premium": "premium", "sharedCost": "sharedcost",
    "voicemail": "voicemail", "uan": "uan", "pager": "pager",
}  # fmt: skip


def look_up(runtime: Runtime, ask: Ask, most: int, actor: str, older_than: int = OLD_DAYS) -> Counter[str]:
    """Ask the line type of up to ``most`` numbers with consent that were not looked up for so many days.

    Counts ``asked``, ``unknown`` and each type that was found. SendError; what was written by then stays.
    """
    counts: Counter[str] = Counter()
    try:
        while counts["asked"] < most and (some := _next(runtime, min(SLICE, most - counts["asked"]), older_than)):
            found = ask(runtime.provider.line_types(list(some.values())))
            _keep(runtime, {number_id: LINE_TYPES.get(found.get(e164) or "", "") for number_id, e164 in some.items()})
            counts["asked"] += len(some)
            counts.update(LINE_TYPES.get(found.get(e164) or "", "unknown") for e164 in some.values())
    finally:
        if counts:
            with runtime.db.write() as session:
                note(session, runtime.clock.now(), actor, "numbers.look_up", "numbers", dict(counts))
    return counts


def fetch_given_up(runtime: Runtime, ask: Ask, on: date, actor: str) -> Counter[str] | None:
    """Take in the provider's list of numbers that were given up on a day; None where there is none (yet). SendError."""
    numbers = ask(runtime.provider.deactivations(on))
    return None if numbers is None else given_up(runtime, numbers, on, actor, subject_of(on))


def subject_of(on: date) -> str:
    """How the audit names a day's list."""
    return f"deactivations of {on}"


def tend(runtime: Runtime, ask: Ask) -> int:
    """What is switched on: look-ups of today that are left, and lists of the last days. A step of the scheduler."""
    settings, done = runtime.settings, 0
    with runtime.db.read() as session:
        left = settings.lookups_daily - _looked_up_today(session, runtime.clock.now()) if settings.lookups_daily else 0
    # What is switched off finds nothing to do, and so ends what was said of it.
    done += _told(runtime, "lookups", lambda: look_up(runtime, ask, left, ACTOR)["asked"] if left > 0 else 0)
    done += _told(runtime, "deactivations", lambda: _fetch_last_days(runtime, ask) if settings.deactivations else 0)
    return done


def _fetch_last_days(runtime: Runtime, ask: Ask) -> int:
    today, done = runtime.clock.now().date(), 0
    for days in range(LAST_DAYS, 0, -1):
        on = today - timedelta(days=days)
        with runtime.db.read() as session:
            taken = session.execute(select(exists().where(col(Audit.subject) == subject_of(on)))).scalar()
        done += not taken and fetch_given_up(runtime, ask, on, ACTOR) is not None
    return done


def _told(runtime: Runtime, what: str, work: Callable[[], int]) -> int:
    """Do it; where the provider refuses, a notice says so until it works again."""
    key = f"provider {what}"
    try:
        done, sentence = work(), ""
    except SendError as error:
        said = f"{what.capitalize()} cannot be asked of the provider: {error.sentence}."
        done, sentence = 0, f"{said} It is tried again by itself, and sending goes on without."
    with runtime.db.read() as session:
        standing = {one.key: one.sentence for one in notices.standing(session)}
    if standing.get(key, "") != sentence:
        with runtime.db.write() as session:
            now = runtime.clock.now()
            notices.begin(session, key, "warning", sentence, now) if sentence else notices.end(session, key, now)
    return done


def _next(runtime: Runtime, limit: int, older_than: int) -> dict[int, str]:
    """The next numbers to ask about, in E.164 by id; who may not be texted anyway costs nothing."""
    before = runtime.clock.now() - timedelta(days=older_than)
    agreed = exists().where(col(ConsentStanding.number_id) == col(Number.id), col(ConsentStanding.state) == "in")
    due = or_(col(Number.looked_up_at).is_(None), col(Number.looked_up_at) < before)
    readable = func.length(col(Number.data_key)) > 0, col(Number.state) == "ok"
    with runtime.db.read() as session:
        rows = session.execute(
            select(col(Number.id), col(Number.cipher), col(Number.data_key))
            .where(due, agreed, *readable)
            .order_by(col(Number.id))
            .limit(limit)
        ).all()
    keys = runtime.keys.as_of_now()
    return {number_id or 0: SealedNumber(cipher, data_key).open(keys) for number_id, cipher, data_key in rows}


def _keep(runtime: Runtime, found: dict[int, str]) -> None:
    now = runtime.clock.now()
    with runtime.db.write(Pace.BULK) as session:
        for number_id, line_type in found.items():
            values = {"looked_up_at": now, **({"line_type": line_type} if line_type else {})}
            session.execute(update(Number).where(col(Number.id) == number_id).values(**values))


def _looked_up_today(session: Session, now: datetime) -> int:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = select(func.count()).select_from(Number).where(col(Number.looked_up_at) >= midnight)
    return int(session.execute(asked).scalar_one())
