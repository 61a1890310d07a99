"""A worker process: takes batches off the bell and delivers them until it is told to stop."""

import signal
import threading

import structlog
from dramatiq import Worker

from guards.places import places_of
from sender.actors import declare, make_broker
from sender.collector import spare_what_lasts
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.runtime import Runtime

log = structlog.get_logger()
GRACE_SECONDS = 15.0


def run_worker(runtime: Runtime, redis_url: str) -> None:
    """Deliver until SIGTERM or SIGINT; then open no new gates and wait up to 15 s for what is on the wire."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: told.set())
    # The first look-up loads the tables (up to a second); no gate must hold its locks for that.
    places_of("+12125550100", postal_code="10001")
    wire = Wire()
    pipeline = Pipeline(runtime, wire)
    broker = make_broker(redis_url)
    declare(broker, pipeline.deliver)
    worker = Worker(broker, worker_threads=runtime.settings.worker_threads, worker_timeout=100)
    worker.start()
    spare_what_lasts()
    log.info("worker ready", threads=runtime.settings.worker_threads)
    told.wait()
    pipeline.stop()
    worker.stop(timeout=int(GRACE_SECONDS * 1000))
    wire.ask(runtime.provider.close())
    wire.close()
    broker.close()
