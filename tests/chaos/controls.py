"""Pause, cancel and halt at random moments while sixteen threads gate: no gate after the commit."""

import threading
import time
from random import Random
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlmodel import col

from sender import halt
from sender.campaigns import control
from sender.locks import lock_numbers
from sender.models import Attempt, Message
from sender.runtime import Runtime
from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import gate
from tests.chaos.house import House, house
from tests.chaos.rounds import Place, Round
from tests.waiting import eventually

PROCESSES, THREADS = 4, 4
PEOPLE = 600
LONGEST_WAIT = 0.2
ACTS = ("pause", "cancel", "halt")


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` acts, each on a campaign of its own with 600 queued texts."""
    result = Round()
    with house(place.folder, place.database_url) as made, made.runtime() as runtime:
        ids = made.messages(made.people(PEOPLE), made.campaign("paused"))
        told, laps = CONTEXT.Event(), CONTEXT.Array("L", PROCESSES * THREADS)
        work = [(gate, made.settings, ids, place * THREADS, THREADS, told, laps) for place in range(PROCESSES)]
        with crew(work) as children:
            eventually(lambda: all(laps))
            for _ in range(size):
                _one(made, runtime, dice, laps, result)
            told.set()
            for child in children:
                child.join(30)
    return result


def _one(made: House, runtime: Runtime, dice: Random, laps: Any, result: Round) -> None:
    act = dice.choice(ACTS)
    campaign = _start(made, runtime)
    threading.Event().wait(dice.uniform(0, LONGEST_WAIT))
    began = time.monotonic()
    _act(runtime, act, campaign)
    committed, took = time.time(), time.monotonic() - began
    known = _gates(runtime)
    _two_laps(laps)
    with runtime.db.read() as session:
        times = session.execute(select(col(Attempt.touched_at))).scalars()
        late = [at for at in times if at.timestamp() > committed]
    if late or _gates(runtime) != known:
        result.broken.append(f"{len(late)} gates opened after the {act} had committed")
    result.counts += {act: 1, "gates before": known, "acts amid gates": int(0 < known < PEOPLE)}
    result.times.setdefault("commit", []).append(took)


def _start(made: House, runtime: Runtime) -> int:
    """All texts queued again, in a new campaign that runs; the gates find it while it is being made."""
    campaign = made.campaign("paused")
    with runtime.db.write() as session:
        lock_numbers(session, session.execute(select(col(Message.number_id))).scalars())
        session.execute(delete(Attempt))
        session.execute(update(Message).values(campaign_id=campaign, status="queued"))
    halt.release(runtime, "chaos")
    control.resume(runtime, campaign, "chaos")
    return campaign


def _act(runtime: Runtime, act: str, campaign: int) -> None:
    if act == "halt":
        halt.halt(runtime, "chaos", "chaos")
    else:
        getattr(control, act)(runtime, campaign, "chaos")


def _gates(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        return session.execute(select(func.count()).select_from(Attempt)).scalar_one()


def _two_laps(laps: Any) -> None:
    """Wait until every thread has opened two more gates (on nothing)."""
    before = list(laps)
    eventually(lambda: all(now >= then + 2 for now, then in zip(laps, before, strict=True)), 30)
