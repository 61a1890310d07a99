"""Sending over HTTP: the SDK alone, a task for each text, and a campaign through all processes of an installation.

All send to the same endpoint, which reports only where receipts are measured. What was sent is read from its log, when
it was recorded from the messages. A text that is missing or was sent twice spoils the run.
"""

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from sender.bench.house import ACCOUNT, ACTOR, FROM_NUMBER, TOKEN, BenchError, House
from sender.bench.measured import Run, run_of, run_task
from sender.bench.plain import count_sent, queue_again
from sender.bench.preparing import make_campaign
from sender.bench.running import Running
from sender.bench.tutorial import READY as READY_TO_WORK
from sender.bench.usage import Usage
from sender.campaigns import control
from sender.campaigns.moves import ControlError
from sender.cli.common import build, redis_address
from sender.models import Campaign, Message
from sender.processes.supervisor import Process
from sender.processes.up import build_processes
from sender.runtime import Runtime
from sender.states import Status

ENDPOINT = "endpoint"
TASK_WORKERS = 2
READY = {"worker": "worker ready", "scheduler": "scheduler ready"}
SLOWEST = 20.0
"""Texts in a second below which a run is given up."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the simulator takes to answer, in seconds: the mean, and how far it strays to both sides."""

    mean: float = 0.0
    spread: float = 0.0


def reach_endpoint(house: House, count: int) -> Run:
    """``count`` bare requests of one prepared text: what the endpoint itself can take."""
    with Running(house.folder) as running:
        running.start(_endpoint(house, Latency()))
        before = running.usage()
        run = run_task(house, "bare", port=house.simulator_port, count=count)
        used = running.usage()[ENDPOINT].since(before[ENDPOINT])
    return Run(run.rate, used.cpu / count * 1e6, used.peak)


def send_by_tasks(house: House, latency: Latency, count: int) -> Run:
    """``count`` texts, each a Dramatiq task, by two worker processes of the tutorials' design."""
    runtime = build(house.settings)
    try:
        queue_again(runtime.db)
        used, last = _work_off(house, runtime, latency, count)
    finally:
        runtime.db.close()
    taken = [entry["to"] for entry in _entries(house, "accepted")]
    if len(taken) != count:
        raise BenchError(f"The baseline of tasks sent {len(taken):,} texts instead of {count:,}.")
    return run_of(count, last - _first_request(house), used)


def _work_off(house: House, runtime: Runtime, latency: Latency, count: int) -> tuple[dict[str, Usage], float]:
    """What each process took, and the epoch second at which the last row was marked as sent."""
    redis_url = redis_address(house.settings)
    command = [sys.executable, "-m", "sender.bench.tutorial", redis_url]
    valkey = next(one for one in build_processes(house.settings, house.environment) if one.name == "valkey")
    with Running(house.folder) as running:
        for process in (valkey, _endpoint(house, latency)):
            running.start(process)
        for number in range(1, TASK_WORKERS + 1):
            running.start(Process(f"tasks-{number}", command, house.environment), READY_TO_WORK)
        before = running.usage()
        run_task(house, "tasks", redis_url=redis_url, count=count)
        longest = 60 + count / SLOWEST
        running.wait("The tasks did not come to an end.", longest, lambda: count_sent(runtime.db) >= count)
        last, after = time.time(), running.usage()
    return {name: one.since(before[name]) for name, one in after.items()}, last


def send_by_sdk(house: House, latency: Latency, count: int, threads: int) -> Run:
    """``count`` texts by the SDK's default client in so many threads."""
    with Running(house.folder) as running:
        running.start(_endpoint(house, latency))
        return run_task(
            house,
            "sdk",
            url=house.settings.twilio_base_url,
            account=ACCOUNT,
            token=TOKEN,
            from_number=FROM_NUMBER,
            contacts=str(house.contacts),
            count=count,
            threads=threads,
        )


