"""What an installation does after a fault, by hand and without waiting: sweep, hand over, receipts, reconcile."""

from collections import Counter
from datetime import timedelta

from sender.delivery.dispatcher import Dispatcher
from sender.delivery.pipeline import Pipeline
from sender.delivery.receipts import apply
from sender.delivery.reconciler import SLICE, reconcile
from sender.delivery.sweeper import expire, sweep
from sender.delivery.wire import Wire
from sender.runtime import Runtime
from sender.simulator.config import Latency
from tests.chaos.house import RESTING, House, token_of

ROUNDS = 30
BACK_OFF = timedelta(minutes=2)


def recover(house: House) -> None:
    """The faults are over: sweep and deliver what is left, now and when every back-off has passed, settle the rest."""
    house.simulator.world.faults.stop()
    house.simulator.world.latency = Latency()
    for ahead in (timedelta(), BACK_OFF):
        _deliver(house, ahead)
    settle(house)


def _deliver(house: House, ahead: timedelta) -> None:
    with house.runtime(ahead=ahead, later=timedelta(minutes=5)) as runtime:
        wire = Wire()
        pipeline = Pipeline(runtime, wire)
        dispatcher = Dispatcher(runtime, pipeline.deliver)
        for _ in range(ROUNDS):
            if not sweep(runtime) + expire(runtime) + dispatcher.hand_over() + apply(runtime):
                break
        _end(runtime, wire)


def settle(house: House) -> None:
    """Ask the provider's list for every text of unknown outcome, twice, long after it could still arrive."""
    for minutes in range(6, 6 + ROUNDS):
        unknown = house.statuses()["unconfirmed"]
        if not unknown:
            return
        with house.runtime(ahead=timedelta(hours=13), later=timedelta(minutes=minutes)) as runtime:
            wire = Wire()
            for _ in range(unknown // SLICE + 1):
                reconcile(runtime, wire)
            apply(runtime)
            _end(runtime, wire)


def _end(runtime: Runtime, wire: Wire) -> None:
    wire.ask(runtime.provider.close())
    wire.close()


def judged(house: House, more: list[str], *, settled: bool = False) -> list[str]:
    """What must never be, seen from outside: a text taken twice, a create that no durable row knows, and ``more``.

    ``settled``: all has come to rest, so nothing may be in a state that is not final either.
    """
    of = house.messages_of_tokens()
    unknown = [
        f"the create {entry['request_id']} has no attempt" for entry in house.requests() if token_of(entry) not in of
    ]
    times = Counter(of.get(token_of(entry)) for entry in house.accepted())
    doubled = [f"message {message} was accepted {count} times" for message, count in times.items() if count > 1]
    return more + unknown + doubled + (_open(house) if settled else [])


def _open(house: House) -> list[str]:
    return [f"{count} messages are {state}" for state, count in house.statuses().items() if state not in RESTING]
