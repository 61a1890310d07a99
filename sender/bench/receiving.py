"""Taking status callbacks: the product's web process, and the plain hook, under the same load."""

import sys
from dataclasses import replace

from sender.bench.house import House
from sender.bench.measured import Run, run_of, run_task
from sender.bench.running import Running
from sender.supervisor import Process
from sender.up import build_processes

PLAIN_HOOK = [sys.executable, "-m", "sender.bench.plain_hook"]


def take_receipts(house: House, count: int, *, plain: bool) -> Run:
    """``count`` signed callbacks, each durable before it is answered; processor and memory are the web process's."""
    web = next(one for one in build_processes(house.settings, house.environment) if one.name == "web")
    process: Process = replace(web, command=PLAIN_HOOK) if plain else web
    with Running(house.folder) as running:
        running.start(process)
        before = running.usage()["web"]
        posted = run_task(house, "post", count=count)
        used = running.usage()["web"].since(before)
    return run_of(count, count / posted.rate, {"web": used})
