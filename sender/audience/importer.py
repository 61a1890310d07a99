"""Import a CSV file of contacts: judge each row, write in short slices, go on after a kill where it stopped.

One file with the same options gives the same result however often it is imported. Consent comes only from columns of
the file or from a named person's attestation; without either, contacts are imported with no standing at all.
"""

import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience.importing import formats, reading, writing
from sender.audience.importing.columns import Columns, understand
from sender.audience.importing.options import (
    SHOWN,
    FileRefused,
    ImportOptions,
    ImportReport,
    Progress,
    check_region,
)
from sender.audience.importing.preview import Preview
from sender.audience.importing.refused import first_refusals
from sender.audience.importing.rows import Judge, Refused, Taken
from sender.clock import Clock
from sender.crypto import Keyring
from sender.db import Database, Pace, take_stock
from sender.models import ConsentEvent, ConsentStanding, Contact, ImportRun, Number, Program

SLICE_MOST = 500
SLICE_SERVED = 2000
"""On PostgreSQL, where each costs some fifteen statements, and locks nobody but the people in it."""
SLICE_LEAST = 25
SLICE_FIRST = 100
LOCK_SECONDS = 0.04
"""What a slice aims at; no write transaction may hold SQLite's lock over 0.05 s. PostgreSQL locks only its rows."""


