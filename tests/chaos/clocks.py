"""Wall clocks that jump and differ between workers, to both sides and by up to a day: nobody is texted twice, or at
night by the true clock, which is the simulator's. It is day for one row, and night for the other.
"""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sender.clock import Clock
from sender.delivery.wire import Wire
from sender.processes.scheduler import Scheduler
from sender.settings import Settings
from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import deliver
from tests.chaos.house import House, house, runtime_of
from tests.chaos.rounds import Place, Round
from tests.chaos.settle import judged, recover
from tests.installation import TUESDAY
from tests.waiting import eventually

TEXTS_A_JUMP = 12
LONGEST_JUMP = 86_400.0
SKEW = 100.0
PAUSE = 0.1
PATIENCE = 2.0
NEW_YORK = ZoneInfo("America/New_York")
OPEN = (8, 21)
DAY, NIGHT = TUESDAY, TUESDAY + timedelta(hours=15)
"""11:00 and 02:00 in New York."""
MORNING = 8 * 3600.0
GIVEN_UP = frozenset({"failed", "blocked", "cancelled", "expired", "unproven"})
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


def play(at: datetime, place: Place, size: int, dice: Random) -> Round:
    """``size`` jumps while two workers deliver and a third process sweeps, hands over and reconciles, from ``at`` on.

    One worker's clock is right but for the jumps, the other's is 100 s beside it. At night both begin in the morning.
    """
    with house(place.folder, place.database_url, at=at, latency=0.05, faults=FAULTS) as made:
        campaign = made.campaign()
        ids = made.messages(made.people(size * TEXTS_A_JUMP), campaign)
        told, jump = CONTEXT.Event(), CONTEXT.Value("d", 0.0 if at == DAY else MORNING)
        skews = (0.0, dice.choice((-SKEW, SKEW)), dice.uniform(-SKEW, SKEW))
        clocks = [_clock(made, jump, skew) for skew in skews]
        seed = dice.randrange(1000)
        work = [
            (deliver, made.settings, ids, seed, 2, told, clocks[0]),
            (deliver, made.settings, ids, seed + 2, 2, told, clocks[1]),
            (tidy, made.settings, told, clocks[2]),
        ]
        with crew(work) as children:
            _jump(made, jump, size, dice, PATIENCE if at == DAY else 2 * PAUSE)
            jump.value = 0.0
            told.set()
            for child in children:
                child.join(30)
        sent = len(made.accepted())
        lost = [f"{count} texts are {state}" for state, count in made.statuses().items() if state in GIVEN_UP]
        recover(made)
        counts = Counter({"jumps": size, "texts amid jumps": sent})
        return Round(counts, broken=judged(made, lost + _outside_hours(made)))


def tidy(settings: Settings, told: Any, clock: Clock) -> None:
    """What the scheduler does, by a clock that jumps: sweep, hand over to a bell nobody hears, reconcile."""
    runtime, wire = runtime_of(settings, clock=clock), Wire()
    scheduler = Scheduler(runtime, lambda ids: None, wire)
    while not told.wait(PAUSE):
        for lane in ("sending", "settling", "tidying"):
            scheduler.round(lane)


def _clock(made: House, jump: Any, skew: float) -> JumpingClock:
    return JumpingClock(made.settings.clock_real or 0.0, made.settings.clock_virtual or TUESDAY, 1.0, jump, skew)


def _jump(made: House, jump: Any, size: int, dice: Random, patience: float) -> None:
    """Jump when a few more texts have gone, or after a moment in which none may go: longer while the clock is right."""
    for _ in range(size):
        seen = made.arrived()
        until = time.monotonic() + (2 * PAUSE if jump.value else patience)
        eventually(lambda seen=seen, until=until: made.arrived() > seen or time.monotonic() > until)
        longest = dice.choice((LONGEST_JUMP ** dice.random(), LONGEST_JUMP * dice.random()))
        jump.value = dice.choice((-1, 1)) * longest if dice.random() < 0.6 else 0.0


def _outside_hours(made: House) -> list[str]:
    """Creates that arrived at an hour, or may wait until one, that is closed by the true clock."""
    began, start = made.settings.clock_real or 0.0, made.settings.clock_virtual or TUESDAY
    found = []
    for entry in made.requests():
        at = (start + timedelta(seconds=entry["arrived"] - began)).astimezone(NEW_YORK)
        end = at + timedelta(seconds=int(entry["validity_period"]))
        if not _is_open(at, end):
            found.append(f"a create arrived at {at:%H:%M}, valid until {end:%H:%M}")
    return found


def _is_open(at: datetime, end: datetime) -> bool:
    closes = at.replace(hour=OPEN[1], minute=0, second=0, microsecond=0)
    return OPEN[0] <= at.hour < OPEN[1] and end <= closes
