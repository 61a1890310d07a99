"""What children of the crew do: deliver, gate without a break, say STOP, bring receipts, import."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from guards.base import Purpose
from sender.audience.importer import import_file
from sender.audience.importing.options import ImportOptions
from sender.clock import Clock
from sender.delivery.gate import open_gate
from sender.delivery.pipeline import Pipeline
from sender.delivery.receipts import ReceiptIn, store
from sender.delivery.replies import InboundText, receive
from sender.delivery.wire import Wire
from sender.runtime import Runtime
from sender.settings import Settings
from tests.chaos.house import LINE, runtime_of

BATCH = 12
LINES = 4
"""Threads that say STOP at once."""


def deliver(
    settings: Settings, ids: Sequence[int], seed: int, threads: int, told: Any, clock: Clock | None = None
) -> None:
    """Deliver these messages again and again, in an order of each thread's own, until told to stop."""
    runtime = runtime_of(settings, clock=clock)
    wire = Wire()
    pipeline = Pipeline(runtime, wire)
    _side_by_side(threads, lambda place: _laps(ids, Random(seed + place), told, pipeline.deliver))
    wire.ask(runtime.provider.close())


def gate(settings: Settings, ids: Sequence[int], seed: int, threads: int, told: Any, laps: Any) -> None:
    """Open gates for these messages without a break and post nothing; ``laps`` counts each thread's gates."""
    runtime = runtime_of(settings)

    def work(place: int) -> None:
        def count(some: list[int]) -> None:
            open_gate(runtime, some)
            laps[seed + place] += 1

        _laps(ids, Random(seed + place), told, count)

    _side_by_side(threads, work)


def say_stop(settings: Settings, texts: Sequence[tuple[str, str]], line: Connection) -> None:
    """Bring a STOP from each of these people (provider id, number); tells (number, committed by, how long it took)."""
    runtime = runtime_of(settings)

    def stop(text: tuple[str, str]) -> tuple[str, float, float]:
        began = time.monotonic()
        receive(runtime, InboundText(text[0], text[1], LINE, "STOP"))
        return text[1], time.time(), time.monotonic() - began

    with ThreadPoolExecutor(LINES) as pool:
        line.send(list(pool.map(stop, texts)))


def bring(settings: Settings, people: Sequence[str], told: Any, line: Connection) -> None:
    """Bring receipts and STOPs one after the other until told to stop, and tell each that was acknowledged."""
    runtime = runtime_of(settings)
    for turn, number in enumerate(people):
        if told.is_set():
            return
        sid = f"SM{turn:032x}"
        _try(lambda sid=sid: _receipt(runtime, sid), lambda sid=sid: line.send([(sid, "delivered")]))
        text = InboundText(sid, number, LINE, "STOP")
        _try(lambda text=text: receive(runtime, text), lambda sid=sid: line.send([(sid, "inbound")]))


def take_in(settings: Settings, file: Path, program_id: int, line: Connection) -> None:
    """Import a file beside everything else; tells when it is done."""
    runtime = runtime_of(settings)
    options = ImportOptions(program_id=program_id, purpose=Purpose.MARKETING)
    import_file(runtime.db, runtime.keys, runtime.clock, file, options)
    line.send(True)


def _receipt(runtime: Runtime, sid: str) -> None:
    store(runtime, [ReceiptIn("", sid, "delivered")])


def lap(act: Callable[[], Any]) -> None:
    """Work that fails is dropped: the next round finds what it left."""
    _try(act, lambda: None)


def _try(act: Callable[[], Any], then: Callable[[], None]) -> None:
    """A hook answers 2xx when its work is done, 503 when it failed."""
    try:
        act()
    except Exception:
        return
    then()


def _laps(ids: Sequence[int], dice: Random, told: Any, work: Callable[[list[int]], None]) -> None:
    """Work through the ids in shuffled batches; a batch that fails is dropped, as Dramatiq does."""
    while not told.is_set():
        for some in _shuffled(ids, dice):
            if told.is_set():
                return
            lap(lambda some=some: work(some))


def _shuffled(ids: Sequence[int], dice: Random) -> Iterator[list[int]]:
    order = list(ids)
    dice.shuffle(order)
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _side_by_side(threads: int, work: Callable[[int], None]) -> None:
    started = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
