"""kill -9 of workers with texts on the wire, and a provider that loses answers: nothing doubled, nothing lost."""

from random import Random
from typing import Any

from tests.chaos.crew import CONTEXT, start
from tests.chaos.crowd import deliver
from tests.chaos.house import House, house
from tests.chaos.rounds import Place, Round
from tests.chaos.settle import judged, recover
from tests.waiting import eventually

WORKERS = 2
TEXTS_A_KILL = 100
LATENCY = 0.15
FAULTS = {"shares": {"429_20429": 0.005, "500_after": 0.005, "drop_after": 0.005}}


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` kills, each of a worker whose process has texts on the wire."""
    with house(place.folder, place.database_url, latency=LATENCY, faults=FAULTS) as made:
        ids = made.messages(made.people(size * TEXTS_A_KILL), made.campaign())
        told = CONTEXT.Event()
        workers = [_worker(made, ids, dice, told) for _ in range(WORKERS)]
        on_the_wire = []
        for kill in range(size):
            on_the_wire.append(_amid_sending(made, dice))
            place_of = kill % WORKERS
            workers[place_of].kill()
            workers[place_of].join()
            workers[place_of] = _worker(made, ids, dice, told)
        told.set()
        for worker in workers:
            worker.join(30)
            worker.kill()
        lost = made.statuses(ids)
        recover(made)
        after = made.statuses(ids)
        result = Round(broken=judged(made, _agree(made, ids), settled=True))
        result.counts += {"kills": size, "texts": len(ids), "on the wire at kills": sum(on_the_wire)}
        result.counts += {"without an answer": lost["sending"] + lost["unconfirmed"], "unproven": after["unproven"]}
        return result


def _worker(made: House, ids: list[int], dice: Random, told: Any) -> Any:
    return start(deliver, made.settings, ids, dice.randrange(10**6), 2, told)


def _amid_sending(made: House, dice: Random) -> int:
    """Wait until some more texts have gone and some are on the wire; how many are."""
    wanted = made.arrived() + dice.randrange(1, TEXTS_A_KILL // 2)
    eventually(lambda: made.arrived() >= wanted or not made.statuses()["queued"], 60)
    return eventually(lambda: made.simulator.world.in_flight or not made.statuses()["queued"], 30)


def _agree(made: House, ids: list[int]) -> list[str]:
    """The database must know of exactly what the simulator has accepted."""
    statuses, taken = made.statuses(ids), made.taken(ids)
    reached = statuses["sent"] + statuses["delivered"]
    return [] if reached == taken else [f"the database says {dict(statuses)}, the provider took {taken}"]
