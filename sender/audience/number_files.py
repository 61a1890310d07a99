"""Files of numbers that others keep: given up at the carrier, reassigned to somebody else, never to be texted.

A line is a number, or a row whose first cell is one. Whoever gave a number up did not say stop, and their consent is no
word of who has it now (47 CFR 64.1200(m), CTIA 5.1.5): consent from before that day is withdrawn, a stop stays.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import IO
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from sender.audience.numbers import SealedNumber, find_or_make, known_among
from sender.audience.phone import Phone, PhoneError, parse
from sender.audience.withdrawals import withdraw
from sender.audit import note
from sender.db import Pace
from sender.locks import lock_numbers
from sender.models import ConsentEvent, ConsentStanding, Message, Number, Program
from sender.runtime import Runtime
from sender.states import WAITING, Status, advance

CHUNK = 200
LONGEST_LINE = 2_000
EASTERN = ZoneInfo("America/New_York")
YES, NO = (
    frozenset({"yes", "y", "true"}),
    frozenset({"no", "n", "false", "no_data", "no data", "no_data_available", ""}),
)
"""What a reassigned-numbers database answers; "no data" is no safe harbour and no reassignment either."""


class NumberFileError(Exception):
    """The file cannot be used; the sentence says why."""


def from_upload(runtime: Runtime, file: IO[bytes], name: str, work: Callable[[Path], Counter[str]]) -> Counter[str]:
    """Work on a file that was sent: while it is read it lies in the data folder, which nobody else may read."""
    shown = re.sub(r"[^\w.-]", "_", name.replace("\\", "/").rpartition("/")[2])[-60:].lstrip(".") or "numbers.csv"
    with TemporaryDirectory(dir=runtime.settings.home, prefix=".numbers-") as folder:
        path = Path(folder, shown)
        with path.open("wb") as kept:
            copyfileobj(file, kept)
        try:
            return work(path)
        except NumberFileError as error:
            raise NumberFileError(str(error).replace(str(path), shown)) from error


def deactivated(runtime: Runtime, path: Path, on: date, actor: str) -> Counter[str]:
    """Take in the numbers that were given up on a day: consent from before its end goes, and what waits for them.

    Counts ``read``, ``unreadable``, ``known``, ``consents`` and ``cancelled``. The same file again changes nothing.
    """
    return given_up(runtime, (row[0] for row in rows_of(path)), on, actor, "file")


def given_up(runtime: Runtime, numbers: Iterable[str], on: date, actor: str, subject: str) -> Counter[str]:
    """The same of a list that is no file; ``subject`` is how the audit names it."""
    ended = datetime.combine(on + timedelta(days=1), time(), EASTERN)
    return _end_all(runtime, numbers, ended, actor, "number_deactivated", subject)


def reassigned(runtime: Runtime, path: Path, actor: str) -> Counter[str]:
    """Take in the answers of a reassigned-numbers database (number, yes or no): a yes ends consent from before now."""
    counts: Counter[str] = Counter()

    def yes() -> Iterator[str]:
        for row in rows_of(path):
            said = row[-1].strip().lower() if len(row) > 1 else "?"
            if said in YES:
                yield row[0]
            else:
                counts["answered_no" if said in NO else "unreadable"] += 1

    done = _end_all(runtime, yes(), runtime.clock.now(), actor, "number_reassigned")
    return done + counts


def suppress(runtime: Runtime, path: Path, why: str, actor: str) -> Counter[str]:
    """Never text these numbers, known or not, until they are taken off again. Counts ``suppressed`` and ``blocked``."""
    if not why.strip():
        raise NumberFileError("Say why these numbers are never to be texted; it is kept beside each.")
    counts: Counter[str] = Counter()
    for phones in _phones(path, counts):
        with runtime.db.write(Pace.BULK) as session:
            ids = sorted(find_or_make(session, runtime.keys, phones, runtime.clock.now()).values())
            lock_numbers(session, ids)
            fresh = col(Number.id).in_(ids), col(Number.state) != "suppressed"
            values = {"state": "suppressed", "state_reason": why.strip()[:200]}
            counts["suppressed"] += session.execute(update(Number).where(*fresh).values(**values)).rowcount  # type: ignore[attr-defined]
            counts["blocked"] += _stop_waiting(runtime, session, ids, Status.BLOCKED, "suppressed")
    return _noted(runtime, actor, "numbers.suppress", path, counts, why.strip()[:200])


def unsuppress(runtime: Runtime, path: Path, why: str, actor: str) -> Counter[str]:
    """Take these numbers off the list. It gives nobody consent, and a stop stays. Counts ``taken_off``."""
    if not why.strip():
        raise NumberFileError("Say why these numbers may be texted again; it is kept in the audit.")
    counts: Counter[str] = Counter()
    for phones in _phones(path, counts):
        with runtime.db.write(Pace.BULK) as session:
            ids = sorted(known_among(session, runtime.keys, [phone.e164 for phone in phones]).values())
            mine = col(Number.id).in_(ids), col(Number.state) == "suppressed"
            done = session.execute(update(Number).where(*mine).values(state="ok", state_reason=""))
            counts["taken_off"] += done.rowcount  # type: ignore[attr-defined]
    return _noted(runtime, actor, "numbers.unsuppress", path, counts, why.strip()[:200])


def foreseen(runtime: Runtime, path: Path, answers: bool = False) -> Counter[str]:
    """Whom a file is about, before anything is done: nothing is written. ``answers``: only numbers with a yes behind.

    Counts ``read``, ``unreadable``, ``known``, ``agreed`` (numbers with any consent), ``waiting`` (texts) and
    ``barred`` (never texted now).
    """
    counts: Counter[str] = Counter()
    rows = (row[0] for row in rows_of(path) if not answers or (len(row) > 1 and row[-1].strip().lower() in YES))
    for phones in _parsed(rows, counts):
        with runtime.db.read() as session:
            ids = sorted(known_among(session, runtime.keys, [phone.e164 for phone in phones]).values())
            agreed = col(ConsentStanding.number_id).in_(ids), col(ConsentStanding.state) == "in"
            waiting = col(Message.number_id).in_(ids), col(Message.status).in_([status.value for status in WAITING])
            barred = col(Number.id).in_(ids), col(Number.state) == "suppressed"
            wanted = {
                "agreed": select(func.count(col(ConsentStanding.number_id).distinct())).where(*agreed),
                "waiting": select(func.count()).select_from(Message).where(*waiting),
                "barred": select(func.count()).select_from(Number).where(*barred),
            }
            found = session.execute(select(*(one.scalar_subquery() for one in wanted.values()))).one()
        counts += Counter(known=len(ids)) + Counter(dict(zip(wanted, found, strict=True)))
    return counts


def write_suppressed(runtime: Runtime, session: Session, out: IO[str]) -> Counter[str]:
    """Write whom nobody may text, as CSV for another provider: number, why, program ("all"), since.

    ``unreadable`` counts erased people, who are known by a hash alone. Callers note the export.
    """
    counts: Counter[str] = Counter()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["number", "why", "program", "since"])
    columns = col(Number.cipher), col(Number.data_key)
    state = select(*columns, col(Number.state_reason), col(Number.created_at)).where(col(Number.state) == "suppressed")
    for cipher, data_key, why, at in session.execute(state):
        _write(runtime, table, SealedNumber(cipher, data_key), [why, "all", at.isoformat()], counts)
    slugs = {0: "all", **{row[0]: row[1] for row in session.execute(select(col(Program.id), col(Program.slug)))}}
    out_of = select(*columns, col(ConsentStanding.program_id), col(ConsentStanding.as_of)).join(
        ConsentStanding, col(ConsentStanding.number_id) == col(Number.id)
    )
    stopped = col(ConsentStanding.state) == "out", col(ConsentStanding.purpose) == "marketing"
    for cipher, data_key, program_id, at in session.execute(out_of.where(*stopped)):
        sealed = SealedNumber(cipher, data_key)
        _write(runtime, table, sealed, ["opted out", slugs[program_id], at.isoformat()], counts)
    return counts


def write_to_ask(runtime: Runtime, session: Session, out: IO[str]) -> Counter[str]:
    """Write what a reassigned-numbers database is asked, as CSV: each number with consent, and since which day.

    The day is that of the oldest consent that stands, so that a number which was given up after any of them is told.
    """
    counts: Counter[str] = Counter()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["number", "consent_date"])
    out_of_all = select(col(ConsentStanding.number_id)).where(
        col(ConsentStanding.program_id) == 0, col(ConsentStanding.state) == "out"
    )
    rows = (
        select(col(Number.cipher), col(Number.data_key), col(ConsentStanding.as_of))
        .join(ConsentStanding, col(ConsentStanding.number_id) == col(Number.id))
        .where(col(ConsentStanding.state) == "in", col(Number.country) == "US", col(Number.id).not_in(out_of_all))
        .order_by(col(Number.id), col(ConsentStanding.as_of))
    )
    last = b""
    for cipher, data_key, since in session.execute(rows):
        if cipher != last:
            _write(runtime, table, SealedNumber(cipher, data_key), [since.date().isoformat()], counts)
        last = cipher
    return counts


def _end_all(
    runtime: Runtime, words: Iterable[str], ended: datetime, actor: str, why: str, subject: str = "file"
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for phones in _parsed(words, counts):
        with runtime.db.write(Pace.BULK) as session:
            ids = sorted(known_among(session, runtime.keys, [phone.e164 for phone in phones]).values())
            lock_numbers(session, ids)
            counts["known"] += len(ids)
            counts["consents"] += _withdraw(session, ids, ended, actor, why, runtime.clock.now())
            left = select(col(ConsentStanding.number_id)).where(
                col(ConsentStanding.number_id).in_(ids), col(ConsentStanding.state) == "in"
            )
            gone = sorted(set(ids) - set(session.execute(left).scalars()))
            counts["cancelled"] += _stop_waiting(runtime, session, gone, Status.CANCELLED, why)
    with runtime.db.write() as session:
        detail = {"before": ended.isoformat(), **counts}
        note(session, runtime.clock.now(), actor, f"numbers.{why.removeprefix('number_')}", subject, detail)
    return counts


def _withdraw(session: Session, ids: Sequence[int], ended: datetime, actor: str, why: str, now: datetime) -> int:
    consents = select(ConsentEvent).where(
        col(ConsentEvent.number_id).in_(ids), col(ConsentEvent.kind) == "opt_in", col(ConsentEvent.at) < ended
    )
    return withdraw(session, list(session.execute(consents).scalars()), actor, why, now)


def _stop_waiting(runtime: Runtime, session: Session, ids: Sequence[int], to: Status, reason: str) -> int:
    waiting = col(Message.number_id).in_(ids), col(Message.status).in_([status.value for status in WAITING])
    found = [one or 0 for one in session.execute(select(col(Message.id)).where(*waiting)).scalars()]
    return len(advance(session, found, to, now=runtime.clock.now(), real=runtime.clock.real(), reason=reason))


def _noted(runtime: Runtime, actor: str, action: str, path: Path, counts: Counter[str], why: str) -> Counter[str]:
    with runtime.db.write() as session:
        note(session, runtime.clock.now(), actor, action, "file", {"why": why, **counts})
    return counts


def _write(runtime: Runtime, table: object, sealed: SealedNumber, cells: list[str], counts: Counter[str]) -> None:
    if not sealed.data_key:
        counts["unreadable"] += 1
        return
    table.writerow([sealed.open(runtime.keys), *cells])  # type: ignore[attr-defined]
    counts["written"] += 1


def rows_of(path: Path) -> Iterator[list[str]]:
    """Rows with a first cell that has digits: a line of names above them is passed over."""
    try:
        with path.open(encoding="utf-8-sig", errors="strict", newline="") as file:
            for row in csv.reader(iter(lambda: file.readline(LONGEST_LINE), "")):
                if row and any(one.isdigit() for one in row[0]):
                    yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NumberFileError(f"{path} cannot be read as text with a number in each line: {error}.") from error


def _phones(path: Path, counts: Counter[str]) -> Iterator[list[Phone]]:
    return _parsed((row[0] for row in rows_of(path)), counts)


def _parsed(words: Iterable[str], counts: Counter[str]) -> Iterator[list[Phone]]:
    each = iter(words)
    while some := list(islice(each, CHUNK)):
        phones = []
        for text in some:
            counts["read"] += 1
            try:
                phones.append(parse(text.strip(), "US"))
            except PhoneError:
                counts["unreadable"] += 1
        yield phones
