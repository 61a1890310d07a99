"""Looks for due work: start, plan, hand over, apply receipts, sweep, reconcile, replies, cancel, seal, finish.

Each step asks the database what is due, so a restart forgets nothing. One scheduler is active by lease; a second
stands by, and even two at work would do no more than one.
"""

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from sender import audit
from sender.api.reads import sum_up
from sender.archive.packing import Archiver
from sender.audience.erased_list import list_all
from sender.audience.erasing import finish_erasures
from sender.audience.importing import uploads
from sender.audience.lookups import tend
from sender.audience.registers import tell_outdated
from sender.audience.retention import Keeper
from sender.audience.sealer import seal_some
from sender.automations import entering, stepping
from sender.backup.place import hold_if_elsewhere, mark
from sender.campaigns.control import cancel_waiting, finish_done, pause_strayed, start_due
from sender.campaigns.frozen import forget_some
from sender.campaigns.planner import plan_slice
from sender.delivery.brakes import brake
from sender.delivery.canary import fly_if_due
from sender.delivery.comparing import compare
from sender.delivery.dispatcher import Dispatcher, Ring
from sender.delivery.recalling import Recaller
from sender.delivery.receipts import apply
from sender.delivery.reconciler import reconcile
from sender.delivery.restoring import restore_some
from sender.delivery.reviews import decide_overdue
from sender.delivery.sweeper import expire, sweep
from sender.delivery.timekeeping import Timekeeper
from sender.delivery.wire import Wire
from sender.models import Campaign
from sender.processes.actors import URGENT, declare, make_broker, not_here
from sender.processes.lease import BEAT_SECONDS, SILENT_SECONDS, Turn
from sender.processes.presence import Attendance
from sender.runtime import Runtime
from sender.watching.telling import tell_people
from sender.watching.watch import watch
from sender.webhooks.deliveries import post_due
from sender.webhooks.events import tell
from sender.webhooks.outside import Poster, read_networks

log = structlog.get_logger()
IDLE_SECONDS = 0.15
URGENT_IDLE_SECONDS = 0.04
"""How long the lane of urgent texts rests: its one question is answered by a small partial index."""


@dataclass
class Step:
    """One kind of work: at most once in ``every`` real seconds; answers how much it found to do.

    What goes ``by_the_clock`` (starts, hours, ends) rests while this process's clock is wrong.
    """

    name: str
    every: float
    do: Callable[[], int]
    by_the_clock: bool = True
    last: float = float("-inf")


