"""Taking status callbacks: the product's hooks process, and the plain hook, under the same load."""

import sys
from dataclasses import replace

from sender.bench.house import House
from sender.bench.measured import Run, run_of, run_task
from sender.bench.running import Running
from sender.processes.supervisor import Process
from sender.processes.up import build_processes

PLAIN_HOOK = [sys.executable, "-m", "sender.bench.plain_hook"]


def take_receipts(house: House, count: int, *, plain: bool) -> Run:
    """``count`` signed callbacks, each durable before it is answered; processor and memory of whoever takes them."""
    hooks = next(one for one in build_processes(house.settings, house.environment) if one.name == "hooks")
    process: Process = replace(hooks, command=PLAIN_HOOK) if plain else hooks
    with Running(house.folder) as running:
        running.start(process)
        before = running.usage()["hooks"]
        posted = run_task(house, "post", count=count)
        used = running.usage()["hooks"].since(before)
    return run_of(count, count / posted.rate, {"hooks": used})