def send_campaign(house: House, name: str, latency: Latency, *, receipts: bool) -> Run:
    """The campaign of this name to everybody, from its first request until the last text is recorded as sent.

    With ``receipts`` until the last is recorded as delivered, which takes two signed callbacks each.
    """
    runtime = build(house.settings)
    wanted = Status.DELIVERED if receipts else Status.SENT
    try:
        campaign_id = _planned(house, runtime, name)
        used = _send_all(house, runtime, campaign_id, latency, wanted)
        seconds = _last_record(runtime, campaign_id, wanted) - _first_request(house)
    finally:
        runtime.db.close()
    return run_of(house.people, seconds, used)


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a campaign began: seconds until its first request, texts a second since, peak MiB of processes."""

    seconds: float
    rate: float
    peaks: dict[str, float]


def resume_campaign(house: House, name: str, latency: Latency, lasting: float) -> Beginning:
    """Resume a planned campaign, let it send for so many seconds, and pause it again."""

    def resume(runtime: Runtime) -> int:
        campaign_id = _planned(house, runtime, name)
        control.resume(runtime, campaign_id, ACTOR)
        return campaign_id

    return _begin(house, latency, lasting, resume)


def start_campaign(house: House, name: str, latency: Latency, lasting: float) -> Beginning:
    """Start a campaign to everybody of which nothing is planned yet, let it send, and pause it."""

    def start(runtime: Runtime) -> int:
        campaign_id = make_campaign(runtime, name)
        control.schedule(runtime, campaign_id, runtime.clock.now(), ACTOR)
        return campaign_id

    return _begin(house, latency, lasting, start)


def _begin(house: House, latency: Latency, lasting: float, begin: Callable[[Runtime], int]) -> Beginning:
    runtime = build(house.settings)
    try:
        with Running(house.folder) as running:
            for process in _processes(house, latency, receipts=False):
                running.start(process, READY.get(process.name.partition("-")[0], ""))
            began = time.time()
            campaign_id = begin(runtime)
            running.wait("The campaign did not begin.", lasting + 60, lambda: time.time() > began + lasting)
            peaks = {name: used.peak for name, used in running.usage().items()}
            with suppress(ControlError):  # few people are all texted by now
                control.pause(runtime, campaign_id, ACTOR)
    finally:
        runtime.db.close()
    arrived = [float(entry["arrived"]) for entry in _entries(house, "request")]
    if not arrived:
        raise BenchError("No request of the campaign came.")
    in_time = [at for at in arrived if at <= began + lasting]
    return Beginning(arrived[0] - began, len(in_time) / (began + lasting - arrived[0]), peaks)


def require_each_once(house: House) -> None:
    """BenchError unless the simulator took exactly one text to each person."""
    taken = [entry["to"] for entry in _entries(house, "accepted")]
    if len(taken) != house.people or len(set(taken)) != house.people:
        raise BenchError(f"{len(taken):,} texts to {len(set(taken)):,} of {house.people:,} people were accepted.")


def _planned(house: House, runtime: Runtime, name: str) -> int:
    """The campaign, planned now unless the measure of planning has done it."""
    with runtime.db.read() as session:
        found = session.execute(select(col(Campaign.id)).where(col(Campaign.name) == name)).scalar()
    if found is None:
        run_task(house, "plan", name=name)
        return _planned(house, runtime, name)
    return int(found)


def _send_all(house: House, runtime: Runtime, campaign_id: int, latency: Latency, wanted: Status) -> dict[str, Usage]:
    """Start everything, let the campaign go, wait for its end; what each process took meanwhile."""
    with Running(house.folder) as running:
        for process in _processes(house, latency, receipts=wanted is Status.DELIVERED):
            running.start(process, READY.get(process.name.partition("-")[0], ""))
        before = running.usage()
        control.resume(runtime, campaign_id, ACTOR)
        longest = 60 + house.people / SLOWEST
        running.wait("The campaign did not come to an end.", longest, lambda: _all(runtime, campaign_id, wanted))
        after = running.usage()
    require_each_once(house)
    return {name: one.since(before[name]) for name, one in after.items()}


def _processes(house: House, latency: Latency, receipts: bool) -> list[Process]:
    return [_endpoint(house, latency, receipts=receipts), *build_processes(house.settings, house.environment)]


def _endpoint(house: House, latency: Latency, *, receipts: bool = False) -> Process:
    _log(house).unlink(missing_ok=True)
    words = {"port": house.simulator_port, "log": _log(house), "mean": latency.mean, "spread": latency.spread}
    words["ahead"] = house.ahead
    if receipts:
        words |= {"account": ACCOUNT, "token": TOKEN}
    command = [sys.executable, "-m", "sender.bench.endpoint"]
    command += [word for name, value in words.items() for word in (f"--{name}", str(value))]
    return Process(ENDPOINT, command, ready=lambda: _is_open(house.simulator_port))


def _is_open(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _log(house: House) -> Path:
    return house.folder / "simulator.jsonl"


def _entries(house: House, event: str) -> Iterator[dict[str, Any]]:
    start = f'{{"event":"{event}"'
    with _log(house).open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.startswith(start))


def _all(runtime: Runtime, campaign_id: int, wanted: Status) -> bool:
    """Whether every text of the campaign is in the wanted state."""
    # Named one by one, so that an index finds the first: the question is asked beside what is measured.
    others = col(Message.status).in_([one.value for one in Status if one is not wanted])
    with runtime.db.read() as session:
        found = select(col(Message.id)).where(col(Message.campaign_id) == campaign_id, others).limit(1)
        return session.execute(found).first() is None


def _first_request(house: House) -> float:
    return float(next(_entries(house, "request"))["arrived"])


def _last_record(runtime: Runtime, campaign_id: int, wanted: Status) -> float:
    """The epoch second at which the last text came to rest."""
    column = col(Message.final_at) if wanted is Status.DELIVERED else col(Message.sent_at)
    with runtime.db.read() as session:
        last = session.execute(select(func.max(column)).where(col(Message.campaign_id) == campaign_id)).scalar_one()
    clock = runtime.clock
    return clock.anchor_real + float((last - clock.anchor_now).total_seconds())
