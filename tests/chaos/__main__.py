"""`make chaos`: play the rows with many faults, go on after an interruption, and write down what came of them.

    python -m tests.chaos [--row NAME] [--n COUNT] [--seed SEED] [--database sqlite|postgresql]

Each round's dice come from seed, row, database and its place in the run: the same seed replays the same faults.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random, SystemRandom

from rich.console import Console

from tests.chaos import bells, caps, clocks, controls, databases, full, steps, stops
from tests.chaos.rounds import Place, Round, Row, share
from tests.servers import Postgres, make_base, private

ROOT = Path(__file__).parents[2]
STATE = ROOT / "build" / "chaos"
BOOK = ROOT / "docs" / "reliability.md"
BOTH = ("sqlite", "postgresql")
ROWS = (
    Row("steps", steps.play, 1, len(steps.SCENARIOS), BOTH),
    Row("stops", stops.play, 200, 10_000, BOTH),
    Row("controls", controls.play, 50, 1_000, BOTH),
    Row("caps", caps.play, 500, 3_000, BOTH),
    Row("clocks", clocks.play, 50, 1_000, BOTH),
    Row("redis", bells.play, 5, 100, BOTH),
    Row("database", databases.play, 10, 50, BOTH),
    Row("full", full.play, 1, len(full.SCENARIOS), ("sqlite",)),
)
console = Console(soft_wrap=True)


def main(words: Sequence[str]) -> int:
    """Play what was asked for; 1 when a promise was broken."""
    asked = _asked(words)
    rows = [row for row in ROWS if asked.row in ("", row.name)]
    if not rows:
        console.print(f"There is no row {asked.row!r}; there is {', '.join(row.name for row in ROWS)}.")
        return 2
    results = [
        _run(row, database, int(asked.n or row.most), asked.seed)
        for row in rows
        for database in row.databases
        if asked.database in ("", database)
    ]
    return 1 if any(result.broken for result in results) else 0


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos")
    for name in ("row", "n", "seed", "database"):
        parser.add_argument(f"--{name}", default="")
    return parser.parse_args(words)


def _run(row: Row, database: str, most: int, seed: str) -> Round:
    """Play a row to its end, going on where an earlier run of the same size, seed and commit stopped."""
    commit = _commit()
    state = _state(row, database, most, seed, commit)
    seed = state.stem.rsplit("-", 1)[-1]
    total, done = _so_far(state)
    console.print(f"{row.name} on {database}, {most:,} faults, SEED={seed}, {done:,} done before", highlight=False)
    with _server(database) as server:
        while done < most:
            size = min(row.size, most - done)
            dice = Random(f"{seed}:{row.name}:{database}:{done}")
            came = _round(row, server, size, dice)
            _keep(state, came, size)
            total.add(came)
            done += size
            console.print(f"  {done:,} of {most:,}: {_figures(total)}", highlight=False)
    state.rename(state.with_suffix(".done"))
    _write_down(row, database, most, seed, commit, total)
    return total


def _round(row: Row, server: Postgres | None, size: int, dice: Random) -> Round:
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


def _state(row: Row, database: str, most: int, seed: str, commit: str) -> Path:
    """The file of the run that was interrupted, else of a new one."""
    STATE.mkdir(parents=True, exist_ok=True)
    name = f"{row.name}-{database}-{most}-{commit}"
    left = sorted(STATE.glob(f"{name}-{seed or '*'}.jsonl"))
    return left[0] if left else STATE / f"{name}-{seed or SystemRandom().randrange(10**6)}.jsonl"


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


def _figures(total: Round) -> str:
    counts = [f"{count:,} {name}" for name, count in total.counts.items()]
    times = [
        f"{name} p50 {share(found, 0.5):.3f} s, p99 {share(found, 0.99):.3f} s, longest {max(found):.3f} s"
        for name, found in total.times.items()
        if found
    ]
    return ", ".join([f"{len(total.broken)} broken", *counts, *times])


def _write_down(row: Row, database: str, most: int, seed: str, commit: str, total: Round) -> None:
    day = datetime.now(UTC).date().isoformat()
    with BOOK.open("a") as book:
        book.write(f"| {day} | {row.name} | {database} | {most:,} | {_figures(total)} | {seed} | {commit} |\n")
    for what in total.broken[:20]:
        console.print(f"  [bold red]broken[/] {what}", highlight=False)


def _commit() -> str:
    """The commit that is played, with "+" where the product has changes on top of it."""
    here = _git("rev-parse", "--short", "HEAD")
    return here + ("+" if _git("status", "--porcelain", "--", "guards", "sender", "web") else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
