"""Random tampering with the ledger, in the database and in an export: all of it is found."""
# ruff: noqa: S608 (whoever tampers writes statements of their own)

import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session
from typer.testing import CliRunner

from guards.base import Purpose
from sender import sealing
from sender.audience.ledger import Act, record
from sender.audience.sealer import LEDGER, export, head, script, seal_some, verify, verify_export
from sender.cli import app
from sender.models import ConsentEvent
from sender.sealing import BrokenChain, End
from tests.installation import TUESDAY, Installation, install

EVENTS = 24
COLUMNS = [*(name for name in LEDGER.fields if name not in ("id",)), "wording_hash", "previous", "hash", "sequence"]
TRIGGERS = ("consent_event_kept", "consent_event_sealed", "consent_event_stays")


@dataclass
class Kept:
    """An installation with a sealed ledger, its triggers taken away, and its export."""

    made: Installation
    lines: list[bytes]

    @property
    def keys(self) -> Any:
        """The installation's keys."""
        return self.made.runtime.keys


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A ledger of two dozen events by three people, kept for the whole module: tampering is rolled back."""
    home: Path = tmp_path_factory.mktemp("kept")
    made = install(home / "home", f"sqlite:///{home / 'tactful.db'}")
    numbers = [made.contact(f"+1415555010{digit}") for digit in range(3)]
    with made.runtime.db.write() as session:
        for place in range(EVENTS - 3):
            kind, at = ("opt_out", "opt_in")[place % 2], TUESDAY + timedelta(minutes=place)
            more = {"level": "express_written", "wording": f"Yes, {place}."} if kind == "opt_in" else {}
            evidence = {"page": "/join", "place": place}
            act = Act(
                numbers[place % 3], made.program_id, kind, Purpose.MARKETING, at, "form", f"form:{place}",
                evidence=evidence, **more,
            )  # fmt: skip
            record(session, [act], at)
    seal_some(made.runtime.db, made.runtime.keys)
    with made.runtime.db.write() as session:
        for name in TRIGGERS:
            session.execute(text(f"DROP TRIGGER {name}"))
    with made.runtime.db.read() as session:
        return Kept(made, list(export(session, made.runtime.keys, TUESDAY)))


def event(at: Connection, key: int) -> dict[str, Any]:
    """One event as it lies in the database."""
    return dict(at.execute(text(f"SELECT * FROM consent_event WHERE id = {key}")).mappings().one())


def edit(chance: random.Random, at: Connection) -> None:
    """Change one cell of one event to something else."""
    column, victim = chance.choice(COLUMNS), chance.randint(1, EVENTS)
    before = at.execute(text(f'SELECT "{column}" FROM consent_event WHERE id = {victim}')).scalar()
    after = _other(chance, column, before)
    at.execute(text(f'UPDATE consent_event SET "{column}" = :value WHERE id = {victim}'), {"value": after})


def _other(chance: random.Random, column: str, before: Any) -> Any:
    match column:
        case "number_id":
            return before % 3 + 1
        case "program_id":
            return None
        case "at" | "recorded_at" | "lapses_at":
            return f"2025-0{chance.randint(1, 9)}-01 00:00:0{chance.randint(0, 9)}.000000"
        case "evidence":
            return json.dumps({"page": "/other", "n": chance.random()})
        case "wording_hash" | "previous" | "hash":
            return chance.randbytes(32)
        case "sequence":
            return before + 1000
        case "purpose":
            return "informational"
    return f"{before}{chance.choice('xyz .')}"


def delete(chance: random.Random, at: Connection) -> None:
    """Take one event out."""
    at.execute(text(f"DELETE FROM consent_event WHERE id = {chance.randint(1, EVENTS)}"))


def cut(chance: random.Random, at: Connection) -> None:
    """Take the last events away."""
    at.execute(text(f"DELETE FROM consent_event WHERE sequence > {chance.randint(1, EVENTS - 1)}"))


def swap(chance: random.Random, at: Connection) -> None:
    """Give two events each other's place, or each other's act."""
    one, two = chance.sample(range(1, EVENTS + 1), 2)
    columns = chance.choice((["sequence"], ["sequence", "previous", "hash"], ["number_id", "at", "evidence"]))
    rows = [
        dict(at.execute(text(f"SELECT * FROM consent_event WHERE id = {key}")).mappings().one()) for key in (one, two)
    ]
    at.execute(text(f"UPDATE consent_event SET sequence = NULL, source_ref = NULL WHERE id IN ({one}, {two})"))
    for key, mine, other in ((one, *rows), (two, *reversed(rows))):
        fresh = {
            "sequence": mine["sequence"],
            "source_ref": mine["source_ref"],
            **{name: other[name] for name in columns},
        }
        words = ", ".join(f'"{name}" = :{name}' for name in fresh)
        at.execute(text(f"UPDATE consent_event SET {words} WHERE id = {key}"), fresh)


def insert(chance: random.Random, at: Connection) -> None:
    """Put an event of one's own into the chain, behind it or between."""
    row = event(at, chance.randint(1, EVENTS))
    place = chance.choice((EVENTS + 1, row["sequence"] + 1))
    at.execute(text(f"UPDATE consent_event SET sequence = -sequence WHERE sequence >= {place}"))
    at.execute(text(f"UPDATE consent_event SET sequence = 1 - sequence WHERE sequence <= -{place}"))
    row |= {"id": 900, "source_ref": "mine", "sequence": place, "hash": chance.randbytes(32)}
    names = ", ".join(f'"{name}"' for name in row)
    at.execute(text(f"INSERT INTO consent_event ({names}) VALUES ({', '.join(f':{name}' for name in row)})"), row)


