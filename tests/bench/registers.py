"""``python -m tests.bench.registers FOLDER``: a do-not-call register of a million made numbers, taken in and asked.

FOLDER is an empty one; the register is an SQLite database there, or at --database-url in an empty PostgreSQL database.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from sender.audience import registers
from sender.bench.usage import of_self
from sender.db import Database
from sender.runtime import Runtime
from tests.installation import TUESDAY, install

LOOKS, BATCH = 200, 96
"""So many gates, each with as many numbers as one takes."""


def numbers(count: int) -> Iterator[str]:
    """So many different numbers of the shape of North America, nobody's in particular; at most eight millions."""
    for place in range(count):
        yield f"+1{200 + place % 800}{200 + place // 800 % 800}{place // 640_000:04}"


def measure(runtime: Runtime, file: Path, count: int) -> Iterator[tuple[str, float, float]]:
    """What was done, with seconds on the clock and of the processor for each number."""
    with file.open("w") as made:
        made.writelines(f"{one}\n" for one in numbers(count))
    began, before = time.perf_counter(), of_self()
    registers.take_in(runtime, file, "US", TUESDAY.date(), "bench")
    yield "taken in", (time.perf_counter() - began) / count, of_self().since(before).cpu / count
    few = dict(enumerate(list(numbers(count))[:: max(1, count // (LOOKS * BATCH))]))
    strangers = {place: f"{one[:8]}9{one[9:]}" for place, one in few.items()}
    for what, asked in (("asked, listed", few), ("asked, not listed", strangers)):
        began, before, found = time.perf_counter(), of_self(), 0
        for start in range(0, len(asked), BATCH):
            some = {place: asked[place] for place in range(start, min(start + BATCH, len(asked)))}
            with runtime.db.read() as session:
                found += len(registers.listed(session, runtime.keys, registers.live(session), some))
        assert found == (len(few) if asked is few else 0)
        yield what, (time.perf_counter() - began) / len(asked), of_self().since(before).cpu / len(asked)


def main() -> None:
    """Read the words, measure, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("folder", type=Path)
    asked.add_argument("--numbers", type=int, default=1_000_000)
    asked.add_argument("--database-url", default="")
    options = asked.parse_args()
    made = install(options.folder / "home", options.database_url or f"sqlite:///{options.folder / 'register.db'}")
    for what, clock, processor in measure(made.runtime, options.folder / "register.txt", options.numbers):
        peak = f"{of_self().peak:,.0f} MiB at most so far"
        print(f"| {what} | {clock * 1e6:,.1f} µs | {processor * 1e6:,.1f} µs | {peak}", flush=True)  # noqa: T201
    print(f"{size(made.runtime.db, options.folder) / 2**20:,.0f} MiB")  # noqa: T201
    made.runtime.db.close()


def size(database: Database, folder: Path) -> int:
    """Bytes of the register on the disk."""
    if database.is_sqlite:
        return sum(one.stat().st_size for one in folder.glob("register.db*"))
    with database.read() as session:
        asked = text("SELECT pg_total_relation_size('register_number')")
        return int(session.execute(asked).scalar_one())


if __name__ == "__main__":
    main()
