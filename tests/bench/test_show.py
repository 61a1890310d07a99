import io
import json
from pathlib import Path

from rich.console import Console

from sender.bench.house import House
from sender.bench.machine import describe
from sender.bench.measured import Part, Run, run_of
from sender.bench.run import QUICK, Group, Measure, Report, Result, results
from sender.bench.show import as_json, as_markdown, put_section, show, write_section
from sender.bench.usage import Usage

MACHINE = {
    "processor": "Abacus",
    "cores": 2,
    "memory_gib": 4.0,
    "load_before": 0.1,
    "python": "3.11",
    "database": "x",
    "server": "",
}


def never(house: House) -> Run:
    """A measure that is not taken here."""
    raise NotImplementedError


GROUP = Group(
    "Send", "texts/s", (Measure("loop", True, never), Measure("pool", True, never), Measure("ours", False, never))
)
RUNS = {
    ("Send", "loop"): [Run(10, 100, 30), Run(12, 100, 30), Run(90, 100, 30)],
    ("Send", "pool"): [Run(20, 100, 30), Run(24, 100, 30), Run(24, 100, 30)],
    ("Send", "ours"): [Run(rate, 50, 200, {"web": Part(20, 80), "worker": Part(30, 120)}) for rate in (30, 36, 40)],
}


def report() -> Report:
    """Three rounds of three measures."""
    return Report(MACHINE, QUICK, ((GROUP, results(GROUP, RUNS)),))


def test_ratios_are_of_medians_and_to_each_baseline() -> None:
    """One wild round moves nothing, and a baseline has no ratio to itself."""
    loop, pool, ours = results(GROUP, RUNS)
    assert ours.ratios == {"loop": 3.0, "pool": 1.5}
    assert loop.ratios == pool.ratios == {}
    assert loop.middle.rate == 12


def test_the_simulator_is_told_but_not_counted() -> None:
    """What the stand-in for Twilio takes is not the product's."""
    run = run_of(100, 2.0, {"simulator": Usage(9.0, 70.0), "web": Usage(1.0, 80.0), "worker": Usage(2.0, 90.0)})
    assert (run.rate, run.cpu_us, run.peak_mib) == (50.0, 30_000.0, 170.0)
    assert run.parts["simulator"] == Part(90_000.0, 70.0)


def test_the_table_says_rate_ratios_and_machine() -> None:
    """A person sees what was measured where, and how it compares."""
    out = io.StringIO()
    show(Console(file=out, width=100), report())
    said = out.getvalue()
    assert "Abacus, 2 cores" in said
    assert "3, 1.5" in said
    assert "CPU of web 20 µs, worker 30 µs" in said


def test_a_server_is_named_with_its_settings(database_url: str) -> None:
    """A figure of PostgreSQL says whether it kept what it was given, and how large it was set; SQLite has no server."""
    said = describe(database_url)["server"]
    written = as_markdown(Report({**MACHINE, "server": said}, QUICK, report().groups))
    if database_url.startswith("sqlite"):
        assert said == ""
        assert "PostgreSQL" not in written
    else:
        assert f"PostgreSQL: {said}." in written
        assert "fsync on, full_page_writes on, synchronous_commit on" in said


def test_a_paper_keeps_one_section_for_each_database() -> None:
    """A second run takes the place of the first one's table, and what stands around it stays."""
    once = put_section("# Benchmarks\n\nHow.\n", as_markdown(report()))
    assert put_section(once, as_markdown(report())) == once
    assert once.startswith("# Benchmarks\n\nHow.\n\n## x\n")
    assert "| ours | 36 | 50 µs | 200 MiB | 3, 1.5 |" in once
    other = put_section(once, "## y\n\nfirst\n")
    assert put_section(other, as_markdown(report())) == other


def test_a_paper_that_is_not_there_begins_with_the_table(tmp_path: Path) -> None:
    """What took a quarter of an hour to measure is written down all the same."""
    paper = tmp_path / "new.md"
    write_section(paper, as_markdown(report()))
    assert paper.read_text("utf-8").startswith("## x\n")


def test_programs_get_every_round() -> None:
    """The JSON holds each round's rate beside the median, and the ratios by the baseline's name."""
    ours = json.loads(json.dumps(as_json(report())))["groups"][0]["measures"][2]
    assert ours["rates"] == [30, 36, 40]
    assert ours["ratios"] == {"loop": 3.0, "pool": 1.5}
    assert ours["parts"]["worker"] == {"cpu_us": 30, "peak_mib": 120}


def test_a_result_keeps_the_middle_of_each_process() -> None:
    """Medians are taken for each process too."""
    runs = tuple(Run(1, cpu, 1, {"web": Part(cpu, cpu)}) for cpu in (1, 5, 9))
    assert Result(GROUP.measures[2], runs, {}).middle.parts == {"web": Part(5, 5)}
