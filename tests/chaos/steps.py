"""Death at step n = 1, 2, 3 … of a piece of work, until it passes (the way SQLite tests its own crashes)."""

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from random import Random
from typing import Any

from sender.settings import Settings
from tests.chaos.crew import CONTEXT, start
from tests.chaos.dying import die_at
from tests.chaos.house import House, house, runtime_of
from tests.chaos.rounds import Place, Round
from tests.chaos.scenarios import SCENARIOS, Case, kept
from tests.chaos.settle import judged, recover

LONGEST = 60.0
KILLED = -9


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a child's work is (settings, scenario, case, where, acknowledgements), and where in it trouble begins."""

    work: Callable[..., None]
    at: int
    unit: str


def play(name: str, place: Place, size: int, dice: Random) -> Round:
    """Every step of one scenario; nothing in it is random but what its threads do at the same moment."""
    return die_through(place, name)


def die_through(place: Place, name: str, first: int = 1, every: int = 1) -> Round:
    """Die at steps ``first``, ``first + every`` … of one scenario until the work passes alive."""
    result = Round()
    folder = place.folder / name
    folder.mkdir()
    with house(folder, place.database_url) as made:
        step, ended = first, try_once(made, name, Trouble(work, first, "step"), result)
        while ended == KILLED:
            step += every
            ended = try_once(made, name, Trouble(work, step, "step"), result)
        if ended != 0:
            result.broken.append(f"{name}, step {step}: the child ended with {ended}")
        result.counts["deaths"] += len(range(first, step, every))
    return result


def try_once(made: House, name: str, trouble: Trouble, result: Round) -> int | None:
    """Let a child work through its trouble, recover, judge; how the child ended."""
    scenario = SCENARIOS[name]
    case = scenario.prepare(made)
    ended, acks = _in_child(made, name, case, trouble)
    broken = judged(made, kept(made, [ack for ack in acks if not isinstance(ack, str)]))
    scenario.again(made, case, acks)
    recover(made)
    broken += judged(made, scenario.judge(made, case, acks), settled=True)
    result.broken += [f"{name}, {trouble.unit} {trouble.at}: {what}" for what in broken]
    return ended


def work(settings: Settings, name: str, case: Case, step: int, line: Connection) -> None:
    """In the child: the work, with its death arranged."""
    runtime = runtime_of(settings)
    die_at(step)
    SCENARIOS[name].act(runtime, case, line.send)


def _in_child(made: House, name: str, case: Case, trouble: Trouble) -> tuple[int | None, list[Any]]:
    ours, theirs = CONTEXT.Pipe(duplex=False)
    child = start(trouble.work, made.settings, name, case, trouble.at, theirs)
    theirs.close()
    child.join(LONGEST)
    child.kill()
    child.join()
    acks = []
    while ours.poll():
        try:
            acks.append(ours.recv())
        except EOFError:
            break
    ours.close()
    return child.exitcode, acks
