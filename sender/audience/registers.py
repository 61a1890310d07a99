"""National do-not-call registers: files taken in with their day, and who stands on one. The guard says what it means.

A number is kept as the first eight bytes of its keyed hash: two hundred million of them fit on a disk, nobody reads
them without the key, and one in a million is taken for another once in 90,000 such files.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, select
from sqlmodel import Session, col

from guards.do_not_call import of
from guards.zones import country_zones
from sender.among import among
from sender.audience.number_files import NumberFileError, rows_of
from sender.audience.phone import PhoneError, parse
from sender.audit import note
from sender.crypto import Keyring
from sender.db import Pace, insert_new, run_below
from sender.models import RegisterFile, RegisterNumber
from sender.runtime import Runtime
from sender.watching import notices

SLICE = 2_000
LENGTH = 8
CHUNK = 500
LONGEST_COVERS = 80
_NORTH_AMERICAN = re.compile(r"(?:\+?1)?([2-9]\d{2}[2-9]\d{6})")

Files = Mapping[int, str]
"""The countries of the files that there are, by id."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy of a register as people see it; ``outdated``: too old to rely on, by its register's own figure."""

    country: str
    name: str
    covers: str
    drawn: date
    numbers: int
    taken_by: str
    outdated: bool
    days: int


def take_in(runtime: Runtime, path: Path, country: str, drawn: date, actor: str, covers: str = "all") -> Counter[str]:
    """Take in a copy of a country's register; it replaces the one before that covers the same.

    A line is a number, or a row that begins with one; "212,5550100" is one too. Counts ``read``, ``unreadable``,
    ``listed``. Until it is all in, the numbers of both copies count. NumberFileError says what to mend.
    """
    place, part = _checked(runtime, country, drawn, covers)
    counts: Counter[str] = Counter()
    rows = rows_of(path)
    some = list(islice(rows, SLICE))
    if not some:
        raise NumberFileError(f"{path.name} has no number in it; an empty copy would open the whole register.")
    with runtime.db.write() as session:
        made = RegisterFile(
            country=place, covers=part, drawn=drawn.isoformat(), name=path.name[:200],
            taken_at=runtime.clock.now(), taken_by=actor,
        )  # fmt: skip
        session.add(made)
        session.flush()
        file_id = made.id or 0
    while some:
        _keep(runtime, file_id, _numbers(some, place, counts), counts)
        some = list(islice(rows, SLICE))
    _finish(runtime, file_id, counts, actor)
    return counts


def live(session: Session) -> Files:
    """The files that count."""
    return {row[0]: row[1] for row in run_below(session, _LIVE)}


def listed(session: Session, keys: Keyring, files: Files, e164s: Mapping[int, str]) -> dict[int, frozenset[str]]:
    """The countries on whose registers these numbers stand, by the caller's own name for each number."""
    if not files or not e164s:
        return {}
    steady = keys.as_of_now()
    by_key = {key[:LENGTH]: one for one, e164 in e164s.items() for key in steady.number_keys(e164)}
    found: dict[int, set[str]] = {}
    wanted = sorted(by_key)
    for start in range(0, len(wanted), CHUNK):
        asked = {"files": sorted(files), "keys": wanted[start : start + CHUNK]}
        for file_id, key in run_below(session, _LISTED, asked):
            found.setdefault(by_key[key], set()).add(files[file_id])
    return {one: frozenset(countries) for one, countries in found.items()}


def kept(session: Session, today: date) -> list[Kept]:
    """The copies that there are, by country and part."""
    rows = session.execute(
        select(RegisterFile)
        .where(col(RegisterFile.state) == "current")
        .order_by(col(RegisterFile.country), col(RegisterFile.covers))
    ).scalars()
    return [_shown(row, today) for row in rows]


def tell_outdated(runtime: Runtime) -> int:
    """Let a notice stand while a copy is too old to rely on; returns how many are. A step of the scheduler."""
    now = runtime.clock.now()
    with runtime.db.read() as session:
        old = [one for one in kept(session, now.date()) if one.outdated]
        standing = {one.key for one in notices.standing(session)}
    if not old and _NOTICE not in standing:
        return 0
    with runtime.db.write() as session:
        if old:
            notices.begin(session, _NOTICE, "warning", _outdated_words(old), now)
        else:
            notices.end(session, _NOTICE, now)
    return len(old)


def forget(runtime: Runtime, country: str, covers: str, actor: str, why: str) -> int:
    """Drop a copy without another in its place; returns how many numbers it held. NumberFileError without a reason."""
    if not why.strip():
        raise NumberFileError("Say why this register need not be kept any more; it is kept in the audit.")
    with runtime.db.write() as session:
        mine = col(RegisterFile.country) == country, col(RegisterFile.covers) == covers
        rows = list(session.execute(select(RegisterFile).where(*mine)).scalars())
        if not rows:
            raise NumberFileError(f"There is no copy of the register of {country} that covers {covers!r}.")
        numbers: int = sum(row.numbers for row in rows)
        for row in rows:
            row.state = "going"
        told = {"covers": covers, "numbers": numbers, "why": why.strip()[:200]}
        note(session, runtime.clock.now(), actor, "register.forget", f"register {country}", told)
    _sweep(runtime)
    tell_outdated(runtime)
    return numbers


