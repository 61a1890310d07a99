"""`make chaos`: play the rows with many faults, go on after an interruption, and write down what came of them.

    python -m tests.chaos [--row NAME] [--n COUNT] [--seed SEED] [--database sqlite|postgresql]

Each round's dice come from seed, row, database and its place in the run: the same seed replays the same faults.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from rich.console import Console

from tests.chaos import (
    answers,
    bells,
    caps,
    clocks,
    controls,
    databases,
    full,
    kills,
    receipts,
    restores,
    sigterms,
    steps,
    stops,
)
from tests.chaos.rounds import Row, Within
from tests.chaos.runs import ROOT, Runs, commit_of
from tests.chaos.scenarios import SCENARIOS

BOTH = ("sqlite", "postgresql")
ROWS = (
    Row("kills", kills.play, 50, 1_000, BOTH),
    *(Row(f"steps-{name}", partial(steps.play, name), 1, 1, BOTH) for name in SCENARIOS),
    Row("stops", stops.play, 200, 10_000, BOTH, (Within("STOP", 0.99, 0.25),)),
    Row("answers", answers.play, 20, 500, BOTH),
    Row("controls", controls.play, 50, 1_000, BOTH, (Within("commit", 1.0, 1.0),)),
    Row("caps", caps.play, 3_000, 3_000, BOTH),
    Row("clocks-day", partial(clocks.play, clocks.DAY), 50, 500, BOTH),
    Row("clocks-night", partial(clocks.play, clocks.NIGHT), 50, 500, BOTH),
    Row("redis", bells.play, 5, 100, BOTH),
    Row("database", databases.play, 10, 50, BOTH),
    Row("receipts", partial(receipts.play, False), 60, 600, BOTH, (Within("receipt", 0.99, 0.25),)),
    Row("receipts-kills", partial(receipts.play, True), 60, 600, BOTH),
    Row("sigterm", sigterms.play, 20, 200, BOTH, (Within("drain", 1.0, sigterms.LONGEST),)),
    Row("restore", restores.play, 10, 50, ("sqlite",)),
    *(Row(f"full-{name}", partial(full.play, name), 1, 1, ("sqlite",)) for name in SCENARIOS),
)


def main(words: Sequence[str]) -> int:
    """Play what was asked for; 1 when a promise was broken, 2 when there is no such row."""
    asked, console = _asked(words), Console(soft_wrap=True)
    rows = [row for row in ROWS if asked.row in ("", row.name, row.name.split("-")[0])]
    if not rows:
        console.print(f"There is no row {asked.row!r}; there is {', '.join(row.name for row in ROWS)}.")
        return 2
    runs = Runs(ROOT / "build" / "chaos", ROOT / "docs" / "reliability.md", commit_of(ROOT), console)
    results = [
        runs.run(row, database, int(asked.n or row.most), asked.seed)
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
