"""Liveness, readiness and metrics, on a port of their own.

`/healthz`: the process answers. `/readyz`: the inventory was read and the ledger works (`readiness.py`); it stays ready
while the API server is away, because picks go on. `/metrics`: what Prometheus asks for; README.md has the table of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import accumulate

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Info,
    Metric,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ringfleet import __version__

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the latency histogram, in seconds; one more holds what took longer."""


class PickDurations(Collector):
    """A histogram that one loop tells, and that is asked in the same process: prometheus_client's own takes a lock for
    each of its numbers, and longer than any other line of a pick."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._sum += seconds

    def collect(self) -> Iterable[Metric]:
        bounds = (*map(floatToGoString, BUCKETS), "+Inf")
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(
            "ringfleet_dispatch_pick_duration_seconds",
            "Time to answer or refuse a pick.",
            buckets=buckets,
            sum_value=self._sum,
        )


class Metrics:
    """What one dispatcher tells, in a registry of its own: two dispatchers in one process do not add up."""

    def __init__(self) -> None:
        # Else each counter tells a second series, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = CollectorRegistry(auto_describe=True)
        self._answers = Counter(
            "ringfleet_dispatch_answers_total",
            "Requests answered: picks, webhook events, and whatever was refused.",
            ("outcome", "status"),
            registry=self.registry,
        )
        self._opt_out_messages = Counter(
            "ringfleet_dispatch_opt_out_messages_total",
            "Messages that ask to be left alone or let in again, or may: by what became of them.",
            ("wish", "taken"),
            registry=self.registry,
        )
        self._pick_duration = PickDurations()
        self.registry.register(self._pick_duration)
        self._ledger_errors = Counter(
            "ringfleet_dispatch_ledger_errors_total",
            "Requests that the ledger could not serve.",
            registry=self.registry,
        )
        self._unchecked = Counter(
            "ringfleet_dispatch_unchecked_callers_total",
            "Times that the right of a known caller was held because the API server could not be asked for it.",
            registry=self.registry,
        )
        self._forwarded = Counter(
            "ringfleet_dispatch_events_forwarded_total",
            "Carrier events sent to the analytics URL, and requests passed on (`relayed`, `relay-refused`, "
            "`relay-unreachable`, `relay-forbidden`), each time that they were: by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        self._inventory_age = Gauge(
            "ringfleet_dispatch_inventory_age_seconds",
            "Time since the API server was last heard of; +Inf before the first list.",
            registry=self.registry,
        )
        Info("ringfleet_build", "The version that runs.", registry=self.registry).info({"version": __version__})
        ProcessCollector(registry=self.registry)
        self._on_ledger_failure: list[Callable[[], None]] = []
        self._answers_of: dict[tuple[str, int], Counter] = {}

    def answered(self, outcome: str, status: int, times: int = 1) -> None:
        """One request was answered: `outcome` is `picked`, `deferred`, `dry-run`, the name of a problem, or one of
        these with `event-` before it. The child of a pair is kept, because to find it costs four times the counting.
        """
        child = self._answers_of.get((outcome, status))
        if child is None:
            child = self._answers_of[outcome, status] = self._answers.labels(outcome, status)
        child.inc(times)

    def wished(self, wish: str, taken: bool) -> None:
        """A message came that asks to be left alone (`leave`), to be let in again (`return`), or may ask the one
        (`unclear`). `taken`: it was acted on; one that is unclear never is."""
        self._opt_out_messages.labels(wish, str(taken).lower()).inc()

    def took(self, seconds: float) -> None:
        """One pick was answered, or refused, after so long."""
        self._pick_duration.observe(seconds)

    def ledger_failed(self) -> None:
        """The ledger could not serve a request."""
        self._ledger_errors.inc()
        for hear in self._on_ledger_failure:
            hear()

    def on_ledger_failure(self, hear: Callable[[], None]) -> None:
        """Call `hear` for each request that the ledger could not serve."""
        self._on_ledger_failure.append(hear)

    def let_in_unchecked(self) -> None:
        """A caller's right was held for a while, because the API server could not be asked for it."""
        self._unchecked.inc()

    def forwarded(self, outcome: str, events: int) -> None:
        """So many events were sent on: `taken`, or else `refused` or `unreachable`, and sent again."""
        self._forwarded.labels(outcome).inc(events)

    def follow_age(self, age: Callable[[], float]) -> None:
        """Ask `age` for the seconds since the inventory was last heard of, whenever somebody looks."""
        self._inventory_age.set_function(age)


def health_app(
    metrics: Metrics,
    ready: Callable[[], bool],
    age: Callable[[], float],
    ledger: Callable[[], bool] = lambda: True,
    webhooks: Callable[[], bool] = lambda: True,
    split: Callable[[], str | None] = lambda: None,
) -> Starlette:
    """`ready`: whether the inventory was read; `age`: of it, in seconds; `ledger`: whether the ledger works;
    `webhooks`: whether carriers are answered; `split`: why another ledger decides."""
    metrics.follow_age(age)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        if not ready():
            return PlainTextResponse("the inventory is not read yet\n", 503)
        if said := split():
            return PlainTextResponse(f"{said}\n", 503)
        if not webhooks():
            return PlainTextResponse("the webhook process does not run\n", 503)
        return PlainTextResponse("ready\n") if ledger() else PlainTextResponse("the ledger does not work\n", 503)

    async def show(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), headers={"content-type": content_type})

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", show)])
