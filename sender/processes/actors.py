"""The bell between scheduler and workers. A Dramatiq message carries ids and nothing else.

No retries, delays, results or time limits: all truth is in the database, a doubled id loses the gate's conditional
update, a lost one is found by the sweep. Guards are not Dramatiq middleware: an exception there is only logged and the
actor runs (tried on 2.2.1).
"""

from collections.abc import Callable

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

QUEUE = "deliver"
URGENT = "deliver_urgent"
HEARTBEAT_MS = 600_000
MAINTENANCE = 100_000

Deliver = Callable[[list[int]], None]


def make_broker(url: str) -> RedisBroker:
    """A broker at ``url`` (redis://, rediss:// or unix://) that never repeats a command by itself."""
    client = redis.Redis.from_url(
        url, socket_timeout=5, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0), health_check_interval=30
    )
    return RedisBroker(  # type: ignore[no-untyped-call]
        client=client, middleware=[], heartbeat_timeout=HEARTBEAT_MS, maintenance_chance=MAINTENANCE
    )


def declare(broker: dramatiq.Broker, deliver: Deliver, queue: str = QUEUE) -> "dramatiq.Actor[[list[int]], None]":
    """The actor of one queue on this broker; workers give it their pipeline, the scheduler only rings it."""
    broker.declare_queue(queue)
    return dramatiq.Actor(
        deliver, broker=broker, actor_name=queue, queue_name=queue, priority=0, options={"max_retries": 0}
    )


def not_here(ids: list[int]) -> None:
    """What the actor does in a process that only rings the bell."""
    raise RuntimeError("texts are delivered by worker processes only")
