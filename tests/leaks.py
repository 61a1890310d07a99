"""What must lie nowhere in the clear: a database as bytes, and what in a log looks like a number, text or secret."""

import re
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import MetaData, select

from sender.db import Database

# A number in international notation, also as part of an address, or ten North American digits that stand alone.
NUMBER = re.compile(rb"(?:\+|%2B)[1-9][0-9]{7,14}|(?<![0-9A-Za-z.:_-])1?[2-9][0-9]{2}[2-9][0-9]{6}(?![0-9A-Za-z.])")
# Words that stand in nearly every text of the tests, and what a key of ours or a password among them looks like.
TEXT = re.compile(
    rb"opt out|Msg & data|Sale today|violet tractor|\btactful_(?:live|test)_[0-9A-Za-z]|\bwhsec_|Bearer [\w-]"
)
# The fictional number that says test STOPs is a setting, not a person.
FICTIONAL = (b"+12025550199",)


def dump(url: str) -> bytes:
    """Every value of every table, as text and as raw bytes, and on SQLite the file itself with its log."""
    db, tables = Database(url), MetaData()
    tables.reflect(db.engine)
    with db.read() as session:
        rows = [value for table in tables.sorted_tables for row in session.execute(select(table)) for value in row]
    db.close()
    values = b"\n".join(value if isinstance(value, bytes) else repr(value).encode() for value in rows)
    path = Path(url.removeprefix("sqlite:///"))
    files = [path, path.with_name(f"{path.name}-wal")] if url.startswith("sqlite") else []
    return values + b"".join(file.read_bytes() for file in files if file.exists())


def found(blob: bytes, words: Iterable[str]) -> list[str]:
    """Those of the words that stand in the bytes, a number also without its plus sign and country."""
    return [word for word in words if word.encode() in blob or _national(word) in blob]


def leaks(log: bytes) -> list[str]:
    """Lines of a log with something in them that looks like a number, a text or a secret."""
    wrong = (line for line in log.splitlines() if NUMBER.search(_without_fiction(line)) or TEXT.search(line))
    return [line.decode(errors="replace") for line in wrong]


def leaks_below(folder: Path) -> list[str]:
    """The same of every ``*.log`` below a folder, each line with the name of its file."""
    return [f"{file.name}: {line}" for file in folder.rglob("*.log") for line in leaks(file.read_bytes())]


def _national(word: str) -> bytes:
    return word[-10:].encode() if word.startswith("+") else word.encode()


def _without_fiction(line: bytes) -> bytes:
    for number in FICTIONAL:
        line = line.replace(number, b"")
    return line
