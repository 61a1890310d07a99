"""Wall clocks that jump and differ between workers, to both sides and by up to a day: nobody is texted twice.

Hours are judged by the clock that the gate was shown: a gate that is wrong about the time, and whose machine knows no
better, cannot be right about the hour.
"""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import col

from sender.clock import Clock
from sender.delivery.dispatcher import Dispatcher
from sender.delivery.reconciler import reconcile
from sender.delivery.sweeper import sweep
from sender.delivery.wire import Wire
from sender.models import Attempt
from sender.settings import Settings
from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import deliver, lap
from tests.chaos.house import House, house, runtime_of
from tests.chaos.rounds import Place, Round
from tests.chaos.settle import judged, recover
from tests.installation import TUESDAY
from tests.waiting import eventually

TEXTS_A_JUMP = 12
LONGEST_JUMP = 86_400.0
SKEW = 100.0
PAUSE = 0.1
NEW_YORK = ZoneInfo("America/New_York")
OPEN = (8, 21)
FAULTS = {"shares": {"500_after": 0.05, "drop_after": 0.05, "429_20429": 0.05}}


@dataclass(frozen=True, slots=True)
class JumpingClock(Clock):
    """Shows the time ``jump`` (shared by all processes) and ``skew`` seconds beside the truth, on both hands."""

    jump: Any = None
    skew: float = 0.0

    def now(self) -> datetime:
        """The campaign clock, wrong."""
        return self.anchor_now + timedelta(seconds=time.time() - self.anchor_real + self.jump.value + self.skew)

    def real(self) -> datetime:
        """The machine's clock, as wrong."""
        return datetime.now(UTC) + timedelta(seconds=self.jump.value + self.skew)


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` jumps while two skewed workers deliver and a third process sweeps, hands over and reconciles."""
    with house(place.folder, place.database_url, latency=0.05, faults=FAULTS) as made:
        campaign = made.campaign()
        ids = made.messages(made.people(size * TEXTS_A_JUMP), campaign)
        told, jump = CONTEXT.Event(), CONTEXT.Value("d", 0.0)
        clocks = [_clock(made, jump, skew) for skew in (-SKEW, SKEW, dice.uniform(-SKEW, SKEW))]
        seed = dice.randrange(1000)
        work = [
            (deliver, made.settings, ids, seed, 2, told, clocks[0]),
            (deliver, made.settings, ids, seed + 2, 2, told, clocks[1]),
            (tidy, made.settings, told, clocks[2]),
        ]
        with crew(work) as children:
            _jump(made, jump, size, dice)
            told.set()
            for child in children:
                child.join(30)
        recover(made)
        counts = Counter({"jumps": size, "texts": len(made.accepted())})
        return Round(counts, broken=judged(made, _outside_hours(made)))


def tidy(settings: Settings, told: Any, clock: Clock) -> None:
    """What the scheduler does, by a clock that jumps: sweep, hand over to a bell nobody hears, reconcile."""
    runtime, wire = runtime_of(settings, clock=clock), Wire()
    dispatcher = Dispatcher(runtime, lambda ids: None)
    while not told.wait(PAUSE):
        for step in (lambda: sweep(runtime), dispatcher.hand_over, lambda: reconcile(runtime, wire)):
            lap(step)


def _clock(made: House, jump: Any, skew: float) -> JumpingClock:
    return JumpingClock(made.settings.clock_real or 0.0, TUESDAY, 1.0, jump, skew)


def _jump(made: House, jump: Any, size: int, dice: Random) -> None:
    """Jump when a few more texts have gone, or after a moment in which none may go."""
    for _ in range(size):
        seen = made.arrived()
        until = time.monotonic() + 2 * PAUSE
        eventually(lambda seen=seen, until=until: made.arrived() > seen or time.monotonic() > until)
        jump.value = dice.choice((-1, 1)) * LONGEST_JUMP ** dice.random() if dice.random() < 0.6 else 0.0


def _outside_hours(made: House) -> list[str]:
    with made.runtime() as runtime, runtime.db.read() as session:
        rows = session.execute(select(col(Attempt.gated_at), col(Attempt.validity))).all()
    local = [
        (at.astimezone(NEW_YORK), (at + timedelta(seconds=validity)).astimezone(NEW_YORK)) for at, validity in rows
    ]
    return [f"a gate opened at {at:%H:%M}, valid until {end:%H:%M}" for at, end in local if not _is_open(at, end)]


def _is_open(at: datetime, end: datetime) -> bool:
    closes = at.replace(hour=OPEN[1], minute=0, second=0, microsecond=0)
    return OPEN[0] <= at.hour < OPEN[1] and end <= closes
