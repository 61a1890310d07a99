"""Backups of a running installation, on either database, put back whole or not at all, and held."""

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from sender import schema
from sender.backup import copies, rows
from sender.backup.sealed import BackupError, read_head
from sender.crypto import load_keys, make_keys
from sender.db import Database
from sender.models import Installation as InstallationRow
from tests.installation import TUESDAY, Installation, install

WORDS = "Acme: a secret bargain. Reply STOP to opt out"
PEOPLE = [f"+1212555{place:04d}" for place in range(100, 105)]


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation with five people and a text for each."""
    made = install(tmp_path / "home", database_url)
    for e164 in PEOPLE:
        made.message(made.contact(e164, attributes={"city": "Löwen", "none": None}), WORDS)
    yield made
    made.runtime.db.close()


@pytest.fixture
def empty(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Database]]:
    """Makes empty databases of the kind asked for."""
    made: list[Database] = []
    names = itertools.count()

    def make(kind: str) -> Database:
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path / f'empty{next(names)}.db'}"
        else:
            url = request.getfixturevalue("postgres").create(next(request.getfixturevalue("database_names")))
        made.append(Database(url))
        return made[-1]

    yield make
    for database in made:
        database.close()


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, by table; without what a copy changes on purpose."""
    with rows.view_of(database) as view:
        found: dict[str, list[tuple[object, ...]]] = {table: [] for table in SQLModel.metadata.tables}
        for name, _, some in rows.read(view):
            found[name] += some
    for changed in ("installation", "session", "login_link", "audit"):
        found.pop(changed)
    return found


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_backup_comes_back_whole_and_held(
    installation: Installation, empty: Callable[[str], Database], tmp_path: Path, target: str
) -> None:
    """Out of either database and into either: every row is the same, new rows get new ids, and no gate opens."""
    runtime, file = installation.runtime, tmp_path / "monday.tactful"
    counts = copies.backup(runtime.db, runtime.keys, file, TUESDAY)
    assert counts["message"] == len(PEOPLE)
    assert file.stat().st_mode & 0o777 == 0o600
    restored = empty(target)
    assert copies.restore(file, load_keys(runtime.settings.home), restored, TUESDAY) == counts
    assert everything(restored) == everything(runtime.db)
    assert schema.differences(restored) == []
    with restored.write() as session:
        row = session.get_one(InstallationRow, 1)
        assert (row.halted, row.copied_at) == (True, TUESDAY)
        assert "restored from the backup of 2026-03-10" in row.halted_why
        fresh = session.execute(
            text("INSERT INTO segment (name, definition, created_at) VALUES ('x', '{}', :at) RETURNING id"),
            {"at": TUESDAY.isoformat()},
        ).scalar_one()
        assert fresh == 1
    with pytest.raises(BackupError, match=r"There is an installation in .* already"):
        copies.restore(file, runtime.keys, restored, TUESDAY)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_reveals_nothing(installation: Installation, tmp_path: Path) -> None:
    """Neither a number nor a word nor the name of a table can be read in it, only when and under which keys."""
    runtime, file = installation.runtime, tmp_path / "monday.tactful"
    copies.backup(runtime.db, runtime.keys, file, TUESDAY)
    raw = file.read_bytes()
    for hidden in (b"2125550", b"secret", b"consent_event", b"acme", b"Acme"):
        assert hidden not in raw
    assert read_head(file)["keys"] == runtime.keys.fingerprint


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_changed_byte_is_found(
    installation: Installation, empty: Callable[[str], Database], tmp_path: Path
) -> None:
    """A backup that was changed, cut or sealed with other keys is refused in one sentence, and nothing is put back."""
    runtime, file = installation.runtime, tmp_path / "monday.tactful"
    copies.backup(runtime.db, runtime.keys, file, TUESDAY)
    raw, target, spoilt = file.read_bytes(), empty("sqlite"), tmp_path / "spoilt"
    end = raw.index(b"\n")
    for place in [0, 40, end + 2, end + 40, len(raw) // 2, len(raw) - 1]:
        spoilt.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        with pytest.raises(BackupError):
            copies.restore(spoilt, runtime.keys, target, TUESDAY)
    for cut in (0, end, end + 3, len(raw) - 5):
        spoilt.write_bytes(raw[:cut])
        with pytest.raises(BackupError):
            copies.restore(spoilt, runtime.keys, target, TUESDAY)
    (tmp_path / "other").mkdir()
    with pytest.raises(BackupError, match="other keys"):
        copies.restore(file, make_keys(tmp_path / "other"), target, TUESDAY)
    assert rows.is_empty(target)


def test_a_backup_is_of_one_instant_while_others_write(
    installation: Installation, empty: Callable[[str], Database], tmp_path: Path
) -> None:
    """Contact and number are always written together; a copy made meanwhile never has one without the other."""
    runtime, told, made = installation.runtime, threading.Event(), []

    def write() -> None:
        for place in itertools.count(200):
            if told.is_set() or place > 210:
                return
            made.append(installation.contact(f"+1213555{place:04d}", consent=False))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        all_counts = []
        for place in range(2):
            all_counts.append(copies.backup(runtime.db, runtime.keys, tmp_path / f"{place}.tactful", TUESDAY))
    finally:
        told.set()
        writer.join()
    assert all(counts["number"] == counts["contact"] for counts in all_counts)
    restored = empty("sqlite")
    assert copies.restore(tmp_path / "1.tactful", runtime.keys, restored, TUESDAY) == all_counts[1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_database_is_copied_into_another(installation: Installation, empty: Callable[[str], Database]) -> None:
    """`db copy` brings SQLite to PostgreSQL (and back) row by row, and the copy is held."""
    target = empty("postgresql")
    copies.copy(installation.runtime.db, target, TUESDAY)
    assert everything(target) == everything(installation.runtime.db)
    with target.read() as session:
        assert session.get_one(InstallationRow, 1).halted_why == "copied from another database"


def test_an_upgrade_is_backed_up_first(tmp_path: Path) -> None:
    """A database of an older schema is kept before it is changed, read back by this version, and five are kept."""
    database = Database(f"sqlite:///{tmp_path / 'tactful.db'}")
    keys = make_keys(tmp_path)
    with database.write() as session:
        schema.upgrade_within(session.connection(), "0003")
        session.execute(text("INSERT INTO installation VALUES (1, 'e', 0, '', '2026-03-10 15:00:00')"))
    kept = [
        copies.before_upgrade(database, keys, tmp_path / "backups", TUESDAY.replace(minute=minute))
        for minute in range(7)
    ]
    assert len(os.listdir(tmp_path / "backups")) == copies.KEPT_BEFORE_UPGRADES
    restored = Database(f"sqlite:///{tmp_path / 'restored.db'}")
    assert kept[-1] is not None
    copies.restore(kept[-1], keys, restored, TUESDAY)
    schema.require_current(restored)
    schema.upgrade(database)
    assert copies.before_upgrade(database, keys, tmp_path / "backups", TUESDAY) is None
    restored.close()
    database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_that_cannot_be_written_leaves_nothing(installation: Installation, tmp_path: Path) -> None:
    """A file that is there already stays as it is, and a folder that is not there is named."""
    runtime, file = installation.runtime, tmp_path / "monday.tactful"
    file.write_text("mine")
    with pytest.raises(BackupError, match="there already"):
        copies.backup(runtime.db, runtime.keys, file, TUESDAY)
    with pytest.raises(BackupError, match="cannot be written"):
        copies.backup(runtime.db, runtime.keys, tmp_path / "nowhere" / "file", TUESDAY)
    assert file.read_text() == "mine"
    assert list(tmp_path.glob("*.unfinished")) == []
