"""`make planted`: plant one bug at a time in a copy of the project, and see that a test catches each.

    python -m tests.planted [NAME …]

A planted bug is a patch in this folder. Its first lines say what is wrong and which test must fail because of it:

    Bug: the sweep hands a text out again that may have been posted
    Caught-by: tests/chaos/test_steps.py -k "settle and sqlite"
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
COPIED = ("guards", "sender", "web", "templates", "tests", "pyproject.toml")
LONGEST = 300.0
TESTS_FAILED = 1


@dataclass(frozen=True, slots=True)
class Planted:
    """One patch: what is wrong in it, and the words pytest is given to find it."""

    file: Path
    bug: str
    caught_by: str

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.file.stem


def all_planted() -> list[Planted]:
    """Every patch there is, by name."""
    return [_read(file) for file in sorted(FOLDER.glob("*.patch"))]


def _read(file: Path) -> Planted:
    first, second = file.read_text().splitlines()[:2]
    return Planted(file, first.removeprefix("Bug: "), second.removeprefix("Caught-by: "))


def fits(planted: Planted, folder: Path = ROOT) -> str:
    """Why this patch cannot be applied to the project in ``folder``; nothing where it can."""
    command = ["git", "apply", "--check", str(planted.file)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stderr


def catch(planted: Planted) -> tuple[bool, str]:
    """Whether the named test fails with this bug (and is there, and can run), and the last it said."""
    with tempfile.TemporaryDirectory(prefix="planted-", dir="/tmp") as made:
        folder = Path(made)
        _copy(folder)
        subprocess.run(["git", "apply", str(planted.file)], cwd=folder, check=True)
        words = ["-q", "-x", "-p", "no:cacheprovider", *shlex.split(planted.caught_by)]
        command = [sys.executable, "-m", "pytest", *words]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False)
        except subprocess.TimeoutExpired:
            return False, f"no answer within {LONGEST:g} s"
        is_caught = done.returncode == TESTS_FAILED and not re.search(r"\d+ error", done.stdout[-400:])
        return is_caught, done.stdout[-2000:]


def _copy(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "planted"))
        else:
            shutil.copy(source, folder / name)


def main(names: Sequence[str]) -> int:
    """Plant every bug, or those whose names hold one of the words; 1 when one survives."""
    console = Console(soft_wrap=True)
    chosen = [one for one in all_planted() if not names or any(name in one.name for name in names)]
    survived = 0
    for planted in chosen:
        began = time.monotonic()
        caught, said = catch(planted)
        mark = "[green]caught[/]" if caught else "[bold red]SURVIVED[/]"
        console.print(f"{mark} {planted.name} ({time.monotonic() - began:.0f} s): {planted.bug}", highlight=False)
        survived += not caught
        if not caught:
            console.print(said, markup=False, highlight=False)
    console.print(f"{len(chosen) - survived} of {len(chosen)} planted bugs were caught.")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