def relink(chance: random.Random, at: Connection) -> None:
    """Change an event and reckon every hash behind it anew, as whoever knows the format would."""
    victim = chance.randint(1, EVENTS)
    with Session(at) as session:
        session.get_one(ConsentEvent, victim).source = "paper"
        previous = sealing.GENESIS
        for event in session.execute(LEDGER.sealed()).scalars():
            event.previous, event.hash = previous, sealing.link(LEDGER, previous, event.sequence or 0, event)
            previous = event.hash
        session.flush()


def behead(chance: random.Random, at: Connection) -> None:
    """Cut the chain and its signature as well, or sign with something else."""
    place = chance.randint(1, EVENTS - 1)
    at.execute(text(f"DELETE FROM consent_event WHERE sequence > {place}"))
    at.execute(
        text(
            chance.choice(
                (
                    "DELETE FROM chain_head",
                    f"UPDATE chain_head SET sequence = {place}, "
                    f"hash = (SELECT hash FROM consent_event WHERE sequence = {place})",
                )
            )
        )
    )


IN_DATABASE: tuple[Callable[[random.Random, Connection], None], ...] = (edit, delete, cut, swap, insert, relink, behead)


def tamper_database(kept: Kept, count: int, seed: int) -> list[str]:
    """So many times tamper and verify, each undone again; what was not found."""
    chance, missed = random.Random(seed), []
    for turn in range(count):
        how = IN_DATABASE[turn % len(IN_DATABASE)]
        with kept.made.runtime.db.engine.connect() as at:
            at.execute(text("PRAGMA defer_foreign_keys=ON"))
            how(chance, at)
            with Session(at) as session:
                try:
                    verify(session, kept.keys)
                    missed.append(f"{turn}: {how.__name__}")
                except BrokenChain:
                    pass
                session.rollback()
    return missed


def tamper_export(kept: Kept, count: int, seed: int) -> list[str]:
    """The same with the lines of an export: bits, bytes, lines and whole words."""
    chance, missed = random.Random(seed), []
    for turn in range(count):
        lines = list(kept.lines)
        how = chance.choice(("byte", "drop", "double", "swap", "cut", "word", "add"))
        place = chance.randrange(len(lines))
        if how == "byte":
            at = chance.randrange(len(lines[place]))
            lines[place] = (
                lines[place][:at] + bytes([lines[place][at] ^ 1 << chance.randrange(8)]) + lines[place][at + 1 :]
            )
        elif how == "drop":
            del lines[place]
        elif how == "double":
            lines.insert(place, lines[place])
        elif how == "swap":
            second = (place + chance.randrange(1, len(lines))) % len(lines)
            lines[place], lines[second] = lines[second], lines[place]
        elif how == "cut":
            lines = lines[:place]
        elif how == "word":
            lines[place] = lines[place].replace(b'"', b' "', 1)
        else:
            lines.insert(place, chance.choice((b"", b"{}", b'{"event":{}}', lines[1])))
        try:
            verify_export(kept.keys, lines)
            missed.append(f"{turn}: {how} at line {place + 1}")
        except BrokenChain:
            continue
    return missed


