"""STOPs race workers that gate without a break, beside an import: none is texted after the commit."""

from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from sender.models import Attempt
from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import deliver, say_stop, take_in
from tests.chaos.house import House, house
from tests.chaos.rounds import Place, Round
from tests.chaos.scenarios import kept
from tests.chaos.settle import judged, recover
from tests.installation import WORDING

TEXTS_EACH = 4
IMPORTED_FOR_EACH = 100
ON_THE_WIRE = 2.0
LONGEST = 120.0
FAULTS = {"shares": {"hang": 0.003, "500_after": 0.005}, "hang_seconds": 30}
Stops = list[tuple[str, float, float]]


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` people say STOP while four threads in two processes text them and a file is imported."""
    with house(place.folder, place.database_url, latency=0.03, faults=FAULTS) as made:
        numbers = made.people(size)
        ids = [one for _ in range(TEXTS_EACH) for one in made.messages(numbers, made.campaign())]
        texts = [(f"SM{number:032x}", made.numbers[number]) for number in numbers]
        dice.shuffle(texts)
        stops = _race(made, ids, texts, dice.randrange(1000), size * IMPORTED_FOR_EACH)
        # A plan that does not ask: only the gate is left to know of the STOP.
        made.messages(numbers, made.campaign())
        recover(made)
        result = Round(times={"STOP": [seconds for _, _, seconds in stops]})
        result.counts += {"STOPs": len(stops), "texts sent": len(made.accepted())}
        gated = _gated_later(made, stops)
        late = _late_requests(made, stops)
        lost = kept(made, [[(sid, "inbound") for sid, _ in texts]])
        result.broken += judged(made, gated + late + lost, settled=True)
        return result


def _race(made: House, ids: list[int], texts: list[tuple[str, str]], seed: int, rows: int) -> Stops:
    told = CONTEXT.Event()
    stops, stopping = CONTEXT.Pipe(duplex=False)
    imported, importing = CONTEXT.Pipe(duplex=False)
    with crew(
        [
            (deliver, made.settings, ids, seed, 2, told),
            (deliver, made.settings, ids, seed + 2, 2, told),
            (take_in, made.settings, _file(made, rows), made.program_id, importing),
            (say_stop, made.settings, texts, stopping),
        ]
    ) as children:
        stopping.close()
        importing.close()
        heard: Stops = _answer(stops) or []
        _answer(imported)
        told.set()
        for child in children:
            child.join(LONGEST)
    return heard


def _answer(line: Connection) -> Any:
    """What a child tells at its end; None where it died or takes too long."""
    try:
        return line.recv() if line.poll(LONGEST) else None
    except EOFError:
        return None


def _file(made: House, rows: int) -> Path:
    file = made.settings.home / "people.csv"
    start, made.next_number = made.next_number, made.next_number + rows
    lines = [f'{number},yes,2026-01-05,"{WORDING}"' for number in made.spread(start, rows)]
    file.write_text("\n".join(["phone,consent,consent_at,consent_wording", *lines]) + "\n")
    return file


def _gated_later(made: House, stops: Stops) -> list[str]:
    """Gates of a number whose STOP had been committed: the gate reads the clock after it has the number's row."""
    committed = {number: at for number, at, _ in stops}
    with made.runtime() as runtime, runtime.db.read() as session:
        rows = session.execute(select(col(Attempt.number_id), col(Attempt.touched_at))).all()
    return [
        f"a gate opened {at.timestamp() - committed[made.numbers[number]]:.3f} s after the STOP"
        for number, at in rows
        if _after(at, committed.get(made.numbers[number]))
    ]


def _after(at: datetime, committed: float | None) -> bool:
    return committed is not None and at.timestamp() > committed


def _late_requests(made: House, stops: Stops) -> list[str]:
    committed = {number: at for number, at, _ in stops}
    return [
        f"a create arrived {entry['arrived'] - committed[entry['to']]:.3f} s after the STOP"
        for entry in made.requests()
        if entry["to"] in committed and entry["arrived"] > committed[entry["to"]] + ON_THE_WIRE
    ]
