"""Files that came in through the pages: kept sealed in the database until they are imported, so that any host may.

An upload is an ``ImportRun``: uploaded, checking, checked, running, finished; ``tend`` takes each to where it waits for
a person. What a person chose lies in its options, what the dry run foretold in its outlook.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import IO, Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience import importer
from sender.audience.importing import formats, reading, undoing, workbook
from sender.audience.importing.columns import Columns, understand
from sender.audience.importing.options import Attestation, FileRefused, ImportOptions, check_region
from sender.audience.retention import due_keys
from sender.audit import note
from sender.crypto import KeyFileError
from sender.db import Pace
from sender.models import ImportChunk, ImportRun
from sender.runtime import Runtime

CHUNK = 1 << 18
MOST_BYTES = 200 << 20
SHOWN_ROWS = 6
LEASE = timedelta(seconds=60)
WORK = ("checking", "running", "undoing")
OPEN = ("uploaded", "checking", "checked")


@dataclass(frozen=True, slots=True)
class Glance:
    """The top of a file: its column names, what each is taken for ("number", "attributes.city", "skip"), some rows.

    ``problem`` is the sentence that says why it cannot be read like this; ``export`` and ``means`` tell of the system.
    """

    headers: tuple[str, ...]
    meant: Mapping[str, str]
    rows: list[list[str]]
    problem: str = ""
    export: str = ""
    means: str = ""
    encoding: str = "utf-8"


def take_in(runtime: Runtime, name: str, stream: IO[bytes], actor: str) -> int:
    """Keep a file sealed and look at its top; returns the import's id. FileRefused: it is none, and nothing is kept."""
    run = ImportRun(
        name=name, file_hash="", status="uploaded", started_at=runtime.clock.now(), started_by=actor, options={}
    )
    with runtime.db.write() as session:
        session.add(run)
        session.flush()
    try:
        size = _keep(runtime, run.id or 0, stream)
        with table_of(runtime, run.id or 0) as table:
            _header(table)
    except FileRefused:
        _forget(runtime, run.id or 0, whole=True)
        raise
    values = {"file_hash": table.scan.file_hash, "size": size}
    with runtime.db.write() as session:
        session.execute(update(ImportRun).where(col(ImportRun.id) == run.id).values(**values))
    return run.id or 0


def _keep(runtime: Runtime, import_id: int, stream: IO[bytes]) -> int:
    size = position = 0
    while piece := stream.read(CHUNK):
        size += len(piece)
        if size > MOST_BYTES:
            raise FileRefused(
                f"The file is larger than {MOST_BYTES >> 20} MB; part it, or use `tactful contacts import`."
            )
        with runtime.db.write(Pace.BULK) as session:
            session.add(ImportChunk(import_id=import_id, position=position, cipher=runtime.keys.wrap(piece)))
        position += 1
    return size


