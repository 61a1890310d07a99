"""A run of one row: played round by round, kept after each, gone on with after an interruption, written down once."""

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random, SystemRandom

from rich.console import Console

from tests.chaos.rounds import Place, Round, Row, share
from tests.servers import Postgres, make_base, private

ROOT = Path(__file__).parents[2]
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Runs:
    """Where runs keep their rounds, where they write what came of them, and the commit they play."""

    state: Path
    book: Path
    commit: str
    console: Console

    def run(self, row: Row, database: str, most: int, seed: str = "") -> Round:
        """Play a row to its end, going on where an earlier run of the same size, seed and commit stopped."""
        state = self._state(row, database, most, seed)
        seed = state.stem.rsplit("-", 1)[-1]
        total, done = _so_far(state)
        self._say(f"{row.name} on {database}, {most:,} faults, SEED={seed}, {done:,} of them done before")
        with _server(database) as server:
            while done < most:
                size = min(row.size, most - done)
                came = _round(row, server, size, Random(f"{seed}:{row.name}:{database}:{done}"))
                _keep(state, came, size)
                total.add(came)
                done += size
                self._say(f"  {done:,} of {most:,}: {figures(total)}")
        total.broken += row.too_slow(total)
        self._write_down(row, database, most, seed, total)
        state.rename(state.with_suffix(".done"))
        return total

    def _state(self, row: Row, database: str, most: int, seed: str) -> Path:
        """The file of the run that was interrupted, else of a new one."""
        self.state.mkdir(parents=True, exist_ok=True)
        name = f"{row.name}-{database}-{most}-{self.commit}"
        left = sorted(self.state.glob(f"{name}-{seed or '*'}.jsonl"))
        return left[0] if left else self.state / f"{name}-{seed or SystemRandom().randrange(10**6)}.jsonl"

    def _write_down(self, row: Row, database: str, most: int, seed: str, total: Round) -> None:
        day = datetime.now(UTC).date().isoformat()
        with self.book.open("a") as book:
            book.write(f"| {day} | {row.name} | {database} | {most:,} | {figures(total)} | {seed} | {self.commit} |\n")
        for what in total.broken[:SHOWN]:
            self._say(f"  broken: {what}")

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False)


def figures(total: Round) -> str:
    """What came of a run, in one line."""
    counts = [f"{count:,} {name}" for name, count in total.counts.items()]
    times = [
        f"{name} p50 {share(found, 0.5):.3f} s, p99 {share(found, 0.99):.3f} s, longest {max(found):.3f} s"
        for name, found in total.times.items()
        if found
    ]
    return ", ".join([f"**{len(total.broken)} broken**", *counts, *times])


def commit_of(root: Path) -> str:
    """The commit that is played, with "+" where the product has changes on top of it."""
    here = _git(root, "rev-parse", "--short", "HEAD")
    return here + ("+" if _git(root, "status", "--porcelain", "--", "guards", "sender", "web") else "")


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def _round(row: Row, server: Postgres | None, size: int, dice: Random) -> Round:
    """One round in an empty folder and an empty database."""
    make_base()
    with tempfile.TemporaryDirectory(prefix="c-", dir="/tmp") as made:
        folder = Path(made)
        if server is None:
            return row.play(Place(folder, f"sqlite:///{folder / 'tactful.db'}"), size, dice)
        url = server.create("chaos")
        try:
            return row.play(Place(folder, url, server), size, dice)
        finally:
            server.drop("chaos")


@contextmanager
def _server(database: str) -> Iterator[Postgres | None]:
    if database == "sqlite":
        yield None
        return
    with private(Postgres) as server:
        yield server


def _so_far(state: Path) -> tuple[Round, int]:
    total, done = Round(), 0
    for line in state.read_text().splitlines() if state.exists() else []:
        kept = json.loads(line)
        total.add(Round(Counter(kept["counts"]), kept["times"], kept["broken"]))
        done += kept["size"]
    return total, done


def _keep(state: Path, came: Round, size: int) -> None:
    kept = {"size": size, "counts": came.counts, "times": came.times, "broken": came.broken}
    with state.open("a") as file:
        file.write(json.dumps(kept) + "\n")
