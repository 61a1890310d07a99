"""A run of `make chaos` can be interrupted, replayed and read afterwards."""

import io
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from rich.console import Console

from tests.chaos.__main__ import main
from tests.chaos.rounds import Place, Round, Row, Within, share
from tests.chaos.runs import Runs


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Runs with a folder and a book of their own."""
    return Runs(tmp_path / "state", tmp_path / "book.md", "abc123", Console(file=io.StringIO()))


class Draws:
    """A row that draws one number a round, and is interrupted once before the round with this place."""

    def __init__(self, interrupted: int = -1) -> None:
        self.interrupted = interrupted
        self.drawn: list[int] = []

    def play(self, place: Place, size: int, dice: Random) -> Round:
        """One draw."""
        if len(self.drawn) == self.interrupted:
            self.interrupted = -1
            raise KeyboardInterrupt
        self.drawn.append(dice.randrange(10**9))
        return Round(Counter({"draws": size}), {"took": [0.5]}, [f"drew {self.drawn[-1]}"])

    def row(self) -> Row:
        """This row: rounds of two."""
        return Row("draws", self.play, 2, 7, ("sqlite",))


def test_an_interrupted_run_goes_on_where_it_stopped(runs: Runs) -> None:
    """Seven faults in rounds of two, interrupted after two rounds: the same dice as in one go, each counted once."""
    whole, broken_off = Draws(), Draws(interrupted=2)
    runs.run(whole.row(), "sqlite", 7, "5")
    with pytest.raises(KeyboardInterrupt):
        runs.run(broken_off.row(), "sqlite", 7, "5")
    total = runs.run(broken_off.row(), "sqlite", 7)
    assert broken_off.drawn == whole.drawn
    assert total.counts["draws"] == 7
    assert len(total.broken) == 4


def test_what_came_of_it_is_written_down(runs: Runs) -> None:
    """One line of the book names the row, database, faults, figures, seed and commit."""
    runs.run(Draws().row(), "sqlite", 7, "5")
    line = runs.book.read_text()
    assert "| draws | sqlite | 7 | **4 broken**, 7 draws, took p50 0.500 s" in line
    assert line.endswith("| 5 | abc123 |\n")


def test_what_took_too_long_is_broken(runs: Runs) -> None:
    """A time beyond its row's limit counts as broken, one within it does not."""
    row = replace(Draws().row(), within=(Within("took", 0.99, 0.4), Within("took", 0.5, 0.6)))
    assert runs.run(row, "sqlite", 2, "5").broken[1:] == ["took: 0.50 s at 99%"]


def test_a_row_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name is answered with the right ones."""
    assert main(["--row", "nothing"]) == 2
    assert "stops, answers, controls, caps" in capsys.readouterr().out


def test_a_percentile_is_a_time_that_was_taken() -> None:
    """p99 of a hundred times is the longest but one at least; of none it is nothing."""
    assert share([float(n) for n in range(100)], 0.99) == 99.0
    assert share([3.0, 1.0, 2.0], 0.5) == 2.0
    assert share([], 0.99) == 0.0
