"""A worker process: takes batches off the bell and delivers them until it is told to stop."""

import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from dramatiq import Broker, Worker

from guards.places import places_of
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.processes.actors import QUEUE, URGENT, declare, make_broker
from sender.processes.collector import spare_what_lasts
from sender.runtime import Runtime

log = structlog.get_logger()
GRACE_SECONDS = 15.0


def run_worker(runtime: Runtime, redis_url: str) -> None:
    """Deliver until SIGTERM or SIGINT; then open no new gates and wait up to 15 s for what is on the wire."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: told.set())
    # The first look-up loads the tables; no gate must hold its locks for that.
    places_of("+12125550100", postal_code="10001")
    wire = Wire(runtime.db.stand_aside)
    lanes = start_lanes(runtime, wire, redis_url)
    spare_what_lasts()
    log.info("worker ready", threads=runtime.settings.worker_threads)
    told.wait()
    stop_lanes(lanes)
    wire.ask(runtime.provider.close())
    wire.close()


@dataclass(frozen=True, slots=True)
class Lane:
    """One queue with a broker, threads and places on the wire of its own."""

    broker: Broker
    pipeline: Pipeline
    worker: Worker


def start_lanes(runtime: Runtime, wire: Wire, redis_url: str) -> list[Lane]:
    """Take batches off both bells; what is urgent never waits for a thread or a place that a campaign has taken."""
    settings = runtime.settings
    return [
        _start(redis_url, Pipeline(runtime, wire, settings.urgent_connections), URGENT, 1),
        _start(redis_url, Pipeline(runtime, wire), QUEUE, settings.worker_threads),
    ]


def stop_lanes(lanes: Sequence[Lane]) -> None:
    """Open no more gates, and wait up to 15 s for what is on the wire."""
    for lane in lanes:
        lane.pipeline.stop()
    over = time.monotonic() + GRACE_SECONDS
    for lane in lanes:
        lane.worker.stop(timeout=int(_left(over) * 1000))
        lane.pipeline.finish(_left(over))
        lane.broker.close()


def _left(over: float) -> float:
    return max(0.0, over - time.monotonic())


def _start(redis_url: str, pipeline: Pipeline, queue: str, threads: int) -> Lane:
    broker = make_broker(redis_url)
    declare(broker, pipeline.take, queue)
    worker = Worker(broker, worker_threads=threads, worker_timeout=100)
    worker.start()
    return Lane(broker, pipeline, worker)
