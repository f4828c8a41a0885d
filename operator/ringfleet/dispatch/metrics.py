"""Liveness, readiness and metrics, on a port of their own.

`/healthz`: the process answers. `/readyz`: the inventory was read and the ledger is open; it stays ready while the API
server is away, because picks go on. `/metrics`: Prometheus' text format (version 0.0.4).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from math import inf

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the latency histogram, in seconds; one more holds what took longer."""
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What was answered: `answers` by outcome and status, where an outcome is `picked`, `deferred`, `dry-run` or the
    name of a problem. `ledger_errors`: how often the ledger could not be read or written."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self.ledger_errors = 0
        self._took = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def took(self, seconds: float) -> None:
        """One pick was answered, or refused, after so long."""
        self._took[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def text(self, inventory_age: float) -> str:
        return "\n".join(self._lines(inventory_age)) + "\n"

    def _lines(self, inventory_age: float) -> Iterable[str]:
        yield from _head("answers_total", "counter", "Answers by outcome and status.")
        for (outcome, status), count in sorted(self.answers.items()):
            yield f'ringfleet_dispatch_answers_total{{outcome="{outcome}",status="{status}"}} {count}'
        yield from _head("pick_duration_seconds", "histogram", "Time to answer or refuse a pick.")
        below = 0
        for bound, count in zip((*BUCKETS, inf), self._took, strict=True):
            below += count
            yield f'ringfleet_dispatch_pick_duration_seconds_bucket{{le="{_number(bound)}"}} {below}'
        yield f"ringfleet_dispatch_pick_duration_seconds_sum {self._seconds:.6f}"
        yield f"ringfleet_dispatch_pick_duration_seconds_count {below}"
        yield from _head("ledger_errors_total", "counter", "Requests that the ledger could not serve.")
        yield f"ringfleet_dispatch_ledger_errors_total {self.ledger_errors}"
        yield from _head("inventory_age_seconds", "gauge", "Since the API server was last heard of.")
        yield f"ringfleet_dispatch_inventory_age_seconds {_number(round(inventory_age, 1))}"


def health_app(metrics: Metrics, ready: Callable[[], bool], age: Callable[[], float]) -> Starlette:
    """`ready`: whether picks are answered; `age`: of the inventory, in seconds."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        return PlainTextResponse("ready\n") if ready() else PlainTextResponse("the inventory is not read yet\n", 503)

    async def show(_: Request) -> Response:
        return PlainTextResponse(metrics.text(age()), media_type=PROMETHEUS)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", show)])


def _head(name: str, kind: str, about: str) -> tuple[str, str]:
    return f"# HELP ringfleet_dispatch_{name} {about}", f"# TYPE ringfleet_dispatch_{name} {kind}"


def _number(value: float) -> str:
    return "+Inf" if value == inf else f"{value:g}"
