"""`make demo-proof`: plant one bug at a time in a copy of the product, and see the demo's checker find each.

    python -m tests.demo.plants [NAME …]

The checks are worth what they would notice. Nothing in the product knows of this: a plant is a textual replacement in
a copy, and its old text must stand there exactly once.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
PACKAGES = ("guards", "sender", "web", "templates")
CONTACTS = 1500
AT_ONCE = 2
LONGEST = 400.0
Edit = tuple[str, str, str]
"""File, old text, new text."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One bug, and the check that must find it."""

    name: str
    caught_by: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the demo ended: its exit status, the checks that failed (None: no verdict), and how long it took."""

    status: int
    failed: tuple[str, ...] | None
    seconds: float
    last_words: str


SIGNATURE = "def check(draft: Draft, facts: Facts) -> Verdict:\n"


def _guard(name: str, *body: str) -> tuple[Edit]:
    """A guard that does this first; the guard as it was is ``_sound``."""
    first = "".join(f"    {line}\n" for line in body)
    sound = "\n\ndef _sound(draft: Draft, facts: Facts) -> Verdict:\n"
    return ((f"guards/{name}.py", SIGNATURE, f"{SIGNATURE}{first}{sound}"),)


PLANTS = (
    Plant(
        "consent: unknown counts as yes",
        "standing",
        _guard("consent_check", 'return ALLOW if facts.standing.state == "none" else _sound(draft, facts)'),
    ),
    Plant(
        "cap: the last text is forgotten",
        "cap",
        _guard(
            "frequency_cap",
            "from dataclasses import replace",
            "return _sound(draft, replace(facts, sends=facts.sends[1:]))",
        ),
    ),
    Plant(
        "hours: everybody lives in New York",
        "hours",
        _guard(
            "quiet_hours",
            "from dataclasses import replace",
            'home = Places(("US-NY",), ("America/New_York",))',
            "return _sound(draft, replace(facts, places=home))",
        ),
    ),
    Plant("footer: left off", "footer", _guard("opt_out_footer", "return ALLOW")),
    Plant(
        "opt-out: read when planned, not in the gate",
        "stop",
        (
            (
                "sender/delivery/gate.py",
                "    outcome = run(draft, known.facts, runtime.chain)\n",
                '    planned = replace(known.facts, standing=replace(known.facts.standing, state="in"))\n'
                "    outcome = run(draft, planned, runtime.chain)\n",
            ),
        ),
    ),
    Plant(
        "retry: a 500 is tried again",
        "twice",
        (
            (
                "sender/delivery/pipeline.py",
                '            _close(session, opened, "unconfirmed", error)\n'
                "            _to(runtime, session, opened, Status.UNCONFIRMED, error)\n",
                "            _try_again(runtime, session, opened, error, wait=0.0)\n",
            ),
        ),
    ),
    Plant(
        "database: no unique index",
        "constraints",
        (
            (
                "sender/models/messages.py",
                '        Index("ux_message_campaign_number", "campaign_id", "number_id", unique=True),',
                '        Index("ux_message_campaign_number", "campaign_id", "number_id"),',
            ),
            (
                "sender/models/messages.py",
                '            "message_id",\n            unique=True,\n',
                '            "message_id",\n',
            ),
            (
                "sender/migrations/versions/0001_the_first_tables.py",
                '"ux_message_campaign_number", "message", ["campaign_id", "number_id"], unique=True)',
                '"ux_message_campaign_number", "message", ["campaign_id", "number_id"])',
            ),
            (
                "sender/migrations/versions/0001_the_first_tables.py",
                '        ["message_id"],\n        unique=True,\n        sqlite_where',
                '        ["message_id"],\n        sqlite_where',
            ),
        ),
    ),
    Plant(
        "receipts: one in fifty lost",
        "counts",
        (
            (
                "sender/delivery/receipts.py",
                " for one in receipts if (attempt := ",
                " for one in receipts if one.id % 50 and (attempt := ",
            ),
        ),
    ),
    Plant(
        "sweep: sending becomes pending",
        "twice",
        (
            ("sender/delivery/sweeper.py", "Status.UNCONFIRMED, reason=WORKER_LOST", 'Status.PENDING, reason="lost"'),
            ("sender/delivery/sweeper.py", "        if to is Status.UNCONFIRMED:", "        if columns:"),
            ("sender/delivery/sweeper.py", 'values(outcome="unconfirmed")', 'values(outcome="refuted")'),
        ),
    ),
    Plant(
        "privacy: the number among the kept facts",
        "private",
        (
            (
                "sender/audience/facts.py",
                "        return kept(self.facts)\n",
                '        return {**kept(self.facts), "number": self.e164}\n',
            ),
        ),
    ),
)


class MisplacedError(Exception):
    """A plant's old text does not stand in the product exactly once; the plant has to follow the code."""


