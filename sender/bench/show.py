"""The report of a bench: a table for people, plain data for programs."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sender.bench.measured import Run
from sender.bench.run import Report, Result


def show(console: Console, report: Report) -> None:
    """Print what was measured where, each rate beside its baselines."""
    machine = report.machine
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']:g} GiB; "
        f"load {machine['load_before']:g} before the run; Python {machine['python']}, {machine['database']}; "
        f"medians of {report.sizes.rounds} rounds."
    )
    if machine["server"]:
        console.print(f"PostgreSQL: {machine['server']}.")
    table = Table("", "rate", "CPU each", "peak memory", "times the baselines above")
    for column in table.columns[1:]:
        column.justify = "right"
    for group, results in report.groups:
        table.add_section()
        table.add_row(f"[bold]{group.title}[/]", f"[dim]{group.unit}[/]")
        for result in results:
            table.add_row(*_row(result))
    console.print(table)
    for group, results in report.groups:
        for result in results:
            if len(result.middle.parts) > 1:
                console.print(f"{group.title}, {result.measure.name}: CPU of {_listed(result.middle)}")


def as_markdown(report: Report) -> str:
    """The same as a section for docs/benchmarks.md, headed by the database."""
    machine = report.machine
    lines = [
        f"## {machine['database']}",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']:g} GiB, load "
        f"{machine['load_before']:g} before the run; Python {machine['python']}; {report.sizes.people:,} people; "
        f"medians of {report.sizes.rounds} rounds.",
        *([f"PostgreSQL: {machine['server']}."] if machine["server"] else []),
        "",
        "| | rate | CPU each | peak memory | times the baselines above |",
        "|---|---:|---:|---:|---:|",
    ]
    for group, results in report.groups:
        lines.append(f"| **{group.title}** | {group.unit} | | | |")
        lines += [f"| {' | '.join(_plain_row(result))} |" for result in results]
    return "\n".join([*lines, ""])


def put_section(paper: str, section: str) -> str:
    """The paper with this section in place of the one under the same heading, or at its end."""
    heading = section.partition("\n")[0]
    before, found, rest = paper.partition(f"{heading}\n")
    if not found:
        return f"{paper.rstrip()}\n\n{section}"
    _, next_heading, after = rest.partition("\n## ")
    return f"{before}{section}{next_heading}{after}"


def write_section(paper: Path, section: str) -> None:
    """Put the section into this Markdown file; one that is not there yet begins with it."""
    before = paper.read_text("utf-8") if paper.exists() else ""
    paper.write_text(put_section(before, section).lstrip(), "utf-8")


def as_json(report: Report) -> dict[str, Any]:
    """The same as plain data: rates in 1/s, processor time in µs for each, memory in MiB, every round's rate."""
    return {
        "machine": dict(report.machine),
        "sizes": asdict(report.sizes),
        "groups": [
            {"title": group.title, "unit": group.unit, "measures": [_measure(result) for result in results]}
            for group, results in report.groups
        ],
    }


def _row(result: Result) -> tuple[str, ...]:
    name, *cells, ratios = _plain_row(result)
    dim = "[dim]" if result.measure.baseline else ""
    return (f"  {dim}{name}", *(f"{dim}{cell}" for cell in cells), ratios)


def _plain_row(result: Result) -> tuple[str, ...]:
    run = result.middle
    ratios = ", ".join(f"{_rounded(ratio, 2):g}" for ratio in result.ratios.values())
    cells = f"{_rounded(run.rate):,g}", f"{_rounded(run.cpu_us):,g} µs", f"{run.peak_mib:,.0f} MiB"
    return (result.measure.name, *cells, ratios)


def _listed(run: Run) -> str:
    return ", ".join(f"{name} {part.cpu_us:,.0f} µs" for name, part in run.parts.items())


def _measure(result: Result) -> dict[str, Any]:
    run = result.middle
    return {
        "name": result.measure.name,
        "baseline": result.measure.baseline,
        "rate": _rounded(run.rate),
        "rates": [_rounded(one.rate) for one in result.runs],
        "cpu_us": _rounded(run.cpu_us),
        "peak_mib": _rounded(run.peak_mib),
        "parts": _plain(run),
        "ratios": {name: _rounded(ratio) for name, ratio in result.ratios.items()},
    }


def _plain(run: Run) -> Mapping[str, Any]:
    return {
        name: {"cpu_us": _rounded(part.cpu_us), "peak_mib": _rounded(part.peak_mib)} for name, part in run.parts.items()
    }


def _rounded(value: float, digits: int = 3) -> float:
    """So many digits that count: the rest is noise."""
    return float(f"{value:.{digits}g}")
