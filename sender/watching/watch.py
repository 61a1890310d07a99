"""Looks over the installation and lets notices stand for what a person has to know, until it is over.

Each look answers everything that is wrong now; a notice whose cause is gone ends by itself. Sentences hold names of
campaigns and figures, never numbers or texts.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from sender import closures
from sender.allowances import INSTALLATION
from sender.automations import aside
from sender.campaigns import reports
from sender.db import sqlite_file
from sender.models import Attempt, Campaign, Canary, Installation, Notice, Reply, Spend
from sender.processes import presence
from sender.runtime import Runtime
from sender.watching import notices

OWN = "watch "
LEAST_FREE_BYTES = 1 << 30
LEAST_FREE_SHARE = 0.05
SPEND_SHARE = 0.8
CANARY_LATE = timedelta(hours=1)
REVIEW_SOON = timedelta(hours=24)
UNCONFIRMED_SHARE = 0.05
UNCONFIRMED_LEAST = 20
GROWN_BYTES = 10 << 30
KEYS = (
    "The keys are not backed up: if they are lost, no number and no text can be read again. Run `tactful keys export "
    "FILE` and keep the copy elsewhere."
)
CANARY = (
    "Our own STOP was not answered within an hour, so people's may not be heard either: does the hooks process run, "
    "and does the public address lead to it? `tactful golive` tries the way."
)
DISK = "When it is full, nothing is sent and replies are not kept: delete old backups there, or give it more."
GROWN = (
    "The database has passed 10 GiB: `tactful archive set 180` packs what is old, `tactful db copy` moves it to "
    "PostgreSQL."
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that stands now. ``key`` names its cause; ``severity``: info, warning or alarm."""

    key: str
    severity: str
    sentence: str


Look = Callable[[Runtime, Session], Iterator[Trouble]]


def watch(runtime: Runtime) -> int:
    """Bring the notices of this module up to what stands now; returns how many stand."""
    with runtime.db.read() as session:
        found = {one.key: one for look in LOOKS for one in look(runtime, session)}
        mine = (col(Notice.ended_at).is_(None), col(Notice.key).startswith(OWN))
        before = dict(session.execute(select(col(Notice.key), col(Notice.sentence)).where(*mine)).all())
        standing, there = notices.standing(session), presence.hosts(session)
        passed = [one.key for one in standing if notices.has_passed(one, runtime.clock.real())]
        passed += [one.key for one in standing if _is_of_a_gone_host(one.key, there)]
    new = [one for one in found.values() if before.get(OWN + one.key) != one.sentence]
    over = passed + [key for key in before if key.removeprefix(OWN) not in found]
    if new or over:
        with runtime.db.write() as session:
            for one in new:
                notices.begin(session, OWN + one.key, one.severity, one.sentence, runtime.clock.real())
            for key in over:
                notices.end(session, key, runtime.clock.real())
    return len(found)


def _is_of_a_gone_host(key: str, there: set[str]) -> bool:
    """A machine that was taken away cannot say that its clock is right again."""
    return key.startswith(notices.CLOCK) and key.removeprefix(notices.CLOCK) not in there


def free_disk(runtime: Runtime) -> tuple[int, int]:
    """Free and total bytes of the disk that keys, embedded database and backups lie on."""
    usage = shutil.disk_usage(runtime.settings.home)
    return usage.free, usage.total


def database_bytes(runtime: Runtime, session: Session) -> int:
    """How large the database is."""
    file = sqlite_file(runtime.db)
    if file is not None:
        return file.stat().st_size if file.exists() else 0
    return int(session.execute(select(func.pg_database_size(func.current_database()))).scalar_one())


def _held(_: Runtime, session: Session) -> Iterator[Trouble]:
    noted = reports.notices(session)
    copied = session.execute(select(col(Installation.copied_at))).scalar()
    if copied is not None:
        mend = "`tactful release` on the server asks Twilio what left since, then opens the gates."
        yield Trouble("held", "alarm", f"Nothing is sent: {_ended(noted.halted_why)} {mend}")
    elif noted.halted:
        why = _ended(noted.halted_why or "nobody said why")
        yield Trouble("held", "alarm", f"Sending is halted: {why} STOPs are still taken; `tactful release` ends it.")
    if not noted.keys_exported:
        yield Trouble("keys", "warning", KEYS)


def _paused(_: Runtime, session: Session) -> Iterator[Trouble]:
    """A campaign that a person paused by hand is no news to anybody."""
    wanted = select(col(Campaign.id), col(Campaign.name), col(Campaign.paused_why)).where(
        col(Campaign.status) == "paused", ~col(Campaign.paused_why).startswith("paused by")
    )
    for campaign_id, name, why in session.execute(wanted):
        yield Trouble(f"campaign {campaign_id} paused", "alarm", f"Campaign {name!r} was paused: {_ended(why)}")


def _approvals(_: Runtime, session: Session) -> Iterator[Trouble]:
    wanted = select(col(Campaign.id), col(Campaign.name)).where(col(Campaign.status) == "submitted")
    for campaign_id, name in session.execute(wanted):
        yield Trouble(
            f"campaign {campaign_id} approval",
            "info",
            f"Campaign {name!r} waits for an approval; it is not sent before.",
        )