def test_a_hundred_tamperings_are_found(kept: Kept) -> None:
    """Edits, deletions, cuts, swaps, insertions and chains linked anew, in the database and in an export."""
    with kept.made.runtime.db.read() as session:
        assert verify(session, kept.keys) == EVENTS
    assert verify_export(kept.keys, kept.lines) == EVENTS
    assert tamper_database(kept, 70, seed=1) == []
    assert tamper_export(kept, 400, seed=1) == []


@pytest.mark.nightly
def test_ten_thousand_tamperings_are_found(kept: Kept) -> None:
    """The same, ten thousand times each."""
    assert tamper_database(kept, 10_000, seed=2) == []
    assert tamper_export(kept, 10_000, seed=2) == []


def test_the_script_stands_alone_and_an_end_written_down_binds(kept: Kept, tmp_path: Path) -> None:
    """Run by a bare Python it holds, finds a change, and finds a whole ledger that was written anew."""
    alone, file = tmp_path / "verify_ledger.py", tmp_path / "ledger.jsonl"
    alone.write_text(script())
    assert len(script().splitlines()) < 100
    file.write_bytes(b"".join(line + b"\n" for line in kept.lines))
    with kept.made.runtime.db.read() as session:
        end = head(session)

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", str(alone), str(file), *more]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    whole = run(str(end))
    assert (whole.returncode, str(end) in whole.stdout) == (0, True)
    for other in (End(end.sequence, bytes(32)), End(end.sequence + 1, end.hash)):
        assert run(str(other)).returncode == 1
        with kept.made.runtime.db.read() as session, pytest.raises(BrokenChain):
            verify(session, kept.keys, (other,))
    file.write_bytes(file.read_bytes().replace(b'"opt_out"', b'"opt_in"', 1))
    changed = run()
    assert (changed.returncode, "was changed after it was sealed" in changed.stdout) == (1, True)


def test_a_ledger_that_was_cut_is_not_sealed_on(kept: Kept, tmp_path: Path) -> None:
    """The sealer goes on only behind the end that was signed; what another version sealed after it is taken along."""
    home = tmp_path / "home"
    made = install(home, f"sqlite:///{tmp_path / 'other.db'}")
    db, keys = made.runtime.db, made.runtime.keys
    number = made.contact("+14155550101")
    seal_some(db, keys)
    with db.write() as session:
        made.consent(session, number)
        for name in TRIGGERS:
            session.execute(text(f"DROP TRIGGER {name}"))
        session.execute(text("UPDATE consent_event SET hash = x'00' WHERE sequence = 1"))
    with pytest.raises(BrokenChain, match="not what was signed"):
        seal_some(db, keys)
    assert kept.made.runtime.db is not db
    db.close()


def test_the_commands_take_the_ledger_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tactful ledger export` with a reason, `head`, `verify` on both, and the script's own words."""
    made = install(tmp_path / "home", f"sqlite:///{tmp_path / 'home' / 'tactful.db'}")
    made.contact("+14155550101")
    seal_some(made.runtime.db, made.runtime.keys)
    made.runtime.db.close()
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    run, out = CliRunner(), tmp_path / "ledger.jsonl"
    assert run.invoke(app, ["ledger", "export", "--out", str(out), "--why", "Doe v. Acme"]).exit_code == 0
    end = run.invoke(app, ["ledger", "head"]).stdout.strip()
    for more in ([], ["--file", str(out)]):
        said = run.invoke(app, ["ledger", "verify", "--anchor", end, *more])
        assert (said.exit_code, "1 sealed events" in said.stdout) == (0, True)
    assert '"why": "Doe v. Acme"' in run.invoke(app, ["audit", "list", "--json", "--action", "ledger"]).stdout
    assert run.invoke(app, ["ledger", "script"]).stdout == script()
    out.write_bytes(out.read_bytes()[:-40])
    assert run.invoke(app, ["ledger", "verify", "--file", str(out)]).exit_code == 1
