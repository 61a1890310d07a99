"""Rehearsals that run while people look elsewhere: one after the other, with how far each is, kept in this process."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sender.campaigns.rehearsal import Rehearsal
from web.language import later

KEPT = 50
Work = Callable[[Callable[[int, int], None]], Rehearsal]


@dataclass
class Run:
    """One rehearsal: how far it is (``done`` of ``total``), then its result, or one sentence on why there is none."""

    edition: int
    done: int = 0
    total: int = 0
    result: Rehearsal | None = None
    trouble: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def share(self) -> int:
        """Per cent done."""
        return 100 * self.done // self.total if self.total else 0

    def tell(self, done: int, total: int) -> None:
        """How far it is."""
        self.done, self.total = done, total


class Rehearsals:
    """The rehearsals of this process by campaign. One thread works, so that pages keep theirs."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, Run] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="rehearsal")

    def find(self, campaign_id: int) -> Run | None:
        """The last one of this campaign, under way or done."""
        with self._lock:
            return self._runs.get(campaign_id)

    def start(self, campaign_id: int, edition: int, work: Work, expected: tuple[type[Exception], ...]) -> Run:
        """Begin one, unless one of the same edition is under way; ``expected`` errors become its sentence."""
        with self._lock:
            known = self._runs.get(campaign_id)
            if known is not None and known.edition == edition and not known.over.is_set():
                return known
            run = self._runs[campaign_id] = Run(edition)
            self._runs.move_to_end(campaign_id)
            while len(self._runs) > KEPT:
                self._runs.popitem(last=False)
        self._worker.submit(_carry_out, run, work, expected)
        return run


def _carry_out(run: Run, work: Work, expected: tuple[type[Exception], ...]) -> None:
    try:
        run.result = work(run.tell)
    except expected as error:
        run.trouble = str(error)
    except Exception:
        run.trouble = later("The rehearsal broke off through a fault of ours; nothing was sent.")
        raise
    finally:
        run.over.set()