def copy_product(folder: Path) -> None:
    """Copy what the demo runs from, without what Python and tests left in it."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def check_place(folder: Path, plant: Plant) -> None:
    """MisplacedError where the old text of a plant does not stand in its file exactly once."""
    for name, old, _ in plant.edits:
        found = (folder / name).read_text(encoding="utf-8").count(old)
        if found != 1:
            raise MisplacedError(f"{plant.name}: {name} holds {found} times {old.strip()!r}; it must be once.")


def plant_in(folder: Path, plant: Plant) -> None:
    """Make the replacements of a plant; MisplacedError where one does not fit."""
    check_place(folder, plant)
    for name, old, new in plant.edits:
        file = folder / name
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def play(plant: Plant, contacts: int = CONTACTS) -> Outcome:
    """Run the demo with a plant in a folder of its own."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tactful-plant-", dir="/tmp") as made:
        folder = Path(made)
        copy_product(folder)
        plant_in(folder, plant)
        env = {**os.environ, "DEMO_EXIT": "1", "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "sender.cli", "demo", "--contacts", str(contacts)]
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=LONGEST, check=False
        )
        return Outcome(done.returncode, _failed(folder), time.monotonic() - began, (done.stdout + done.stderr)[-2000:])


def _failed(folder: Path) -> tuple[str, ...] | None:
    verdict = folder / "demo" / "verdict.jsonl"
    if not verdict.exists():
        return None
    found = [json.loads(line) for line in verdict.read_text(encoding="utf-8").splitlines()]
    return tuple(one["name"] for one in found if not one["ok"])


def is_caught(plant: Plant, outcome: Outcome) -> bool:
    """Whether the demo ended with status 1 because of the very check that is there for this bug."""
    return outcome.status == 1 and outcome.failed is not None and plant.caught_by in outcome.failed


def main(names: Sequence[str]) -> int:
    """First the product as it is, which must pass, then every plant (or those whose name holds a word given)."""
    console = Console()
    chosen = [plant for plant in PLANTS if not names or any(name in plant.name for name in names)]
    for plant in chosen:
        check_place(ROOT, plant)
    console.print(f"The demo with {CONTACTS:,} people, first as it is, then with {len(chosen)} planted bugs.")
    sound = play(Plant("nothing planted", ""))
    if sound.status != 0 or sound.failed != ():
        console.print(
            f"[bold red]✗[/] Without any plant the demo fails: {sound.failed}\n{sound.last_words}", markup=True
        )
        return 1
    console.print(f"[green]✓[/] Nothing planted: status 0 after {sound.seconds:.0f} s.", highlight=False)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(play, chosen))
    return _show(console, list(zip(chosen, outcomes, strict=True)))


def _show(console: Console, results: list[tuple[Plant, Outcome]]) -> int:
    table = Table("planted", "should fail", "failed", "status", "seconds", "")
    for plant, outcome in results:
        failed = "no verdict" if outcome.failed is None else ", ".join(outcome.failed) or "nothing"
        mark = "[green]caught[/]" if is_caught(plant, outcome) else "[bold red]SURVIVED[/]"
        table.add_row(plant.name, plant.caught_by, failed, str(outcome.status), f"{outcome.seconds:.0f}", mark)
    console.print(table)
    survived = [(plant, outcome) for plant, outcome in results if not is_caught(plant, outcome)]
    for plant, outcome in survived:
        console.print(f"[bold]{plant.name}[/]\n{outcome.last_words}", highlight=False)
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