class Scheduler:
    """Takes the steps of each lane in turn, lanes side by side: asking Twilio delays no receipt and no sweep.

    A step that fails is logged and asked again: the others go on. One that is ``silent`` so long is followed.
    """

    def __init__(
        self,
        runtime: Runtime,
        ring: Ring,
        wire: Wire,
        ring_urgent: Ring | None = None,
        silent: float = SILENT_SECONDS,
    ) -> None:
        self.runtime = runtime
        self.timekeeper = Timekeeper(runtime, wire)
        self._turn = Turn(runtime.db, "scheduler", runtime.clock.elapsed, silent)
        self._active = threading.Event()
        self.poster = Poster(read_networks(runtime.settings.webhook_networks))
        dispatcher = Dispatcher(runtime, ring, ring_urgent)
        self.lanes = {
            "planning": [Step("start", 0.5, lambda: start_due(runtime)), Step("plan", 0.0, self._plan)],
            "braking": [
                Step("approvals", 1.0, lambda: pause_strayed(runtime), by_the_clock=False),
                Step("brakes", 5.0, lambda: brake(runtime), by_the_clock=False),
            ],
            "urgent": [Step("hand over what is urgent", 0.0, dispatcher.hand_over_urgent)],
            "sending": [Step("hand over", 0.1, dispatcher.hand_over)],
            "receipts": [Step("receipts", 0.1, lambda: apply(runtime), by_the_clock=False)],
            "settling": [
                Step("reconcile", 2.0, lambda: reconcile(runtime, wire)),
                Step("compare", 600.0, lambda: compare(runtime, wire)),
            ],
            "replies": [
                Step("restore", 0.5, lambda: restore_some(runtime, wire)),
                Step("take back", 0.5, Recaller(runtime, wire).step, by_the_clock=False),
                Step("review", 5.0, lambda: decide_overdue(runtime)),
            ],
            "numbers": [Step("ask about numbers", 600.0, lambda: tend(runtime, wire.ask), by_the_clock=False)],
            "imports": [
                Step("import", 0.5, lambda: uploads.tend(runtime), by_the_clock=False),
                Step("uploads", 3600.0, lambda: uploads.discard_old(runtime)),
                Step("registers", 3600.0, lambda: tell_outdated(runtime)),
            ],
            "telling": [
                Step("watch", 10.0, lambda: watch(runtime), by_the_clock=False),
                Step("tell", 1.0, lambda: tell(runtime), by_the_clock=False),
                Step("post", 1.0, lambda: post_due(runtime, self.poster, wire), by_the_clock=False),
            ],
            "automations": [
                Step("enter", 0.5, lambda: entering.enter(runtime)),
                Step("come round", 1.0, lambda: entering.come_round(runtime)),
                Step("leave", 1.0, lambda: stepping.leave(runtime)),
                Step("take steps", 0.5, lambda: stepping.take_steps(runtime)),
            ],
            "notices": [Step("tell people", 5.0, lambda: tell_people(runtime), by_the_clock=False)],
            "forgetting": [
                Step("erase", 5.0, lambda: finish_erasures(runtime), by_the_clock=False),
                Step("list the erased", 60.0, lambda: list_all(runtime), by_the_clock=False),
                Step("keep no longer", 1.0, Keeper(runtime).step),
            ],
            "archiving": [Step("archive", 1.0, Archiver(runtime).step)],
            "canary": [
                Step("canary", 15.0, lambda: fly_if_due(runtime), by_the_clock=False),
                Step("twin", 60.0, lambda: hold_if_elsewhere(runtime), by_the_clock=False),
            ],
            "tidying": [
                Step("sweep", 2.0, lambda: sweep(runtime)),
                Step("expire", 10.0, lambda: expire(runtime)),
                Step("see who is there", 15.0, Attendance(runtime).step, by_the_clock=False),
                Step("mark", 60.0, lambda: mark(runtime)),
                Step("cancel", 1.0, lambda: cancel_waiting(runtime), by_the_clock=False),
                Step("seal", 2.0, lambda: seal_some(runtime.db, runtime.keys), by_the_clock=False),
                Step("seal the audit", 2.0, lambda: audit.seal_some(runtime.db, runtime.keys), by_the_clock=False),
                Step("sum up reads", 600.0, lambda: sum_up(runtime)),
                Step("forget lists", 5.0, lambda: forget_some(runtime), by_the_clock=False),
                Step("finish", 1.0, lambda: finish_done(runtime), by_the_clock=False),
            ],
        }

    def run(self, told: threading.Event) -> None:
        """Take steps in every lane until told to stop, while this is the active scheduler."""
        self._beat()
        threads = [threading.Thread(target=self._lane, args=(name, told), name=name) for name in self.lanes]
        for thread in threads:
            thread.start()
        while not told.wait(BEAT_SECONDS):
            self._beat()
        for thread in threads:
            thread.join()
        if self._active.is_set():
            self._turn.give_up()

    def _beat(self) -> None:
        """Go on as long as this is the active scheduler; stand by while it is not, or while nobody can tell."""
        try:
            mine = self._turn.mine()
        except SQLAlchemyError as error:
            log.error("the lease could not be asked for", error=type(error).__name__)
            return
        if mine and not self._active.is_set():
            log.info("this scheduler is the active one")
            self._active.set()
        elif not mine and self._active.is_set():
            log.warning("another scheduler has taken over")
            self._active.clear()

    def _lane(self, name: str, told: threading.Event) -> None:
        idle = URGENT_IDLE_SECONDS if name == "urgent" else IDLE_SECONDS
        while not told.is_set():
            if not self._active.is_set() or not self.round(name):
                told.wait(idle)

    def round(self, lane: str) -> int:
        """Take every step of a lane that is due once; returns how much was done."""
        return sum(self._take(step) for step in self.lanes[lane])

    def _take(self, step: Step) -> int:
        elapsed = self.runtime.clock.elapsed()
        if elapsed - step.last < step.every:
            return 0
        step.last = elapsed
        try:
            if step.by_the_clock and not self.timekeeper.is_right():
                return 0
            return step.do()
        except Exception as error:
            # One step's trouble (the database restarts, Redis is away) must not stop the others.
            log.error("step failed", step=step.name, error=type(error).__name__)
            return 0

    def _plan(self) -> int:
        """One slice of each running campaign, so that a big one does not starve a small one."""
        with self.runtime.db.read() as session:
            unplanned = (col(Campaign.status) == "running", col(Campaign.planned_at).is_(None))
            ids = session.execute(select(col(Campaign.id)).where(*unplanned)).scalars().all()
        return sum(plan_slice(self.runtime, campaign_id or 0) for campaign_id in ids)


def run_scheduler(runtime: Runtime, redis_url: str) -> None:
    """Look for due work until SIGTERM or SIGINT."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: told.set())
    broker, wire = make_broker(redis_url), Wire()
    bell, urgent_bell = declare(broker, not_here), declare(broker, not_here, URGENT)

    def ring(ids: list[int]) -> None:
        bell.send(ids)

    def ring_urgent(ids: list[int]) -> None:
        urgent_bell.send(ids)

    scheduler = Scheduler(runtime, ring, wire, ring_urgent)
    log.info("scheduler ready")
    scheduler.run(told)
    wire.ask(scheduler.poster.close())
    wire.ask(runtime.provider.close())
    wire.close()
    broker.close()
