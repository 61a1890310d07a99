"""Do-not-call files: who stands on one is held back by the whole chain, under any living key, until a newer copy."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from guards.base import Purpose
from guards.chain import run
from sender.audience import registers
from sender.audience.facts import Asked, FactsLoader
from sender.audience.number_files import NumberFileError
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.cli import app
from sender.crypto import add_generation
from sender.models import Audit, Notice, RegisterFile, RegisterNumber
from tests.guards.people import draft
from tests.installation import TUESDAY, Installation, install

ACTOR = "ana@example.org"
ANN, BOB, RAM = "+12125550100", "+12125550101", "+919123456789"
TODAY = TUESDAY.date()


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn, with Ann, who agreed in writing."""
    made = install(tmp_path / "home", database_url)
    made.contact(ANN)
    yield made
    made.runtime.db.close()


def file_of(tmp_path: Path, text: str, name: str = "register.txt") -> Path:
    """A file with this in it."""
    path = tmp_path / name
    path.write_text(text)
    return path


def places_of(house: Installation, *e164s: str) -> list[set[str]]:
    """On which registers these numbers stand, as the facts for the guards say."""
    runtime = house.runtime
    with runtime.db.write() as session:
        ids = find_or_make(session, runtime.keys, [parse(one, None) for one in e164s], runtime.clock.now())
    asked = [Asked(ids[one], ids[one], house.program_id, Purpose.MARKETING) for one in e164s]
    with runtime.db.read() as session:
        known = FactsLoader(runtime.keys, "http://127.0.0.1").load(session, asked, runtime.clock.now(), timedelta())
    for one in known.values():
        assert one.record().get("registers", []) == sorted(one.facts.registers)
    return [set(known[ids[one]].facts.registers) for one in e164s]


