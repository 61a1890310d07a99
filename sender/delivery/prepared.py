"""What a program keeps ready for replies: canned answers, answers to keywords, words that begin an opt-in, hours."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.intent import read
from sender.audience.keywords import normal
from sender.audience.opt_ins import is_yes
from sender.delivery.conversing import KEEP
from sender.models import Audit, PreparedAnswer, Program
from sender.runtime import Runtime

KINDS = ("canned", "auto", "join")
LONGEST_KEYWORD = 40
LONGEST = 1600
LONGEST_HOURS = 240
"""Ten calendar days: ten business days (47 CFR 64.1200(a)(10)) are never fewer."""
LONGEST_WINDOW = 72
DAY = 24 * 60


class PreparedError(Exception):
    """It cannot be kept like this; the sentence says what to mend."""


@dataclass(frozen=True, slots=True)
class Replying:
    """How a program deals with replies; None leaves a setting as it is. ``desk``: {"zone", "hours"}, {}: always."""

    review_hours: int | None = None
    reply_hours: int | None = None
    confirm_hours: int | None = None
    desk: dict[str, Any] | None = None


def keep(runtime: Runtime, program_id: int, kind: str, keyword: str, text: str, actor: str) -> int:
    """Keep a prepared answer in place of the one with this keyword; returns its id. PreparedError: what to mend."""
    word = _checked(kind, keyword, text)
    now = runtime.clock.now()
    with runtime.db.write() as session:
        if session.get(Program, program_id) is None:
            raise PreparedError("There is no such program.")
        for older in _living(session, program_id):
            # One word asks for one thing: an automatic answer gives way to an opt-in by the same word.
            if older.keyword == word and (older.kind == "canned") == (kind == "canned"):
                older.retired_at = now
        session.flush()
        row = PreparedAnswer(
            program_id=program_id, kind=kind, keyword=word, text=text.strip(), created_by=actor, created_at=now
        )
        session.add(row)
        detail = {"kind": kind, "keyword": word}
        session.add(Audit(at=now, actor=actor, action="answer.keep", subject=f"program {program_id}", detail=detail))
        session.flush()
        return row.id or 0


def retire(runtime: Runtime, answer_id: int, actor: str) -> None:
    """Use a prepared answer no more; what was sent with it stays as it is."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        found = session.get(PreparedAnswer, answer_id)
        if found is None or found.retired_at is not None:
            raise PreparedError("There is no such prepared answer any more.")
        found.retired_at = now
        detail = {"kind": found.kind, "keyword": found.keyword}
        subject = f"program {found.program_id}"
        session.add(Audit(at=now, actor=actor, action="answer.retire", subject=subject, detail=detail))


def listing(session: Session, program_id: int) -> list[PreparedAnswer]:
    """The prepared answers of a program, canned ones first, by keyword."""
    return sorted(_living(session, program_id), key=lambda one: (one.kind != "canned", one.kind, one.keyword))


def keywords(session: Session, programs: Collection[int] | None) -> list[tuple[PreparedAnswer, str]]:
    """The words that these programs (None: all) answer by themselves, with each program's short name."""
    statement = (
        select(PreparedAnswer, col(Program.slug))
        .join(Program, col(Program.id) == col(PreparedAnswer.program_id))
        .where(col(PreparedAnswer.kind).in_(("auto", "join")), col(PreparedAnswer.retired_at).is_(None))
        .order_by(col(Program.slug), col(PreparedAnswer.keyword))
    )
    if programs is not None:
        statement = statement.where(col(PreparedAnswer.program_id).in_(programs))
    return [(row, slug) for row, slug in session.execute(statement)]


def set_replying(runtime: Runtime, program_id: int, wanted: Replying, actor: str) -> None:
    """Change how a program deals with replies. PreparedError says what to mend; nothing is half changed."""
    _check_hours("review_hours", wanted.review_hours, LONGEST_HOURS)
    _check_hours("confirm_hours", wanted.confirm_hours, LONGEST_WINDOW)
    _check_hours("reply_hours", wanted.reply_hours, LONGEST_WINDOW)
    changes = {
        name: value
        for name in ("review_hours", "reply_hours", "confirm_hours")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.desk is not None:
        changes["desk"] = _desk(wanted.desk)
    with runtime.db.write() as session:
        program = session.get(Program, program_id)
        if program is None:
            raise PreparedError("There is no such program.")
        for name, value in changes.items():
            setattr(program, name, value)
        subject = f"program {program_id}"
        session.add(
            Audit(at=runtime.clock.now(), actor=actor, action="program.replying", subject=subject, detail=changes)
        )


def _checked(kind: str, keyword: str, text: str) -> str:
    if kind not in KINDS:
        raise PreparedError(f"There is no prepared answer of kind {kind!r}; it is one of {', '.join(KINDS)}.")
    word = keyword.strip() if kind == "canned" else normal(keyword)
    if not word or len(word) > LONGEST_KEYWORD:
        raise PreparedError(f"Give a name or keyword of 1 to {LONGEST_KEYWORD} letters.")
    if kind != "canned" and (read(word).intent != "none" or is_yes(word) or word in KEEP):
        raise PreparedError(
            f"{keyword!r} has a meaning of its own for everybody (stop, start, help, yes); take another."
        )
    if kind != "join" and not 0 < len(text.strip()) <= LONGEST:
        raise PreparedError(f"Write the answer, up to {LONGEST:,} characters.")
    return word


def _living(session: Session, program_id: int) -> list[PreparedAnswer]:
    mine = (col(PreparedAnswer.program_id) == program_id, col(PreparedAnswer.retired_at).is_(None))
    return list(session.execute(select(PreparedAnswer).where(*mine)).scalars())


def _check_hours(name: str, hours: int | None, most: int) -> None:
    if hours is not None and not 1 <= hours <= most:
        raise PreparedError(f"{name} is {hours}; give 1 to {most} hours.")


def _desk(wanted: dict[str, Any]) -> dict[str, Any] | None:
    if not wanted:
        return None
    try:
        ZoneInfo(str(wanted["zone"]))
        hours = [[int(day), int(start), int(end)] for day, start, end in wanted["hours"]]
    except (KeyError, TypeError, ValueError, ZoneInfoNotFoundError) as error:
        raise PreparedError("The desk needs a zone such as America/New_York and hours of days.") from error
    if not hours or not all(0 <= day <= 6 and 0 <= start < end <= DAY for day, start, end in hours):
        raise PreparedError(
            "The desk's hours make no sense: days from Monday to Sunday, times that begin before they end."
        )
    return {"zone": str(wanted["zone"]), "hours": hours}