@contextmanager
def table_of(runtime: Runtime, import_id: int) -> Iterator[formats.Table]:
    """The uploaded file as a table; FileRefused where it is gone."""
    with workbook.spool() as plain:
        for position in range(MOST_BYTES // CHUNK + 1):
            with runtime.db.read() as session:
                piece = session.get(ImportChunk, (import_id, position))
            if piece is None:
                break
            try:
                plain.write(runtime.keys.unwrap(piece.cipher))
            except KeyFileError as error:
                raise FileRefused("The keys have changed since the file was uploaded; upload it again.") from error
        plain.seek(0)
        with formats.open_bytes(plain) as table:  # type: ignore[arg-type]
            yield table


def glance(runtime: Runtime, import_id: int, mapping: Mapping[str, str]) -> Glance:
    """The top of an uploaded file under a mapping."""
    with table_of(runtime, import_id) as table:
        records = reading.rows(table.file, reading.sniff(table.file))
        header = [cell.strip() for cell in _cells(next(records, None))]
        some = [_cells(row) for row in islice(records, SHOWN_ROWS)]
        known = {name: meant for name, meant in mapping.items() if name in header}
        try:
            columns = understand(header, known)
        except FileRefused as error:
            return Glance(tuple(header), known, some, str(error), encoding=table.encoding)
    export = columns.export
    told = (export.title, export.means) if export else ("", "")
    return Glance(columns.headers, meanings(columns), some, "", *told, encoding=table.encoding)


def meanings(columns: Columns) -> dict[str, str]:
    """What each named column is taken for."""
    by_place = {place: name for name, place in columns.fields.items()}
    by_place |= {place: f"attributes.{name}" for place, name in columns.attributes}
    return {name: by_place.get(place, "skip") for place, name in enumerate(columns.headers) if name}


def check(runtime: Runtime, import_id: int, options: ImportOptions, actor: str) -> None:
    """Have the dry run made under these options. FileRefused names what does not fit the file."""
    check_region(options.region)
    with table_of(runtime, import_id) as table:
        importer.plan(runtime.db, table, options, "")
    values = {"options": options.as_json(), "program_id": options.program_id, "outlook": {}, "done": 0, "problem": ""}
    _move(runtime, import_id, ("uploaded", "checked", "failed"), "checking", **values)


def commit(runtime: Runtime, import_id: int, actor: str) -> None:
    """Have it imported as the dry run foretold."""
    _move(runtime, import_id, ("checked",), "running", started_at=runtime.clock.now(), done=0, line=0)
    with runtime.db.write() as session:
        note(session, runtime.clock.now(), actor, "import.commit", f"import {import_id}")


def discard(runtime: Runtime, import_id: int) -> None:
    """Forget an uploaded file that was not imported."""
    _move(runtime, import_id, (*OPEN, "failed"), "discarded")
    _forget(runtime, import_id)


def tend(runtime: Runtime) -> int:
    """Take one import that waits for the machine as far as it goes; returns 1 where there was one."""
    found = _claim(runtime)
    if found is None:
        return 0
    import_id, status = found
    try:
        {"checking": _check, "running": _commit, "undoing": _undo}[status](runtime, import_id)
    except FileRefused as error:
        _move(runtime, import_id, (status,), "failed", problem=str(error))
    return 1


def discard_old(runtime: Runtime) -> int:
    """Forget uploads that nobody came back to in the days that they are kept (a week); returns how many."""
    with runtime.db.read() as session:
        ids = due_keys(runtime, session, "uploads")
    for (import_id,) in ids:
        discard(runtime, import_id)
    return len(ids)


def _claim(runtime: Runtime) -> tuple[int, str] | None:
    """The oldest one that nobody works on; whoever is killed over it loses it after a minute."""
    real = runtime.clock.real()
    idle = or_(col(ImportRun.touched_at).is_(None), col(ImportRun.touched_at) < real - LEASE)
    uploaded = select(col(ImportChunk.import_id)).where(col(ImportChunk.position) == 0)
    ours = or_(col(ImportRun.id).in_(uploaded), col(ImportRun.status) == "undoing")
    waiting = select(col(ImportRun.id), col(ImportRun.status)).where(col(ImportRun.status).in_(WORK), idle, ours)
    with runtime.db.read() as session:
        row = session.execute(waiting.order_by(col(ImportRun.id)).limit(1)).first()
    if row is None or row[0] is None:
        return None
    with runtime.db.write() as session:
        mine = update(ImportRun).where(col(ImportRun.id) == row[0], col(ImportRun.status) == row[1], idle)
        taken = session.execute(mine.values(touched_at=real))
        return (row[0], row[1]) if isinstance(taken, CursorResult) and taken.rowcount == 1 else None


def _check(runtime: Runtime, import_id: int) -> None:
    options = options_of(runtime, import_id)
    with table_of(runtime, import_id) as table:
        tell = _Telling(runtime, import_id)
        report, samples = importer.foresee(runtime.db, runtime.keys, runtime.clock, table, options, tell)
    outlook = {**asdict(report), "samples": samples}
    _move(runtime, import_id, ("checking",), "checked", outlook=outlook, touched_at=None)


def _commit(runtime: Runtime, import_id: int) -> None:
    options = options_of(runtime, import_id)
    with table_of(runtime, import_id) as table:
        tell = _Telling(runtime, import_id)
        importer.import_table(runtime.db, runtime.keys, runtime.clock, table, options, tell, import_id=import_id)
    _forget(runtime, import_id)


def _undo(runtime: Runtime, import_id: int) -> None:
    with runtime.db.read() as session:
        by = session.get_one(ImportRun, import_id).outlook.get("undone_by", "")
    while undoing.undo_slice(runtime.db, runtime.clock, import_id, by):
        pass


class _Telling:
    """Writes progress at most once a second, which also says that somebody works on it."""

    def __init__(self, runtime: Runtime, import_id: int) -> None:
        self._runtime, self._import_id = runtime, import_id
        self._last = runtime.clock.elapsed()

    def __call__(self, done: int, total: int, counts: Mapping[str, int]) -> None:
        if self._runtime.clock.elapsed() - self._last < 1:
            return
        self._last = self._runtime.clock.elapsed()
        values = {"done": done, "size": total, "touched_at": self._runtime.clock.real()}
        with self._runtime.db.write(Pace.BULK, redoable=True) as session:
            session.execute(update(ImportRun).where(col(ImportRun.id) == self._import_id).values(**values))


def _move(runtime: Runtime, import_id: int, leaving: tuple[str, ...], to: str, **values: Any) -> None:
    with runtime.db.write() as session:
        mine = col(ImportRun.id) == import_id, col(ImportRun.status).in_(leaving)
        fresh = {"status": to, "touched_at": None, **values}
        moved = session.execute(update(ImportRun).where(*mine).values(**fresh))
        if not isinstance(moved, CursorResult) or moved.rowcount != 1:
            raise FileRefused("This import has moved on since the page was loaded; load it again.")


def _forget(runtime: Runtime, import_id: int, *, whole: bool = False) -> None:
    with runtime.db.read() as session:
        mine = col(ImportChunk.import_id) == import_id
        count = int(session.execute(select(func.count(col(ImportChunk.position))).where(mine)).scalar_one())
    for start in range(0, count + 1, 20):
        with runtime.db.write(Pace.BULK) as session:
            session.execute(delete(ImportChunk).where(mine, col(ImportChunk.position) < start + 20))
    if whole:
        with runtime.db.write() as session:
            session.execute(delete(ImportRun).where(col(ImportRun.id) == import_id))


def _header(table: formats.Table) -> list[str]:
    header = next(reading.rows(table.file, reading.sniff(table.file)), None)
    if header is None or header.cells is None:
        raise FileRefused("The line of column names cannot be read; its quotes do not close.")
    return header.cells


def _cells(row: reading.RawRow | None) -> list[str]:
    return (row.cells if row else None) or []


def options_of(runtime: Runtime, import_id: int) -> ImportOptions:
    """What the person chose for an upload."""
    with runtime.db.read() as session:
        run = session.get_one(ImportRun, import_id)
    return read_options(run)


def read_options(run: ImportRun) -> ImportOptions:
    """The options that an import's row holds."""
    said = run.options
    word = said.get("attestation")
    vouched = Attestation(**{**word, "at": datetime.fromisoformat(word["at"])}) if word else None
    return ImportOptions(
        program_id=said.get("program_id"),
        region=said.get("region"),
        mapping=said.get("mapping") or {},
        delimiter=said.get("delimiter"),
        purpose=Purpose(said["purpose"]) if said.get("purpose") else None,
        attestation=vouched,
        name=run.name,
    )


def find(session: Session, import_id: int) -> ImportRun | None:
    """One import."""
    run = session.get(ImportRun, import_id)
    session.expunge_all()
    return run


def listing(
    session: Session, programs: Collection[int] | None, limit: int, offset: int, order: str = "-id", status: str = ""
) -> list[ImportRun]:
    """Imports into these programs (None: all) and into none, newest first, or by "id" or "name" ("-": turned round)."""
    by = {"id": col(ImportRun.id), "name": col(ImportRun.name)}[order.removeprefix("-")]
    wanted = select(ImportRun).order_by(by.desc() if order.startswith("-") else by)
    wanted = wanted.where(col(ImportRun.status) == status if status else col(ImportRun.status) != "discarded")
    if programs is not None:
        wanted = wanted.where(or_(col(ImportRun.program_id).is_(None), col(ImportRun.program_id).in_(programs)))
    rows = list(session.execute(wanted.limit(limit).offset(offset)).scalars())
    session.expunge_all()
    return rows