def _reviews(runtime: Runtime, session: Session) -> Iterator[Trouble]:
    soon = runtime.clock.now() + REVIEW_SOON
    waiting = (col(Reply.state) == "review", col(Reply.review_by) <= soon)
    count = session.execute(select(func.count()).where(*waiting)).scalar_one()
    if count:
        what = "reply that may be a STOP is" if count == 1 else "replies that may be STOPs are"
        yield Trouble("review", "warning", f"{count:,} {what} taken as one within a day unless somebody decides.")


def _canary(runtime: Runtime, session: Session) -> Iterator[Trouble]:
    """One that came back wrong is told by whoever sent it; here is the one that never came back."""
    last = session.execute(select(Canary).order_by(col(Canary.id).desc()).limit(1)).scalar()
    silent = last is not None and last.seconds is None and not last.why and runtime.settings.canary_minutes
    if last is not None and silent and runtime.clock.real() - last.started_at > CANARY_LATE:
        yield Trouble("canary", "alarm", CANARY)


def _spend(runtime: Runtime, session: Session) -> Iterator[Trouble]:
    near = (
        col(Spend.reserved) >= col(Spend.cap) * SPEND_SHARE,
        col(Spend.day) == "",
        col(Campaign.status) == "running",
    )
    wanted = select(col(Campaign.id), col(Campaign.name), col(Spend.reserved), col(Spend.cap))
    for campaign_id, name, used, cap in session.execute(
        wanted.join(Campaign, col(Campaign.id) == col(Spend.campaign_id)).where(*near)
    ):
        share = round(100 * used / cap)
        yield Trouble(
            f"campaign {campaign_id} spend",
            "warning",
            f"Campaign {name!r} has used {share} % of its budget; at 100 % it pauses.",
        )


def _unknown(runtime: Runtime, session: Session) -> Iterator[Trouble]:
    total, unknown = unconfirmed(session, runtime.clock.real())
    if total >= UNCONFIRMED_LEAST and unknown / total > UNCONFIRMED_SHARE:
        share = round(100 * unknown / total)
        yield Trouble(
            "unconfirmed",
            "warning",
            f"Nobody knows of {share} % of the last hour's texts whether they left; none is sent again blindly. Does "
            "Twilio answer from this network, and are workers ended before their time?",
        )


def unconfirmed(session: Session, real: datetime) -> tuple[int, int]:
    """Attempts that were touched within an hour, and how many of these are of unknown outcome."""
    lately = col(Attempt.touched_at) > real - timedelta(hours=1)
    counted = select(col(Attempt.outcome), func.count()).where(lately).group_by(col(Attempt.outcome))
    by_outcome: dict[str, int] = dict(session.execute(counted).all())
    return sum(by_outcome.values()), by_outcome.get("unconfirmed", 0)


def _closed(runtime: Runtime, session: Session) -> Iterator[Trouble]:
    for key, (until, why) in closures.closed(session, runtime.clock.now()).items():
        what = "Nothing is sent" if key == INSTALLATION else f"{key.removeprefix('line:')} sends no campaign texts"
        when = f"{until:%Y-%m-%d %H:%M} UTC"
        yield Trouble(f"closed {key}", "warning", f"{what} until {when}: {why}. `tactful release` opens it at once.")


def _automations(_: Runtime, session: Session) -> Iterator[Trouble]:
    """Who and what was set aside, and rounds that do not go on."""
    for automation_id, name, people, events, error in aside.troubles(session):
        told = [_some(people, "person is", "people are"), _some(events, "event is", "events are")]
        said = " and ".join(filter(None, told))
        if said:
            sentence = f"Automation {name!r}: {said} set aside after an error, until somebody tries again or lets go."
            yield Trouble(f"automation {automation_id} aside", "warning", sentence)
        if error:
            sentence = f"Automation {name!r}: its round does not go on and nobody new enters: {error}. It is tried on."
            yield Trouble(f"automation {automation_id} round", "warning", sentence)


def _ended(why: str) -> str:
    """A reason as the end of a sentence."""
    return f"{why.rstrip('.')}."


def _some(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}" if count else ""


def _disk(runtime: Runtime, session: Session) -> Iterator[Trouble]:
    free, total = free_disk(runtime)
    if free < LEAST_FREE_BYTES or free < total * LEAST_FREE_SHARE:
        yield Trouble("disk", "alarm", f"{runtime.settings.home}: under {_gib(free)} GiB of disk are free. {DISK}")
    if runtime.db.is_sqlite and database_bytes(runtime, session) > GROWN_BYTES:
        yield Trouble("growth", "warning", GROWN)


def _gib(size: int) -> str:
    """Rounded up to a tenth, so that the sentence does not change with every look."""
    return f"{(size * 10 // (1 << 30) + 1) / 10:.1f}"


LOOKS: tuple[Look, ...] = (
    _held,
    _paused,
    _approvals,
    _reviews,
    _canary,
    _spend,
    _unknown,
    _closed,
    _automations,
    _disk,
)
