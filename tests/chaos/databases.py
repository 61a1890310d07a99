"""The database crashes or is locked while texts leave and webhooks come in: what was said to be kept is kept."""

import sqlite3
import threading
from random import Random
from typing import Any

from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import bring, deliver
from tests.chaos.house import House, house
from tests.chaos.rounds import Place, Round
from tests.chaos.scenarios import kept
from tests.chaos.settle import judged, recover

TEXTS_A_FAULT = 250
STRANGERS = 20_000
BETWEEN = (0.2, 0.7)
LOCKED = (0.05, 1.5)


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` immediate restarts of PostgreSQL, or locks held on SQLite by another program."""
    with house(place.folder, place.database_url, latency=0.1) as made:
        ids = made.messages(made.people(size * TEXTS_A_FAULT), made.campaign())
        acks = _under_way(made, place, ids, size, dice)
        found = kept(made, acks)
        recover(made)
        reached = made.statuses(ids)
        unlike = [] if _agree(made, ids) else [f"the database says {dict(reached)}"]
        result = Round(broken=judged(made, found + unlike, settled=True))
        result.counts += {"faults": size, "texts": len(made.accepted()), "acknowledged": sum(map(len, acks))}
        result.counts["unproven"] += reached["unproven"]
        return result


def _under_way(made: House, place: Place, ids: list[int], size: int, dice: Random) -> list[Any]:
    """Two workers and one who brings webhooks, through all the faults; what was acknowledged."""
    told = CONTEXT.Event()
    ours, theirs = CONTEXT.Pipe(duplex=False)
    acks: list[Any] = []
    hearing = threading.Thread(target=_hear, args=(ours, acks))
    hearing.start()
    strangers = made.spread(made.next_number, STRANGERS)
    with crew(
        [
            (deliver, made.settings, ids, 1, 2, told),
            (deliver, made.settings, ids, 3, 2, told),
            (bring, made.settings, strangers, told, theirs),
        ]
    ) as children:
        for _ in range(size):
            threading.Event().wait(dice.uniform(*BETWEEN))
            _fault(place, dice)
        threading.Event().wait(BETWEEN[1])
        told.set()
        for child in children:
            child.join(30)
    theirs.close()
    hearing.join()
    return acks


def _hear(line: Any, acks: list[Any]) -> None:
    while True:
        try:
            acks.append(line.recv())
        except EOFError:
            return


def _fault(place: Place, dice: Random) -> None:
    if place.postgres is not None:
        place.postgres.restart()
        return
    held = sqlite3.connect(place.database_url.removeprefix("sqlite:///"), isolation_level=None, timeout=15)
    held.execute("BEGIN IMMEDIATE")
    threading.Event().wait(dice.uniform(*LOCKED))
    held.execute("ROLLBACK")
    held.close()


def _agree(made: House, ids: list[int]) -> bool:
    """The simulator and the database tell the same story of what was accepted."""
    statuses = made.statuses(ids)
    return statuses["sent"] + statuses["delivered"] == made.taken(ids)
