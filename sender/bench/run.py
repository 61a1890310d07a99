"""Which measures there are, taken in turn round after round, so that a busy minute of the machine meets them all."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sender.bench import house as houses
from sender.bench import machine
from sender.bench.house import House
from sender.bench.measured import Part, Run, run_task
from sender.bench.receiving import take_receipts
from sender.bench.sending import Latency, reach_endpoint, send_by_sdk, send_by_tasks, send_campaign

SLOW = Latency(0.15, 0.05)
THREADS = 32

Progress = Callable[[int, int, str], None]
"""Called before each measure with how many are done, how many there are, and what comes next."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything in each round; the slow baselines get less, as their rate is steady."""

    rounds: int
    people: int
    receipts: int
    looped: int
    threaded: int
    tasks: int
    slow_looped: int
    slow_tasks: int


FULL = Sizes(5, 20_000, 10_000, looped=1_500, threaded=3_000, tasks=3_000, slow_looped=60, slow_tasks=1_000)
QUICK = Sizes(1, 1_500, 1_500, looped=400, threaded=800, tasks=600, slow_looped=20, slow_tasks=300)


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured; the product stands beside every baseline of its group."""

    name: str
    baseline: bool
    take: Callable[[House], Run]


@dataclass(frozen=True, slots=True)
class Group:
    """Measures that may be compared: they do the same work."""

    title: str
    unit: str
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """The runs of one measure, and its rate over that of each baseline (names to ratios; medians)."""

    measure: Measure
    runs: tuple[Run, ...]
    ratios: Mapping[str, float]

    @property
    def middle(self) -> Run:
        """Median rate, processor time and memory, each for itself."""
        names = self.runs[0].parts
        parts = {name: _middle_part([run.parts[name] for run in self.runs]) for name in names}
        rate, cpu = median(run.rate for run in self.runs), median(run.cpu_us for run in self.runs)
        return Run(rate, cpu, median(run.peak_mib for run in self.runs), parts)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured, and on what."""

    machine: Mapping[str, Any]
    sizes: Sizes
    groups: tuple[tuple[Group, tuple[Result, ...]], ...]


def groups(sizes: Sizes) -> tuple[Group, ...]:
    """Everything that is measured, in the order in which a round does it: later measures build on earlier ones."""
    return (
        Group("Import", "rows/s", _import()),
        Group("Plan", "rows/s", _plan()),
        Group("Send, answers in 0 ms", "texts/s", _send_at_once(sizes)),
        Group("Send, answers in 150 ± 50 ms", "texts/s", _send_slowly(sizes)),
        Group("Take receipts", "callbacks/s", _receive(sizes.receipts)),
    )


def _import() -> tuple[Measure, ...]:
    def product(house: House) -> Run:
        return run_task(house, "import", contacts=str(house.contacts), program_id=house.program_id)

    plain = Measure("csv, phonenumbers, insert", True, lambda h: run_task(h, "plain import", contacts=str(h.contacts)))
    return plain, Measure("Tactful", False, product)


def _plan() -> tuple[Measure, ...]:
    plain = Measure("Jinja and the ORM", True, lambda house: run_task(house, "plain plan"))
    return plain, Measure("Tactful", False, lambda house: run_task(house, "plan", name="instant"))


def _send(name: str, latency: Latency, looped: int, threaded: int, tasks: int) -> tuple[Measure, ...]:
    return (
        Measure("SDK in a loop", True, lambda house: send_by_sdk(house, latency, looped, 1)),
        Measure(f"SDK in {THREADS} threads", True, lambda house: send_by_sdk(house, latency, threaded, THREADS)),
        Measure("A task and a row for each", True, lambda house: send_by_tasks(house, latency, tasks)),
        Measure("Tactful", False, lambda house: send_campaign(house, name, latency, receipts=False)),
    )


def _send_at_once(sizes: Sizes) -> tuple[Measure, ...]:
    ceiling = Measure("The endpoint alone", True, lambda house: reach_endpoint(house, sizes.people))
    return (ceiling, *_send("instant", Latency(), sizes.looped, sizes.threaded, sizes.tasks))


def _send_slowly(sizes: Sizes) -> tuple[Measure, ...]:
    def product(house: House) -> Run:
        return send_campaign(house, "receipts", SLOW, receipts=True)

    measures = _send("slow", SLOW, sizes.slow_looped, sizes.threaded, sizes.slow_tasks)
    return (*measures, Measure("Tactful with 2 receipts each", False, product))


def _receive(count: int) -> tuple[Measure, ...]:
    return (
        Measure("Flask, validator, commit", True, lambda house: take_receipts(house, count, plain=True)),
        Measure("Tactful", False, lambda house: take_receipts(house, count, plain=False)),
    )


def bench(sizes: Sizes, database_url: str | None, product: dict[str, int], tell: Progress) -> Report:
    """Take every measure in every round. BenchError says what hindered it; the database is empty again then too."""
    if database_url is not None:
        houses.require_empty(database_url)
    described = machine.describe(database_url)
    wanted = groups(sizes)
    runs: dict[tuple[str, str], list[Run]] = {}
    measures = [(group.title, one) for group in wanted for one in group.measures]
    for turn in range(sizes.rounds):
        with tempfile.TemporaryDirectory(prefix="tactful-bench-") as folder:
            house = houses.build_house(Path(folder), database_url, sizes.people, product)
            try:
                for place, (title, one) in enumerate(measures):
                    tell(turn * len(measures) + place, sizes.rounds * len(measures), f"{title}: {one.name}")
                    runs.setdefault((title, one.name), []).append(one.take(house))
            finally:
                houses.tear_down(house)
    return Report(described, sizes, tuple((group, results(group, runs)) for group in wanted))


def results(group: Group, runs: Mapping[tuple[str, str], Sequence[Run]]) -> tuple[Result, ...]:
    """The runs of a group's measures (by group title and name), each product beside each baseline."""
    rates = {one.name: median(run.rate for run in runs[group.title, one.name]) for one in group.measures}
    baselines = [one.name for one in group.measures if one.baseline]
    return tuple(
        Result(
            one,
            tuple(runs[group.title, one.name]),
            {} if one.baseline else {name: rates[one.name] / rates[name] for name in baselines},
        )
        for one in group.measures
    )


def _middle_part(parts: Sequence[Part]) -> Part:
    return Part(median(part.cpu_us for part in parts), median(part.peak_mib for part in parts))