WRITTEN = (Number, Contact, ConsentEvent, ConsentStanding)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One file, understood: what every slice needs to know of it."""

    table: formats.Table
    columns: Columns
    delimiter: str
    program: Program | None
    name: str


def import_file(
    db: Database, keys: Keyring, clock: Clock, path: Path, options: ImportOptions, progress: Progress | None = None
) -> ImportReport:
    """Import one file and report; FileRefused (one sentence, nothing written) where it cannot be used at all.

    Killed and started again with the same file and options it goes on after the last line written.
    """
    named = replace(options, name=options.name or path.name)
    with formats.open_table(path) as table:
        if options.dry_run:
            return foresee(db, keys, clock, table, named, progress)[0]
        return import_table(db, keys, clock, table, named, progress)


def import_table(
    db: Database,
    keys: Keyring,
    clock: Clock,
    table: formats.Table,
    options: ImportOptions,
    progress: Progress | None = None,
    import_id: int | None = None,
) -> ImportReport:
    """Import a table that is open already; ``import_id`` is the run it belongs to, found or made when None."""
    planned = plan(db, table, options, options.name)
    return _Importing(db, keys, clock, planned, options, import_id).run(progress or _silent)


def foresee(
    db: Database,
    keys: Keyring,
    clock: Clock,
    table: formats.Table,
    options: ImportOptions,
    progress: Progress | None = None,
) -> tuple[ImportReport, list[dict[str, Any]]]:
    """A dry run: what :func:`import_table` would report, and some of the people with what would change of them."""
    planned = plan(db, table, options, options.name)
    return _preview(db, keys, planned, options, clock.now(), progress or _silent)


def _silent(done: int, total: int, counts: Mapping[str, int]) -> None:
    """Tell nobody."""


def program_named(db: Database, slug: str) -> int:
    """The id of the program with this short name; FileRefused names the programs there are."""
    with db.read() as session:
        known = {row.slug: row.id for row in session.execute(select(col(Program.slug), col(Program.id)))}
    if slug not in known:
        raise FileRefused(f"There is no program {slug!r}; there is {_listed(sorted(known)) if known else 'none yet'}.")
    return int(known[slug] or 0)


def plan(db: Database, table: formats.Table, options: ImportOptions, name: str) -> _Plan:
    """Understand a table under these options; FileRefused says what does not fit."""
    check_region(options.region)
    program, file = _program(db, options), table.file
    delimiter = options.delimiter or reading.sniff(file)
    records = reading.rows(file, delimiter)
    header = next(records, None)
    if header is None or header.cells is None:
        raise FileRefused("The line of column names cannot be read; its quotes do not close.")
    columns = understand(header.cells, options.mapping)
    if next(records, None) is None:
        raise FileRefused("The file has column names but no rows below them.")
    _check_consent(columns, options)
    return _Plan(table, columns, delimiter, program, name)


def _program(db: Database, options: ImportOptions) -> Program | None:
    if options.program_id is None:
        return None
    with db.read() as session:
        program = session.get(Program, options.program_id)
    if program is None:
        raise FileRefused(f"There is no program {options.program_id}.")
    if options.purpose and options.purpose.value not in program.purposes:
        raise FileRefused(f"The program {program.slug} is not for {options.purpose}, but {_listed(program.purposes)}.")
    return program


def _check_consent(columns: Columns, options: ImportOptions) -> None:
    """A file that speaks of consent must say to whom and to what; half of it would be worth nothing later."""
    speaks = "consent" in columns.fields or options.attestation
    if speaks and options.program_id is None:
        raise FileRefused("Consent is always to a program: name the program, or map the consent column to skip.")
    if speaks and options.purpose is None and "consent_purpose" not in columns.fields:
        raise FileRefused("The file says who consented but not to what: give a purpose, or a column consent_purpose.")


def _listed(words: list[str]) -> str:
    return " and ".join(words) or "no purpose at all"


def _judged(
    plan: _Plan, options: ImportOptions, now: datetime, after: int
) -> Iterator[tuple[Taken | Refused, int, int]]:
    """Each row past line ``after`` with its last line and how many bytes are read."""
    purposes = frozenset(Purpose(name) for name in plan.program.purposes) if plan.program else frozenset[Purpose]()
    judge = Judge(plan.columns, options, purposes, now)
    for row in islice(reading.rows(plan.table.file, plan.delimiter), 1, None):
        if row.line > after:
            yield judge.judge(row), row.last, row.end


class _Importing:
    """One import that writes. It holds the size of the next slice, which follows how long the last one took."""

    def __init__(
        self, db: Database, keys: Keyring, clock: Clock, plan: _Plan, options: ImportOptions, import_id: int | None
    ) -> None:
        self._import_id = import_id
        self._db = db
        self._keys = keys
        self._clock = clock
        self._plan = plan
        self._options = options
        self._size = SLICE_FIRST
        self._longest = 0.0

    def run(self, tell: Progress) -> ImportReport:
        run = self._open()
        resumed_after = run.line
        job = self._job(run)
        counts = Counter(run.counts)
        judged = _judged(self._plan, self._options, run.started_at, run.line)
        line = run.line
        while some := list(islice(judged, self._size)):
            last, done = some[-1][1], some[-1][2]
            counts = self._write(job, [row for row, _, _ in some], counts, line, last)
            line = last
            tell(done, self._plan.table.scan.size, counts)
        self._finish(job)
        return self._report(job, counts, resumed_after)

    def _open(self) -> ImportRun:
        """The stopped import of this file under these options, or a new one."""
        if self._import_id is not None:
            with self._db.read() as session:
                return session.get_one(ImportRun, self._import_id)
        wanted = self._options.as_json()
        running = select(ImportRun).where(
            col(ImportRun.file_hash) == self._plan.table.scan.file_hash, col(ImportRun.status) == "running"
        )
        with self._db.write() as session:
            stopped: list[ImportRun] = list(session.execute(running.order_by(col(ImportRun.id))).scalars())
            same = next((run for run in stopped if run.options == wanted), None)
            run = same or ImportRun(
                name=self._plan.name,
                file_hash=self._plan.table.scan.file_hash,
                program_id=self._options.program_id,
                options=wanted,
                started_at=self._clock.now(),
            )
            session.add(run)
            session.flush()
        return run

    def _job(self, run: ImportRun) -> writing.Job:
        program = self._plan.program
        word = self._options.attestation
        return writing.Job(
            import_id=run.id or 0,
            file_hash=run.file_hash,
            name=run.name,
            program_id=run.program_id,
            out_program_id=None if program is None or program.opt_out_scope == "all" else program.id,
            attested_by=word.by if word else "",
            started_at=run.started_at,
            generation=self._undone(run.file_hash),
            collected={"how": word.how, "collected_by": word.collected_by} if word else {},
        )

    def _undone(self, file_hash: str) -> int:
        """How often an import of this file was undone."""
        undone = col(ImportRun.file_hash) == file_hash, col(ImportRun.status).in_(("undoing", "undone"))
        with self._db.read() as session:
            return int(session.execute(select(func.count(col(ImportRun.id))).where(*undone)).scalar_one())

    def _write(
        self, job: writing.Job, rows: list[Taken | Refused], counts: Counter[str], before: int, last: int
    ) -> Counter[str]:
        with self._db.read() as session:
            ready = writing.prepare(session, self._keys, job, rows, self._clock.now())
        with _collecting_later(), self._db.write(Pace.BULK, redoable=True) as session:
            # The wait for the lock is not ours; only from here on do others wait for us.
            began = self._clock.elapsed()
            total = counts + writing.write(session, self._keys, job, ready, self._clock.now())
            _advance(session, job.import_id, before, line=last, counts=dict(total))
        took = self._clock.elapsed() - began
        self._longest = max(self._longest, took)
        self._size = _next_size(len(rows), took) if self._db.is_sqlite else SLICE_SERVED
        return total

    def _finish(self, job: writing.Job) -> None:
        with self._db.write() as session:
            done = {"status": "finished", "finished_at": self._clock.now()}
            session.execute(update(ImportRun).where(col(ImportRun.id) == job.import_id).values(**done))
        with self._db.write() as session:
            take_stock(session, WRITTEN)

    def _report(self, job: writing.Job, counts: Counter[str], resumed_after: int) -> ImportReport:
        with self._db.read() as session:
            first = first_refusals(session, job.import_id, SHOWN)
        return ImportReport(
            import_id=job.import_id,
            name=job.name,
            file_hash=job.file_hash,
            counts=overall(counts),
            refused=refused_by_code(counts),
            first=first,
            notes=notes(self._options, self._plan, counts),
            resumed_after=resumed_after,
            longest=self._longest,
        )


@contextmanager
def _collecting_later() -> Iterator[None]:
    """A full garbage collection takes 0.1 s of a process this size: not while others wait for the lock."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _advance(session: Session, import_id: int, before: int, **values: Any) -> None:
    """Move the import on; FileRefused where another process has already done so, which undoes the slice."""
    mine = col(ImportRun.id) == import_id, col(ImportRun.line) == before, col(ImportRun.status) == "running"
    moved = session.execute(update(ImportRun).where(*mine).values(**values))
    if not isinstance(moved, CursorResult) or moved.rowcount != 1:
        raise FileRefused("This file is being imported by another process; wait until that one has finished.")