def test_a_register_is_kept_by_hash_and_replaced_by_a_newer_copy(house: Installation, tmp_path: Path) -> None:
    """Whatever the spelling; strangers too; each part by itself; an older copy changes nothing; all is noted."""
    runtime = house.runtime
    file = file_of(tmp_path, f"number\n212,5550100\n{BOB}\n(212) 555-0102\nnot 1\n")
    done = registers.take_in(runtime, file, "us", TODAY, ACTOR, "212")
    assert (done["read"], done["unreadable"], done["listed"]) == (4, 1, 3)
    registers.take_in(runtime, file_of(tmp_path, f"{RAM[3:]}\n"), "IN", TODAY, ACTOR)
    assert places_of(house, ANN, BOB, RAM, "+12125550109") == [{"US"}, {"US"}, {"IN"}, set()]
    with runtime.db.read() as session:
        rows = session.execute(select(RegisterNumber)).scalars().all()
        assert [len(row.key) for row in rows] == [8] * 4
    with pytest.raises(NumberFileError, match="newer copy, drawn on 2026"):
        registers.take_in(runtime, file, "US", TODAY - timedelta(days=1), ACTOR, "212")
    registers.take_in(runtime, file_of(tmp_path, f"{BOB}\n"), "US", TODAY, ACTOR, "212")
    assert places_of(house, ANN, BOB, RAM) == [set(), {"US"}, {"IN"}]
    with runtime.db.read() as session:
        assert len(session.execute(select(RegisterFile)).scalars().all()) == 2
        acts = session.execute(select(Audit).where(col(Audit.action) == "register.take_in")).scalars().all()
    assert [(act.subject, act.detail["listed"]) for act in acts] == [
        ("register US", 3), ("register IN", 1), ("register US", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_rotated_key_forgets_nobody(house: Installation, tmp_path: Path) -> None:
    """A file from before the rotation still counts, for numbers that were met before it and after."""
    registers.take_in(house.runtime, file_of(tmp_path, f"{ANN}\n{BOB}\n"), "US", TODAY, ACTOR)
    add_generation(house.runtime.settings.home)
    assert places_of(house, ANN, BOB, RAM) == [{"US"}, {"US"}, set()]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_whole_chain_holds_back_who_is_listed(house: Installation, tmp_path: Path) -> None:
    """Written consent counts more than the American register, and nothing counts more than one nobody described."""
    runtime = house.runtime
    asked = [Asked(1, 1, house.program_id, Purpose.MARKETING)]
    said = []
    for country in ("US", "MX"):
        registers.take_in(runtime, file_of(tmp_path, f"{ANN}\n"), country, TODAY, ACTOR)
        with runtime.db.read() as session:
            known = FactsLoader(runtime.keys, "").load(session, asked, runtime.clock.now(), timedelta())[1]
        outcome = run(draft(), known.facts, runtime.chain)
        said.append(getattr(getattr(outcome, "verdict", None), "reason", ""))
    assert said == ["", "do_not_call"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_old_copy_is_told_until_a_newer_one_comes(house: Installation, tmp_path: Path) -> None:
    """On the thirty-second day a notice stands, and goes with a newer copy."""
    file, runtime = file_of(tmp_path, f"{ANN}\n"), house.runtime
    registers.take_in(runtime, file, "US", TODAY - timedelta(days=31), ACTOR)
    assert registers.tell_outdated(runtime) == 0
    house.clock.move(timedelta(days=1))
    assert registers.tell_outdated(runtime) == 1
    assert [one.ended_at is None for one in told(house)] == [True]
    assert "National Do Not Call Registry (US) of" in told(house)[0].sentence
    registers.take_in(runtime, file, "US", TODAY, ACTOR)
    assert [one.ended_at is None for one in told(house)] == [False]


def told(house: Installation) -> list[Notice]:
    """The notices about registers."""
    with house.runtime.db.read() as session:
        return list(session.execute(select(Notice).where(col(Notice.key) == "register outdated")).scalars())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("text", "country", "drawn", "sentence"),
    [
        (f"{ANN}\n", "Utopia", TODAY, "no country code such as US"),
        (f"{ANN}\n", "US", date(2099, 1, 1), "in the future"),
        ("", "US", TODAY, "has no number in it; an empty copy would open"),
    ],
)
def test_what_is_no_register_is_refused(
    house: Installation, tmp_path: Path, text: str, country: str, drawn: date, sentence: str
) -> None:
    """A place nobody knows, a day to come and an empty file are each refused in a sentence, and nothing is kept."""
    with pytest.raises(NumberFileError, match=sentence):
        registers.take_in(house.runtime, file_of(tmp_path, text), country, drawn, ACTOR)
    with house.runtime.db.read() as session:
        assert session.execute(select(RegisterFile)).scalars().all() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_registers_by_command(house: Installation, tmp_path: Path, monkeypatch: Any) -> None:
    """Taken in, listed and forgotten for a reason, each by a command."""
    monkeypatch.setenv("TACTFUL_HOME", str(house.runtime.settings.home))
    monkeypatch.setenv("TACTFUL_DATABASE_URL", str(house.runtime.db.url))
    run_, file = CliRunner(), str(file_of(tmp_path, f"{ANN}\n"))
    taken = run_.invoke(app, ["numbers", "do-not-call", file, "--country", "US", "--drawn", "2026-01-02"])
    assert (taken.exit_code, "listed: 1" in taken.output) == (0, True)
    shown = run_.invoke(app, ["numbers", "registers"]).output
    assert "1 numbers of 2026-01-02, older than 31 days" in " ".join(shown.split())
    assert '"numbers": 1' in run_.invoke(app, ["numbers", "registers", "--json"]).output
    assert run_.invoke(app, ["numbers", "forget-register", "US", "--why", " "]).exit_code == 1
    assert run_.invoke(app, ["numbers", "forget-register", "US", "--why", "no more offers"]).exit_code == 0
    assert "No do-not-call file" in run_.invoke(app, ["numbers", "registers"]).output
    assert places_of(house, ANN) == [set()]
