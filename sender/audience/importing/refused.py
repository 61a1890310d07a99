"""The rows that imports did not take: a few for the report, all of them for the person who mends the file."""

import csv
import io
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.importing.options import FileRefused, Refusal
from sender.audit import note
from sender.crypto import Keyring
from sender.models import ImportRefusal, ImportRun

PAGE = 1000
FORMULA = frozenset("=+-@\t\r")


def first_refusals(session: Session, import_id: int, limit: int) -> list[Refusal]:
    """The first refused rows of an import, by line."""
    columns = col(ImportRefusal.line), col(ImportRefusal.code), col(ImportRefusal.reason)
    statement = select(*columns).where(col(ImportRefusal.import_id) == import_id)
    return [Refusal(*row) for row in session.execute(statement.order_by(columns[0]).limit(limit))]


def refusals(session: Session, import_id: int, after: int, limit: int) -> list[ImportRefusal]:
    """Refused rows of an import behind one of them, in the order in which they were refused."""
    mine = (col(ImportRefusal.import_id) == import_id, col(ImportRefusal.id) > after)
    return list(
        session.execute(select(ImportRefusal).where(*mine).order_by(col(ImportRefusal.id)).limit(limit)).scalars()
    )


def write_refused(session: Session, keys: Keyring, import_id: int, path: Path) -> int:
    """Write every refused row with its line, code and reason as CSV that only we may read; returns how many.

    FileRefused where there is no such import, or something already lies at ``path``.
    """
    if session.get(ImportRun, import_id) is None:
        raise FileRefused(f"There is no import {import_id}.")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise FileRefused(f"The file {path} cannot be made: {error.strerror}; choose another name.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        written = -1
        for line in refused_lines(session, keys, import_id):
            file.write(line)
            written += 1
    return written


def note_taken(session: Session, now: datetime, actor: str, import_id: int, why: str, rows: int) -> None:
    """The act in the audit: whoever takes people's rows out says what for."""
    detail = {"why": why.strip()[:200], "rows": rows}
    note(session, now, actor, "people.export", f"refused rows of import {import_id}", detail)


def refused_lines(session: Session, keys: Keyring, import_id: int) -> Iterator[str]:
    """The refused rows as lines of CSV, names of columns first; no cell of it is a formula to a spreadsheet."""
    yield _line(["line", "code", "reason", "row"])
    for row in _all(session, import_id):
        text = keys.unwrap(row.row_cipher).decode().rstrip("\r\n")
        yield _line([str(row.line), row.code, row.reason, safe_cell(text)])


def safe_cell(text: str) -> str:
    """A cell that a spreadsheet shows and never runs (OWASP, CSV injection); the importer takes the mark off again."""
    return f"'{text}" if text[:1] in FORMULA else text


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _all(session: Session, import_id: int) -> Iterator[ImportRefusal]:
    statement = select(ImportRefusal).where(col(ImportRefusal.import_id) == import_id).order_by(col(ImportRefusal.line))
    yield from session.execute(statement.execution_options(yield_per=PAGE)).scalars()