def _next_size(rows: int, took: float) -> int:
    """Rows that would have taken LOCK_SECONDS, at most doubling."""
    fitting = int(rows * LOCK_SECONDS / max(took, 0.001))
    return max(SLICE_LEAST, min(SLICE_MOST, fitting, rows * 2))


def _preview(
    db: Database, keys: Keyring, plan: _Plan, options: ImportOptions, now: datetime, tell: Progress
) -> tuple[ImportReport, list[dict[str, Any]]]:
    preview = Preview(keys, options.program_id)
    judged = _judged(plan, options, now, after=0)
    while some := list(islice(judged, SLICE_MOST)):
        with db.read() as session:
            preview.count(session, [row for row, _, _ in some])
        tell(some[-1][2], plan.table.scan.size, preview.counts)
    report = ImportReport(
        import_id=None,
        name=plan.name,
        file_hash=plan.table.scan.file_hash,
        counts=overall(preview.counts),
        refused=refused_by_code(preview.counts),
        first=preview.first,
        notes=["Dry run: nothing was written.", *notes(options, plan, preview.counts)],
    )
    return report, preview.samples


def overall(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that are not about one refusal code, all of them present."""
    names = ("rows", "new", "changed", "unchanged", "duplicate", "refused", "landline")
    consent = ("with_consent", "written", "uncovered", "opted_out", "kept_out")
    return {name: counts.get(name, 0) for name in (*names, *consent)}


def refused_by_code(counts: Mapping[str, int]) -> dict[str, int]:
    """How many rows were refused for each code, most first."""
    split = {name.removeprefix("refused:"): n for name, n in counts.items() if name.startswith("refused:")}
    return dict(sorted(split.items(), key=lambda item: (-item[1], item[0])))


def notes(options: ImportOptions, plan: _Plan, counts: Mapping[str, int]) -> list[str]:
    """What the person should know before they rely on this import."""
    said, columns = [], plan.columns
    if plan.table.encoding == "cp1252":
        said.append("The file was read as Windows-1252; check a name with an accent before you rely on it.")
    if "consent" not in columns.fields and options.attestation is None:
        said.append(
            "No consent was imported: the file has no consent column and nobody attested to it, so nobody in it may "
            "be texted until they agree."
        )
    if columns.export:
        said.append(f"Read as an export of {columns.export.title}. {columns.export.means}")
    if counts.get("uncovered"):
        said.append(
            f"{counts['uncovered']:,} rows have their number in a second column or several in one cell; their consent "
            "names no one number, so it gives nobody standing."
        )
    if counts.get("with_consent", 0) > counts.get("written", 0):
        lacking = counts["with_consent"] - counts.get("written", 0)
        said.append(
            f"{lacking:,} of the consents lack the wording shown or the date, so they count as express but not as "
            "written consent, which marketing texts need."
        )
    if counts.get("erased"):
        said.append(f"{counts['erased']:,} rows are of people whose data was erased; nothing of them was kept.")
    if counts.get("kept_out"):
        said.append(f"{counts['kept_out']:,} rows say yes for people who opted out; they stay opted out.")
    return said
