"""What a request works with: the runtime of its process and whatever the process keeps beside it."""

from dataclasses import dataclass, field

from flask import current_app
from prometheus_client import CollectorRegistry, Counter

from sender.delivery.receipts import ReceiptIn
from sender.runtime import Runtime
from web.api.limits import InFlight, Rates
from web.receipt_writer import ReceiptWriter
from web.rehearsing import Rehearsals
from web.remembered import Remembered

NAME = "tactful"


@dataclass(frozen=True, slots=True)
class Metrics:
    """What this process counts for Prometheus."""

    registry: CollectorRegistry
    requests: Counter


@dataclass(frozen=True, slots=True)
class Web:
    """One web process: its runtime, the writer of receipts, its counters, and what it knows of the API's callers."""

    runtime: Runtime
    receipts: ReceiptWriter[ReceiptIn]
    metrics: Metrics
    rates: Rates
    in_flight: InFlight
    rehearsals: Rehearsals = field(default_factory=Rehearsals)
    remembered: Remembered = field(default_factory=Remembered)


def web() -> Web:
    """The process that answers this request."""
    found: Web = current_app.extensions[NAME]
    return found


def runtime() -> Runtime:
    """The runtime of this process."""
    return web().runtime
