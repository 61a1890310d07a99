"""``python -m sender.bench.child TASK JSON``: one measure in a process of its own, so that its memory is its own too.

A task first makes ready (imports, connections) and returns the work; only the work is measured. Prints one JSON object.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from sender.bench import usage

TASKS = {
    "sdk": "sender.bench.sdk:prepare",
    "tasks": "sender.bench.tutorial:prepare",
    "bare": "sender.bench.bare:prepare",
    "import": "sender.bench.preparing:prepare_import",
    "rehearse": "sender.bench.preparing:prepare_rehearsal",
    "blocked": "sender.bench.preparing:prepare_blocked",
    "count": "sender.bench.preparing:prepare_count",
    "plan": "sender.bench.preparing:prepare_plan",
    "plain import": "sender.bench.plain:prepare_import",
    "plain plan": "sender.bench.plain:prepare_plan",
    "post": "sender.bench.posting:prepare",
}

Work = Callable[[], int]
"""Does the measured thing and says how often it did it."""


def main(name: str, arguments: dict[str, Any]) -> None:
    """Do one task and print how many, in how many seconds, with which processor time (s) and peak memory (MiB).

    Both with those of the processes that it started.
    """
    module, _, function = TASKS[name].partition(":")
    work: Work = getattr(importlib.import_module(module), function)(**arguments)
    before, began = usage.of_tree(os.getpid()), time.perf_counter()
    count = work()
    seconds, used = time.perf_counter() - began, usage.of_tree(os.getpid()).since(before)
    json.dump({"count": count, "seconds": seconds, "cpu": used.cpu, "peak": used.peak}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
