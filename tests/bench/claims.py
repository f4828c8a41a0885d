"""`make bench-claims`: how fast claims get their numbers, beside how fast Kubernetes binds volumes to their claims.

Both in one run on one API server, the same load: claims created at fixed times, whether or not the earlier ones are
bound, and a watch that notes when each one says Bound. First ten seconds at 75 a second, then a few seconds at rising
rates, until the binder falls behind. A rate is held when at the end of its seconds at most one second's worth of claims
is unbound, and two seconds later nearly all are bound; and when the sender could send at that rate at all. A rate that
was not held is tried once more.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count

from ringfleet.kube.client import Kube
from tests.bench.measure import WriteCounter, percentile, show
from tests.bench.volumes import VolumeBinder
from tests.cluster.claims import NUMBER_CLAIMS, bound_twice, claims_of_numbers, numbers_of_claims, some_claims
from tests.cluster.load import UNHINDERED, Load, run_load
from tests.cluster.stage import ROOT, Stage, install_operator_rbac
from tests.cluster.stock import AREA_CODE, open_stock, put_numbers, wait_free
from tests.controlplane.cluster import running_cluster
from tests.endings import ended_politely
from tests.simulator.process import SimulatorProcess

RATE = 75
SECONDS = 10
FREE = 1_050
FIRST_RATE, STEP, STEP_SECONDS = 40.0, 1.25, 4
TRIES = 2
GRACE_S, GRACE_SHARE = 2.0, 0.95
SENT_SHARE = 0.95
AIM_P99_MS = 100
AIM_TIMES = 2

Run = Callable[[float, int], Awaitable[Load]]
"""Have so many claims (second) bound that come at this rate (first) a second."""


def main() -> None:
    with running_cluster() as cluster, SimulatorProcess("--balance", "1000000.00") as simulator:
        cluster.install(ROOT / "crds")
        install_operator_rbac(cluster)
        stage = Stage(cluster, cluster.new_namespace("bench-claims"), simulator)
        try:
            _say(f"making {FREE} numbers")
            open_stock(stage, FREE)
            asyncio.run(_measure(stage))
        finally:
            stage.close()


async def _measure(stage: Stage) -> None:
    async with Kube.connect(stage.cluster.kubeconfig, limits=UNHINDERED) as kube:
        numbers, volumes = NumberBinder(kube, stage), VolumeBinder(kube, stage.namespace)
        _say(f"{RATE} claims a second for {SECONDS} s, of numbers and then of volumes")
        with WriteCounter(stage.cluster, stage.namespace) as counter:
            ours = await numbers.run(RATE, RATE * SECONDS)
            wait_free(stage, FREE - RATE * SECONDS)  # what nobody waits for is written by then, too
            writes = counter.writes()
        theirs = await volumes.run(RATE, RATE * SECONDS, spare=FREE - RATE * SECONDS)
        best, their_best = await _highest_rate(numbers.run), await _highest_rate(volumes.run)
    twice = _check_bindings(stage)
    report(ours, twice, best, theirs, their_best, writes)


class NumberBinder:
    """Runs of number claims. Claims stay, with their numbers; free numbers are made before a run that needs more."""

    def __init__(self, kube: Kube, stage: Stage) -> None:
        self._kube = kube
        self._stage = stage
        self._free = FREE
        self._runs = count()

    async def run(self, rate: float, claims: int) -> Load:
        if self._free < claims:
            await put_numbers(self._stage, {AREA_CODE: claims - self._free})
            self._free = claims
        wait_free(self._stage, self._free)
        self._free -= claims
        bodies = some_claims(claims, f"run-{next(self._runs)}")
        return await run_load(self._kube, NUMBER_CLAIMS, self._stage.namespace, bodies, rate)


async def _highest_rate(run: Run) -> float:
    """The last of the rising rates that is held; 0 when the first is not."""
    best, rate = 0.0, FIRST_RATE
    while await _is_held(run, rate):
        best, rate = rate, rate * STEP
    return best


async def _is_held(run: Run, rate: float) -> bool:
    for _ in range(TRIES):
        load = await run(rate, round(rate * STEP_SECONDS))
        _say(f"{rate:.0f} a second: {load.unbound(load.ended)} unbound at the end, {'' if holds(load) else 'not '}held")
        if holds(load):
            return True
    return False


def holds(load: Load) -> bool:
    """Whether sender and binder kept up with the rate; see the module."""
    sent = load.pace() >= SENT_SHARE * load.rate
    soon = load.unbound(load.ended + GRACE_S)
    return sent and load.unbound(load.ended) <= load.rate and soon <= (1 - GRACE_SHARE) * len(load.sent)


def _check_bindings(stage: Stage) -> int:
    """How many claims share their number, which is none. Raises AssertionError when numbers and claims disagree."""
    held = numbers_of_claims(stage)
    assert claims_of_numbers(stage) == {number: claim for claim, number in held.items()}
    return bound_twice(held)


def report(ours: Load, twice: int, best: float, theirs: Load, their_best: float, writes: Counter[str]) -> None:
    """Print it. `writes`: by verb and resource, those of the load itself among them."""
    p50, p90, p99 = (percentile(ours.latencies(), share) * 1000 for share in (0.5, 0.9, 0.99))
    their_p50, their_p99 = (percentile(theirs.latencies(), share) * 1000 for share in (0.5, 0.99))
    by_us = writes - Counter({"create numberclaims": len(ours.sent)})
    rows = [
        ("claims bound", str(len(ours.bound)), f"{RATE * SECONDS} created, {FREE} numbers free"),
        ("  of them sharing a number", str(twice), "0"),
        ("creation to Bound, p50", f"{p50:.0f} ms", f"volumes {their_p50:.0f} ms"),
        ("creation to Bound, p90", f"{p90:.0f} ms", ""),
        ("creation to Bound, p99", f"{p99:.0f} ms", f"volumes {their_p99:.0f} ms; aim {AIM_P99_MS} ms"),
        *((f"  {what} a claim", f"{made / len(ours.bound):.2f}", "") for what, made in sorted(by_us.items())),
        ("highest rate held", f"{best:.0f} a second", f"volumes {their_best:.0f} a second; aim {AIM_TIMES} times that"),
    ]
    result = {
        "rate": RATE,
        "bound": len(ours.bound),
        "twice": twice,
        "p50_ms": round(p50, 1),
        "p90_ms": round(p90, 1),
        "p99_ms": round(p99, 1),
        "max_rate": round(best, 1),
        "pv_p50_ms": round(their_p50, 1),
        "pv_p99_ms": round(their_p99, 1),
        "pv_max_rate": round(their_best, 1),
        "rate_ratio": round(best / their_best, 2) if their_best else 0.0,
        "p99_ratio": round(p99 / their_p99, 2),
        "writes_per_claim": round(sum(by_us.values()) / len(ours.bound), 2),
    }
    show(f"{RATE} claims a second for {SECONDS} s", rows, result)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(ended_politely(main))