_NOTICE = "register outdated"
_FILES, _NUMBERS = RegisterFile.__table__, RegisterNumber.__table__  # type: ignore[attr-defined]
_LIVE = select(_FILES.c.id, _FILES.c.country)
_LISTED = select(_NUMBERS.c.file_id, _NUMBERS.c.key).where(
    among(_NUMBERS.c.file_id, "files"), among(_NUMBERS.c.key, "keys")
)


def _checked(runtime: Runtime, country: str, drawn: date, covers: str) -> tuple[str, str]:
    place, part = country.strip().upper(), " ".join(covers.split()) or "all"
    if not country_zones(place):
        raise NumberFileError(f"{country!r} is no country code such as US; say whose register this is.")
    if drawn > runtime.clock.now().date():
        raise NumberFileError(f"{drawn} is in the future; give the day on which the register was drawn.")
    if len(part) > LONGEST_COVERS:
        raise NumberFileError(f"Say in at most {LONGEST_COVERS} letters what the file covers.")
    with runtime.db.read() as session:
        newer = [one for one in kept(session, drawn) if (one.country, one.covers) == (place, part)]
    if newer and newer[0].drawn > drawn:
        raise NumberFileError(f"A newer copy, drawn on {newer[0].drawn}, is here already; this one changes nothing.")
    return place, part


def _numbers(rows: Iterable[list[str]], country: str, counts: Counter[str]) -> Iterator[str]:
    for row in rows:
        counts["read"] += 1
        split = len(row) > 1 and len(row[0].strip()) == 3 and len(row[1].strip()) == 7
        text = "".join(cell.strip() for cell in row[:2]) if split else row[0].strip()
        e164 = _e164(text, country)
        if e164:
            yield e164
        else:
            counts["unreadable"] += 1


def _e164(text: str, country: str) -> str:
    """The one spelling; of North America without looking at every plan, for a register has millions of lines."""
    if country == "US" and (plain := _NORTH_AMERICAN.fullmatch(text)):
        return f"+1{plain[1]}"
    try:
        return parse(text, country).e164
    except PhoneError:
        return ""


def _keep(runtime: Runtime, file_id: int, e164s: Iterable[str], counts: Counter[str]) -> None:
    keys = runtime.keys.as_of_now()
    found = {keys.number_key(e164)[:LENGTH] for e164 in e164s}
    rows = [{"file_id": file_id, "key": key} for key in sorted(found)]
    counts["listed"] += len(rows)
    with runtime.db.write(Pace.BULK) as session:
        insert_new(session, RegisterNumber, rows)


def _finish(runtime: Runtime, file_id: int, counts: Counter[str], actor: str) -> None:
    """Every earlier copy of the same goes, unfinished ones as well."""
    with runtime.db.write() as session:
        mine = session.get_one(RegisterFile, file_id)
        mine.state, mine.numbers = "current", counts["listed"]
        same = (
            col(RegisterFile.country) == mine.country,
            col(RegisterFile.covers) == mine.covers,
            col(RegisterFile.id) < file_id,
        )
        for row in session.execute(select(RegisterFile).where(*same)).scalars():
            row.state = "going"
        told = {"drawn": mine.drawn, "covers": mine.covers, "file": mine.name, **counts}
        note(session, runtime.clock.now(), actor, "register.take_in", f"register {mine.country}", told)
    _sweep(runtime)
    tell_outdated(runtime)


def _sweep(runtime: Runtime) -> None:
    """Drop what goes, in slices; its row last, so that what is left counts until the end."""
    with runtime.db.read() as session:
        going = list(
            session.execute(select(col(RegisterFile.id)).where(col(RegisterFile.state) == "going")).scalars().all()
        )
    for file_id in going:
        while _drop_slice(runtime, file_id or 0):
            pass


def _drop_slice(runtime: Runtime, file_id: int) -> int:
    with runtime.db.write(Pace.BULK) as session:
        mine = col(RegisterNumber.file_id) == file_id
        some = list(session.execute(select(col(RegisterNumber.key)).where(mine).limit(CHUNK)).scalars())
        if some:
            session.execute(delete(RegisterNumber).where(mine, col(RegisterNumber.key).in_(some)))
        else:
            session.execute(delete(RegisterFile).where(col(RegisterFile.id) == file_id))
    return len(some)


def _shown(row: RegisterFile, today: date) -> Kept:
    register, drawn = of(row.country), date.fromisoformat(row.drawn)
    old = register.outdated(drawn, today)
    return Kept(row.country, register.name, row.covers, drawn, row.numbers, row.taken_by, old, register.days)


def _outdated_words(old: Collection[Kept]) -> str:
    told = "; ".join(
        f"{one.name} ({one.country}{'' if one.covers == 'all' else f', {one.covers}'}) of {one.drawn}, "
        f"at most {one.days} days"
        for one in old
    )
    return (
        f"Do-not-call files are too old to rely on: {told}. Who entered a register since is not held back; take in "
        "newer ones: `tactful numbers do-not-call`."
    )
