"""Clocks that jump, databases that crash, are locked or full, a bell that is silent: nothing doubled, nothing lost."""

import os
import signal
from pathlib import Path
from random import Random

import psycopg
import pytest

from tests.chaos import bells, clocks, databases, disks, full, kills, receipts, restores, sigterms
from tests.chaos.rounds import Place
from tests.chaos.scenarios import SCENARIOS
from tests.servers import Postgres


def test_kills_double_and_lose_nothing(place: Place) -> None:
    """Six workers die with texts on the wire, and the provider loses answers: each text is accepted at most once."""
    result = kills.play(place, 6, Random(3))
    assert result.broken == []
    assert result.counts["on the wire at kills"] >= 6


def test_workers_drain_when_they_are_told_to_end(tmp_path: Path, sqlite_url: str) -> None:
    """SIGTERM amid a batch: the worker ends by itself in time, its texts are accepted once, the others go elsewhere."""
    result = sigterms.play(Place(tmp_path, sqlite_url), 1, Random(3))
    assert result.broken == []
    assert result.counts["on the wire at SIGTERM"] >= 1


def test_jumping_clocks_double_nothing(place: Place) -> None:
    """Eight jumps of up to a day and workers whose clocks differ: nobody is texted twice, and texts still go."""
    result = clocks.play(clocks.DAY, place, 8, Random(7))
    assert result.broken == []
    assert result.counts["texts amid jumps"] > 0


def test_jumping_clocks_text_nobody_at_night(place: Place) -> None:
    """Eight jumps of up to a day, at two in the morning by the true clock: not one text goes, and none is given up."""
    result = clocks.play(clocks.NIGHT, place, 8, Random(8))
    assert result.broken == []
    assert result.counts["texts amid jumps"] == 0


def test_what_was_acknowledged_survives_locks_and_disks(tmp_path: Path, sqlite_url: str) -> None:
    """SQLite is locked, full and (with strace) fails to sync: no create without its row, nothing kept is lost."""
    result = databases.play_on(Place(tmp_path, sqlite_url), 3, Random(8))
    assert result.broken == []
    assert result.counts["acknowledged"] > 0


def test_what_was_acknowledged_survives_crashes_and_disks(tmp_path: Path, own_postgres: Postgres) -> None:
    """PostgreSQL crashes, is full and (with strace) fails to sync: no create without its row, nothing kept is lost."""
    result = databases.play_on(Place(tmp_path, own_postgres.create("chaos"), own_postgres), 4, Random(8))
    assert result.broken == []
    assert result.counts["acknowledged"] > 0


def test_a_server_that_stands_still_is_brought_back(own_postgres: Postgres) -> None:
    """A PostgreSQL whose first process is stopped is ended and started again, and keeps what it had."""
    own_postgres.create("kept")
    os.kill(disks.processes_of(own_postgres)[0], signal.SIGSTOP)
    disks.bring_back(own_postgres, patience=0)
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        own_postgres.create("kept")


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_full_disk_fails_closed(tmp_path: Path, sqlite_url: str, name: str) -> None:
    """At each tenth page the disk is full for a moment: no text goes without its row, and all goes on afterwards."""
    result = full.fill_through(Place(tmp_path, sqlite_url), name, first=len(name) % 10, every=10)
    assert result.broken == []


def test_an_emptied_bell_loses_nothing(tmp_path: Path, sqlite_url: str) -> None:
    """Redis is flushed with hundreds of ids in it: everybody gets their text, and within 15 seconds again."""
    assert bells.play(Place(tmp_path, sqlite_url), 1, Random(9)).broken == []


@pytest.mark.nightly
def test_an_emptied_bell_loses_nothing_beside_postgresql(tmp_path: Path, pg_url: str) -> None:
    """The same on PostgreSQL."""
    assert bells.play(Place(tmp_path, pg_url), 1, Random(9)).broken == []


def test_a_copy_that_is_put_back_sends_nothing_by_itself(tmp_path: Path, sqlite_url: str) -> None:
    """Twice an older file comes back while texts leave: none before a release, nobody texted twice after it."""
    result = restores.play(Place(tmp_path, sqlite_url), 2, Random(10))
    assert result.broken == []
    assert result.counts["held"] == 2
    assert result.counts["learned of"] > 0


@pytest.mark.nightly
def test_what_takes_receipts_may_be_killed(tmp_path: Path, sqlite_url: str) -> None:
    """A second of 500 receipts while texts leave, and a kill amid them: nothing acknowledged is missing."""
    result = receipts.play(True, Place(tmp_path, sqlite_url), 1, Random(11), kill_every=0.4)
    assert result.broken == []
    assert result.counts["kills"] >= 1
    assert result.counts["receipts"] > 0
