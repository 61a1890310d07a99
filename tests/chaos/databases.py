"""The database crashes, is locked, has a full disk or one whose fsync fails, while texts leave and webhooks come in.

What was acknowledged is kept, and no create reaches the provider without the row that was committed before it.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from tests.chaos import disks
from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import bring, deliver
from tests.chaos.house import House, house
from tests.chaos.rounds import Place, Round
from tests.chaos.scenarios import kept
from tests.chaos.settle import judged, recover
from tests.waiting import eventually

TEXTS_A_FAULT = 250
STRANGERS = 20_000
BETWEEN = (0.2, 0.7)
LOCKED = (0.05, 1.5)


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` faults of all kinds in turn; PostgreSQL has a disk of its own where one can be mounted."""
    with disks.small_disk(place) as mine:
        return play_on(mine, size, dice)


def play_on(place: Place, size: int, dice: Random) -> Round:
    """The same on the database that is there."""
    with house(place.folder, place.database_url, latency=0.1) as made:
        ids = made.messages(made.people(size * TEXTS_A_FAULT), made.campaign())
        kinds: Counter[str] = Counter()
        acks = _under_way(made, place, ids, size, dice, kinds)
        found = kept(made, acks)
        recover(made)
        reached = made.statuses(ids)
        unlike = [] if _agree(made, ids) else [f"the database says {dict(reached)}"]
        result = Round(broken=judged(made, found + unlike, settled=True))
        result.counts += kinds
        result.counts += {"faults": size, "texts": len(made.accepted()), "acknowledged": sum(map(len, acks))}
        result.counts["unproven"] += reached["unproven"]
        result.counts["felt"] += disks.felt(place.postgres) if place.postgres else 0
        return result


def _under_way(made: House, place: Place, ids: list[int], size: int, dice: Random, kinds: Counter[str]) -> list[Any]:
    """Two workers and one who brings webhooks, through all the faults; what was acknowledged."""
    told = CONTEXT.Event()
    ours, theirs = CONTEXT.Pipe(duplex=False)
    acks: list[Any] = []
    hearing = threading.Thread(target=_hear, args=(ours, acks), daemon=True)
    hearing.start()
    strangers = made.spread(made.next_number, STRANGERS)
    with crew(
        [
            (deliver, made.settings, ids, 1, 2, told),
            (deliver, made.settings, ids, 3, 2, told),
            (bring, made.settings, strangers, told, theirs),
        ]
    ) as children:
        eventually(lambda: acks, 60)
        for turn in range(size):
            threading.Event().wait(dice.uniform(*BETWEEN))
            kinds[_fault(place, turn, [child.pid or 0 for child in children], dice)] += 1
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


def _fault(place: Place, turn: int, children: list[int], dice: Random) -> str:
    """One fault; the kind it was, or that this machine cannot make it."""
    faults = ON_SQLITE if place.postgres is None else ON_POSTGRESQL
    kind = sorted(faults)[turn % len(faults)]
    done = faults[kind](place, children, dice)
    if place.postgres is not None:
        disks.bring_back(place.postgres)
    return kind if done else f"not possible here: {kind}"


def _crash(place: Place, children: list[int], dice: Random) -> bool:
    assert place.postgres is not None
    place.postgres.restart()
    return True


def _full(place: Place, children: list[int], dice: Random) -> bool:
    assert place.postgres is not None
    return disks.fill(place.postgres, dice)


def _limit(place: Place, children: list[int], dice: Random) -> bool:
    return disks.limit(disks.processes_of(place.postgres) if place.postgres else children, dice)


def _no_fsync(place: Place, children: list[int], dice: Random) -> bool:
    return disks.fail_fsync(disks.processes_of(place.postgres) if place.postgres else children)


def _lock(place: Place, children: list[int], dice: Random) -> bool:
    held = sqlite3.connect(place.database_url.removeprefix("sqlite:///"), isolation_level=None, timeout=15)
    held.execute("BEGIN IMMEDIATE")
    threading.Event().wait(dice.uniform(*LOCKED))
    held.execute("ROLLBACK")
    held.close()
    return True


Fault = Callable[[Place, list[int], Random], bool]
ON_POSTGRESQL: dict[str, Fault] = {"crash": _crash, "full": _full, "limited": _limit, "no fsync": _no_fsync}
ON_SQLITE: dict[str, Fault] = {"lock": _lock, "limited": _limit, "no fsync": _no_fsync}


def _agree(made: House, ids: list[int]) -> bool:
    """The simulator and the database tell the same story of what was accepted."""
    statuses = made.statuses(ids)
    return statuses["sent"] + statuses["delivered"] == made.taken(ids)
