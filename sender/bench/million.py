"""``python -m sender.bench.million``: what takes long only with very many people, once each, as rows of a table.

Import, rehearsal, planning and counting of a million people, and how a campaign to all of them begins.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sender.bench import house as houses
from sender.bench import machine
from sender.bench.house import House
from sender.bench.measured import Run, run_task
from sender.bench.sending import Beginning, Latency, resume_campaign, start_campaign

CAMPAIGN = "everybody"
SEGMENT = {
    "all": [
        {"field": "attributes.city", "is": "Mill"},
        {"field": "attributes.first_name", "is": "Ada"},
        {"field": "country", "is": "US"},
    ]
}
SLOW = Latency(0.15, 0.05)
SENDING_SECONDS = 60.0
STARTED_SECONDS = 15.0
WORKER = "worker"

Row = tuple[str, str, str]
"""What was done, the figure, and the memory it took."""


def measure(house: House) -> Iterator[Row]:
    """Take each measure in the order in which one needs the other."""
    people = house.people
    yield _row("plain import", people, run_task(house, "plain import", contacts=str(house.contacts)))
    imported = run_task(house, "import", contacts=str(house.contacts), program_id=house.program_id)
    yield _row("import", people, imported)
    for turn in ("cold", "warm"):
        counted = run_task(house, "count", definition=SEGMENT, people=people)
        yield _row(f"count of a segment, three conditions, {turn}", people, counted)
    yield _row("who is blocked, by consent", people, run_task(house, "blocked", program_id=house.program_id))
    yield _row("rehearsal", people, run_task(house, "rehearse", name="rehearsed"))
    yield _begun("start, unplanned", start_campaign(house, "started", SLOW, STARTED_SECONDS))
    yield _row("planning", people, run_task(house, "plan", name=CAMPAIGN))
    yield _begun("resume, planned", resume_campaign(house, CAMPAIGN, SLOW, SENDING_SECONDS))


def _begun(what: str, begun: Beginning) -> Row:
    workers = sum(peak for name, peak in begun.peaks.items() if name.startswith(WORKER))
    told = f"{begun.seconds:.2f} s to the first request, then {begun.rate:,.0f} texts/s"
    return what, told, f"{workers:,.0f} MiB (all workers)"


def _row(what: str, people: int, run: Run) -> Row:
    return what, f"{people / run.rate:,.2f} s, {run.rate:,.0f}/s", f"{run.peak_mib:,.0f} MiB"


def main() -> None:
    """Read the words, measure, print each row as it comes."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--people", type=int, default=1_000_000)
    asked.add_argument("--database-url", help="an empty PostgreSQL database, emptied again; SQLite when not given")
    options = asked.parse_args()
    if options.database_url:
        houses.require_empty(options.database_url)
    known = machine.describe(options.database_url)
    print(f"{known['processor']}, {known['cores']} cores, Python {known['python']}, {known['database']}")  # noqa: T201
    print(known["server"])  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="tactful-bench-") as folder:
        house = houses.build_house(Path(folder), options.database_url, options.people, {})
        try:
            for row in measure(house):
                print(f"| {' | '.join(row)} |", flush=True)  # noqa: T201
        finally:
            houses.tear_down(house)


if __name__ == "__main__":
    main()
