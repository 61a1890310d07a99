"""Doors for whoever watches the process: is it alive, can it work, what has it counted."""

from collections.abc import Iterable

from flask import Response
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sender.campaigns.reports import notices
from sender.runtime import Runtime
from sender.watching.measures import figures
from web.auth import Door, anyone, this_machine
from web.context import Metrics, runtime, web

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"

door = Door("health", __name__, rule=anyone)
metrics_door = Door("metrics", __name__, rule=this_machine)


@door.get("/healthz")
def alive() -> Response:
    """The process answers; it says nothing about the database."""
    return Response("ok\n", mimetype="text/plain")


@door.get("/readyz")
def ready() -> Response:
    """The database answers and has our tables: 200, else 503. A halted installation is still ready: STOPs come in."""
    try:
        with runtime().db.read() as session:
            notices(session)
    except Exception:
        return Response("the database does not answer\n", status=503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")


@metrics_door.get("/metrics")
def metrics() -> Response:
    """Counters in Prometheus' text format, for this machine only."""
    return Response(generate_latest(web().metrics.registry), content_type=TEXT_FORMAT)


class Figures(Collector):
    """What the database knows, read when asked."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One gauge a figure."""
        for figure in figures(self._runtime):
            family = GaugeMetricFamily(figure.name, figure.says, labels=[figure.label] if figure.label else None)
            for value, count in figure.values.items():
                family.add_metric([value] if figure.label else [], count)
            yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing before it is asked: a process starts without its database, too."""
        return []


def make_metrics(runtime: Runtime) -> Metrics:
    """A registry of this process alone."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(runtime))
    requests = Counter("tactful_requests", "Requests answered.", ["route", "status"], registry=registry)
    return Metrics(registry, requests)
